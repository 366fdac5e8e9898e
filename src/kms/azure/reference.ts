import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { reachOf } from '../../oci/transport/host.ts'

/** A key in a vault of Azure Key Vault or a managed HSM, as `azurekms://HOST/KEY[/VERSION]` names it. */
export type AzureReference = {
  readonly vaultUrl: string // `https://release.vault.azure.net`
  readonly isLoopback: boolean // an emulator on this machine
  readonly name: string
  readonly version: string | undefined // 32 hexadecimal digits; nothing: the newest that is enabled
}

const host = /^(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*$/i

/**
 * Reads a reference to a key of Azure, whole and strictly. A port is for emulators on this machine alone.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 * @see formats-and-flows §1.3; names and versions: Azure Key Vault "object identifiers"
 */
export function parseAzureReference(text: string): AzureReference {
  const malformed = (problem: string) =>
    new CountersignError(
      'REFERENCE_MALFORMED',
      `key reference ${quote(text.replace(/[?#].*/s, '').replace(/^([^/]*:\/\/)[^/]*@/, '$1'))}: want azurekms://VAULT-HOST/KEY or azurekms://VAULT-HOST/KEY/VERSION; ${problem}`,
    )
  const [, authority = '', path] = /^azurekms:\/\/([^/?#]*)(?:\/([^?#]*))?$/s.exec(text) ?? []
  const [name = '', version, ...others] = path?.split('/') ?? []
  if (authority === '') throw malformed('it names no vault')
  if (authority.includes('@')) throw malformed('want no user name or password')
  const [, hostname = '', port] = /^(.*?)(?::([0-9]{1,5}))?$/s.exec(authority)!
  if (!host.test(hostname)) throw malformed(`vault: want a host name such as release.vault.azure.net, got ${quote(authority)}`)
  const isLoopback = reachOf(hostname) === 'loopback'
  if (port !== undefined && (!isLoopback || Number(port) === 0 || Number(port) > 65_535))
    throw malformed(`vault: want no port, but for an emulator on this machine, got ${quote(port)}`)
  if (!/^[0-9A-Za-z-]{1,127}$/.test(name)) throw malformed(`key: want 1 to 127 letters, digits and dashes, got ${quote(name)}`)
  if (version !== undefined && !/^[0-9a-f]{32}$/.test(version))
    throw malformed(`version: want 32 hexadecimal digits in lower case, got ${quote(version)}`)
  if (others.length > 0) throw malformed('nothing follows the version')
  return { vaultUrl: `https://${authority.toLowerCase()}`, isLoopback, name, version }
}
