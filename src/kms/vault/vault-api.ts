import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, parseJson, readArray, readAs, readObject, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { reachOf } from '../../oci/transport/host.ts'
import { readAtMost } from '../../oci/transport/read-body.ts'
import { retryAfterMs } from '../../oci/transport/retry.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { explainConnection, withinDeadline } from '../remote/within-deadline.ts'
import type { VaultProduct } from './reference.ts'
import { readVaultSettings, type VaultSettings } from './settings.ts'
import { explainVaultRefusal, permissionMissing, tokenUnknown, type VaultQuestion, type VaultRefusal } from './vault-failure.ts'

/** The transit secrets engine of a server. */
export type TransitApi = {
  /** What is said of a key: `data` of the answer, at most 1 MiB. */
  readonly readKey: (key: string) => Promise<JsonObject>
  readonly createKey: (key: string, type: string) => Promise<void>
  /** @param hash - in the path; none for what is signed whole */
  readonly sign: (key: string, hash: string | undefined, body: Readonly<Record<string, string | number | boolean>>) => Promise<JsonObject>
}

/** A key's versions come in one answer: a thousand of ECDSA, or of RSA hundreds. */
const answerLimitBytes = 1 << 20
const redirectLimit = 3

/**
 * Speaks to the transit secrets engine that the environment names; nothing is read or asked before the first call. Each call has 30 s with
 * all its attempts, each is one request when all is well.
 *
 * Every call throws CountersignError: what `readVaultSettings` does; `KEY_NOT_FOUND`, `KEY_DISABLED`, `KEY_UNSUPPORTED`, `KMS_UNAUTHORIZED`,
 * `KMS_DENIED`, `KMS_UNAVAILABLE`, `KMS_RESPONSE_MALFORMED`.
 */
