import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import { reachOf } from '../../oci/transport/host.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { VaultProduct } from './reference.ts'

/** Where a server is, and as whom it is spoken to. */
export type VaultSettings = {
  readonly address: URL // of its root: paths of the interface follow
  readonly token: string
  readonly tokenFrom: string // for messages: the variable or file
  readonly namespace: string | undefined
  readonly engine: string // path of the transit secrets engine, without slashes around it
  readonly fetch: Fetch
}

const fileLimitBytes = 1 << 20

/**
 * What the environment says, in the variables of Vault's and OpenBao's own clients. Those of the product that the reference names come first;
 * the other's count where its own address is not set, so that no token goes to a server that it is not for.
 *
 * @param what - begins messages
 * @throws CountersignError `USAGE` without an address and for what cannot be used, `CAPABILITY_MISSING` for what is not followed,
 *   `KMS_UNAUTHORIZED` without a token; `FILE_UNREADABLE` or `LIMIT_EXCEEDED` of files
 */
export async function readVaultSettings(product: VaultProduct, what: string, effects: ProviderEffects): Promise<VaultSettings> {
  const variables = variablesOf(product, what, effects.environment)
  const address = readAddress(variables, what)
  const { token, from } = await readToken(variables, what, effects)
  const namespace = variables.get('NAMESPACE')
  if (namespace && !/^[\x21-\x7e]{1,1024}$/.test(namespace.value))
    throw unusable(what, namespace.name, 'a path of namespaces', quote(namespace.value))
  return {
    address,
    token,
    tokenFrom: from,
    namespace: namespace?.value.replace(/^\/|\/$/g, ''),
    engine: readEngine(what, effects.environment),
    fetch: await readConnection(variables, what, effects),
  }
}

type Variable = { readonly name: string; readonly value: string }
type Variables = { readonly get: (suffix: string) => Variable | undefined; readonly names: (suffix: string) => string }

function variablesOf(product: VaultProduct, what: string, environment: ReadonlyMap<string, string>): Variables {
  const [own, other] = product === 'OpenBao' ? ['BAO_', 'VAULT_'] : ['VAULT_', 'BAO_']
  const isSet = (name: string) => (environment.get(name) ?? '') !== ''
  const prefix = isSet(`${own}ADDR`) || !isSet(`${other}ADDR`) ? own! : other! // whose address it is
  const beside = prefix === own ? other! : own!
  const usable = isSet(`${beside}ADDR`) ? [prefix] : [prefix, beside]
  return {
    get: suffix => {
      const name = usable.map(each => `${each}${suffix}`).find(isSet)
      if (name === undefined) return undefined
      const value = environment.get(name)!
      if (value.length > fileLimitBytes)
        throw new CountersignError('LIMIT_EXCEEDED', `${what}: ${name}: want at most ${fileLimitBytes} characters`)
      return { name, value }
    },
    names: suffix => `${own}${suffix} or ${other}${suffix}`,
  }
}

function readAddress(variables: Variables, what: string): URL {
  const variable = variables.get('ADDR')
  if (!variable)
    throw new CountersignError('USAGE', `${what}: want the address of its server in ${variables.names('ADDR')}: https://vault.example:8200`)
  const { name, value } = variable
  const url = URL.parse(value)
  if (!url || !['https:', 'http:'].includes(url.protocol) || url.username || url.password || url.search || url.hash)
    throw unusable(
      what,
      name,
      'an https:// URL without user name, query or fragment',
      quote(url ? `${url.protocol}//${url.host}` : 'no URL'),
    )
  if (url.protocol === 'http:' && reachOf(url.hostname) !== 'loopback')
    throw unusable(what, name, 'https, for the token would be sent in the clear', quote(url.origin))
  return url
}

/** The token of the environment, or the one that `vault login` or `bao login` has left; token helpers are not run. */
async function readToken(
  variables: Variables,
  what: string,
  { environment, readFile }: Pick<ProviderEffects, 'environment' | 'readFile'>,
): Promise<{ readonly token: string; readonly from: string }> {
  const variable = variables.get('TOKEN')
  const home = environment.get('HOME') || environment.get('USERPROFILE')
  const path = home ? `${home.replace(/[\\/]$/, '')}/.vault-token` : undefined
  const from = variable?.name ?? '~/.vault-token'
  const missing = (why: string, cause?: unknown) =>
    new CountersignError(
      'KMS_UNAUTHORIZED',
      `${what}: want a token in ${variables.names('TOKEN')}, or in ~/.vault-token by "vault login" or "bao login", got none: ${why}`,
      { cause },
    )
  let text = variable?.value
  if (text === undefined) {
    if (path === undefined) throw missing('neither variable is set, and HOME is not either')
    try {
      text = decodeUtf8(await readFile(path, 16_384), `${what}: ~/.vault-token`)
    } catch (cause) {
      if (cause instanceof CountersignError && cause.code === 'FILE_UNREADABLE') throw missing(cause.message, cause)
      throw cause
    }
  }
  const token = text.trim() // as Vault's own client reads it: a file ends with a line break
  if (!/^[\x21-\x7e]{1,8192}$/.test(token)) throw unusable(what, from, 'a token', 'text that no header can hold')
  return { token, from }
}

function readEngine(what: string, environment: ReadonlyMap<string, string>): string {
  const engine = (environment.get('TRANSIT_SECRET_ENGINE_PATH') || 'transit').replace(/^\/|\/$/g, '')
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(engine) || engine.length > 1024 || engine.split('/').some(part => /^\.+$/.test(part)))
    throw unusable(what, 'TRANSIT_SECRET_ENGINE_PATH', 'the path of a transit secrets engine: transit', quote(engine))
  return engine
}

/** The process's own client, unless authorities, a client certificate or a name of the server are said. */
async function readConnection(variables: Variables, what: string, { fetch, connect, readFile }: ProviderEffects): Promise<Fetch> {
  for (const [suffix, instead] of [
    ['SKIP_VERIFY', 'name the authority in'],
    ['CAPATH', 'name one file in'],
  ] as const) {
    const variable = variables.get(suffix)
    if (variable && !(suffix === 'SKIP_VERIFY' && /^(0|f|false)$/i.test(variable.value)))
      throw new CountersignError('CAPABILITY_MISSING', `${what}: ${variable.name} is not followed: ${instead} ${variables.names('CACERT')}`)
  }
  const [authorities, inline, certificate, key, serverName] = [
    'CACERT',
    'CACERT_BYTES',
    'CLIENT_CERT',
    'CLIENT_KEY',
    'TLS_SERVER_NAME',
  ].map(variables.get)
  if (!certificate !== !key) {
    const given = certificate ?? key!
    throw unusable(what, given.name, `${variables.names('CLIENT_CERT')} and ${variables.names('CLIENT_KEY')}`, 'it alone')
  }
  const read = async (variable: Variable) => decodeUtf8(await readFile(variable.value, fileLimitBytes), `${what}: ${variable.name}`)
  const ca = inline?.value ?? (authorities && (await read(authorities)))
  if (ca === undefined && !certificate && !serverName) return fetch
  return connect({
    ...(ca !== undefined && { ca }),
    ...(certificate && key && { clientCertificate: { cert: await read(certificate), key: await read(key) } }),
    ...(serverName && { serverName: serverName.value }),
  })
}

function unusable(what: string, name: string, wanted: string, got: string): CountersignError {
  return new CountersignError('USAGE', `${what}: ${name}: want ${wanted}, got ${got}`)
}
