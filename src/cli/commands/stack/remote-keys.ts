import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { describeKeyReference, parseKeyReference } from '../../../kms/key-reference.ts'
import { loadSigner } from '../../../kms/load-key.ts'
import { type LoadRemoteKey, type RemoteKeyName, type RemoteKeys, remoteKeyNames } from '../../../services/stack/keys/remote-keys.ts'
import type { CommandContext } from '../../context.ts'
import { keySources } from '../../inputs/keys.ts'

/**
 * Opens keys of a stack that stay in a KMS or an HSM. An interrupt does not stop them: what waits is still logged while a stack winds up.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED` for a reference to anything else; what `loadSigner` throws
 */
export function remoteKeyLoader(context: CommandContext): LoadRemoteKey {
  const sources = { ...keySources(context), signal: AbortSignal.any([]) }
  return reference => {
    if (parseKeyReference(reference).kind !== 'remote')
      throw new CountersignError(
        'CONFIGURATION_MALFORMED',
        `keys: want a key in a KMS or an HSM, got ${describeKeyReference(reference)}; keys in files are made by \`stack init\``,
      )
    return loadSigner(reference, sources, () => context.prompts.passphrase({ confirm: false }))
  }
}

/** What `--key NAME=REFERENCE` says. @throws CountersignError `USAGE` */
export function readRemoteKeys(values: readonly string[]): RemoteKeys {
  const keys = new Map<RemoteKeyName, string>()
  for (const value of values) {
    const [, name, reference] = /^([^=]*)=(.+)$/s.exec(value) ?? []
    const known = remoteKeyNames.find(each => each === name)
    if (known === undefined || reference === undefined)
      throw new CountersignError(
        'USAGE',
        `--key: want NAME=KEY with NAME one of ${remoteKeyNames.join(', ')}, got ${quote(value.replace(/\?.*/s, ''))}`,
      )
    if (/^pkcs11:.*[?&;]pin-value=/s.test(reference))
      throw new CountersignError(
        'USAGE',
        `--key ${known}: want the PIN by COUNTERSIGN_PKCS11_PIN, or a file that pin-source names, got it in the URI, which is written to the configuration`,
      )
    if (keys.has(known)) throw new CountersignError('USAGE', `--key: want one key for ${known}, got two`)
    keys.set(known, reference)
  }
  return Object.fromEntries(keys)
}