export function createTransitApi(product: VaultProduct, what: string, effects: ProviderEffects): TransitApi {
  let settings: Promise<VaultSettings> | undefined
  const call = async (
    path: (engine: string) => string,
    capability: VaultQuestion['capability'],
    body?: Readonly<Record<string, string | number | boolean>>,
  ): Promise<JsonObject | undefined> => {
    settings ??= readVaultSettings(product, what, effects)
    let known = await settings
    const asked = (): VaultQuestion => ({ path: path(known.engine), capability, engine: known.engine, secret: known.token })
    const explain = (cause: unknown) => {
      if (cause instanceof Refused) return explainVaultRefusal(what, cause.refusal, asked())
      if (cause instanceof CountersignError && cause.code !== 'SERVICE_UNAVAILABLE') return cause
      return explainConnection(what, cause)
    }
    return await withinDeadline(what, effects, explain, async ask => {
      const attempt = () => unlessForbidden(ask(signal => exchange(what, known, asked().path, body, signal, effects.world)))
      let answer = await attempt()
      if (answer === 'forbidden') {
        // Whoever runs for long outlives a token; an agent that renews it writes the file anew.
        const { token, tokenFrom } = await readVaultSettings(product, what, effects)
        if (token !== known.token) {
          known = { ...known, token, tokenFrom }
          settings = Promise.resolve(known)
          answer = await attempt()
        }
      }
      if (answer !== 'forbidden') return answer
      // Vault says 403 to unknown tokens too: whether it knows this one tells what to do about it.
      const itself = await unlessForbidden(ask(signal => exchange(what, known, 'auth/token/lookup-self', undefined, signal, effects.world)))
      throw (itself === 'forbidden' ? tokenUnknown : permissionMissing)(what, asked(), known.tokenFrom)
    })
  }
  const must = (data: JsonObject | undefined): JsonObject => {
    if (!data) throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want an answer with data, got none`)
    return data
  }
  return {
    readKey: async key => must(await call(engine => `${engine}/keys/${key}`, 'read')),
    createKey: async (key, type) => void (await call(engine => `${engine}/keys/${key}`, 'update', { type })),
    sign: async (key, hash, body) => must(await call(engine => `${engine}/sign/${key}${hash ? `/${hash}` : ''}`, 'update', body)),
  }
}

class Refused extends Error {
  readonly refusal: VaultRefusal
  constructor(refusal: VaultRefusal) {
    super(`status ${refusal.status}`)
    this.refusal = refusal
  }
}

/** A 403, which `explain` passes through as it is. */
class Forbidden extends CountersignError {
  constructor(what: string) {
    super('KMS_DENIED', `${what}: got status 403`)
  }
}

async function unlessForbidden<T>(answer: Promise<T>): Promise<T | 'forbidden'> {
  try {
    return await answer
  } catch (cause) {
    if (cause instanceof Forbidden) return 'forbidden'
    throw cause
  }
}

/** `data` of a 200, nothing for a 204. */
async function exchange(
  what: string,
  { address, token, namespace, fetch }: VaultSettings,
  path: string,
  body: Readonly<Record<string, string | number | boolean>> | undefined,
  signal: AbortSignal,
  world: ProviderEffects['world'],
): Promise<JsonObject | undefined> {
  const headers = {
    'x-vault-token': token,
    'x-vault-request': 'true', // a proxy of Vault's own may insist on it, against forged requests of browsers
    ...(namespace && { 'x-vault-namespace': namespace }),
    ...(body && { 'content-type': 'application/json' }),
  }
  let url = new URL(`${address.href.replace(/\/$/, '')}/v1/${path}`)
  for (let redirects = 0; ; redirects++) {
    const sent = { method: body ? 'PUT' : 'GET', headers, signal, redirect: 'manual' as const, ...(body && { body: JSON.stringify(body) }) }
    const response = await fetch(url, sent)
    const bytes = await readAtMost(response, answerLimitBytes, what, signal)
    const location = response.headers.get('location')
    if ((response.status === 307 || response.status === 308) && location !== null) {
      if (redirects === redirectLimit) throw new CountersignError('KMS_UNAVAILABLE', `${what}: more than ${redirectLimit} redirects`)
      url = activeNode(what, location, url)
      continue
    }
    if (response.status === 204) return undefined
    if (response.status === 403) throw new Forbidden(what)
    if (response.status !== 200)
      throw new Refused({
        status: response.status,
        errors: errorsOf(bytes),
        retryAfterMs: retryAfterMs(response.headers.get('retry-after'), world.now()),
      })
    return readAs('KMS_RESPONSE_MALFORMED', what, () => {
      const answer = readObject(parseJson(bytes, what, { bytes: answerLimitBytes }), what)
      return readObject(answer['data'], `${what}: data`)
    })
  }
}

/** Where a standby node leads: the token goes along only to the same host, and never to where others could read it. */
function activeNode(what: string, location: string, from: URL): URL {
  const next = location.length <= 8192 ? URL.parse(location, from.href) : null
  const isSafe =
    next?.protocol === 'https:' || (next?.protocol === 'http:' && from.protocol === 'http:' && reachOf(next.hostname) === 'loopback')
  if (!next || !isSafe || next.username !== '' || next.password !== '')
    throw new CountersignError('KMS_UNAVAILABLE', `${what}: redirected to ${quote(next ? next.origin : 'no URL')}, want https`)
  if (next.hostname !== from.hostname)
    throw new CountersignError(
      'KMS_UNAVAILABLE',
      `${what}: a standby node leads to ${quote(next.origin)}, where the token is not sent: set the address to the active node, or to what stands before all of them`,
    )
  return next
}

/** What the server says was wrong; nothing where it says it in no way that is known. */
function errorsOf(bytes: Uint8Array): readonly string[] {
  try {
    const answer = readObject(parseJson(bytes, 'errors', { bytes: answerLimitBytes }), 'errors')
    return readArray(answer['errors'], 'errors', 20, readString)
  } catch {
    return []
  }
}
