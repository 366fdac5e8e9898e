import { CountersignError } from '../../codec/error.ts'
import { parseJson, readObject } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { readComplaint } from '../complaint.ts'
import { basicAuthorization, type Credentials, secretsOf } from '../credentials/credentials.ts'
import { describeFailure } from '../transport/failure.ts'
import { discard, readAtMost } from '../transport/read-body.ts'
import { fetchFollowing, isRedirect } from '../transport/redirects.ts'
import { withRetries } from '../transport/retry.ts'

/** Where tokens of a registry come from, as its challenge says and `checkRealm` found fit. */
export type TokenService = { readonly realm: URL; readonly service: string | undefined; readonly registry: string }

/** What a registry accepts as `Authorization: Bearer`, for a while. */
export type Token = { readonly value: string; readonly expiresAtMs: number }

/** What a token may be asked with. Nothing else is ever sent to a token server. */
export type TokenCredentials = Extract<Credentials, { kind: 'anonymous' | 'basic' | 'identity-token' }>

const answerLimit = 64 << 10
const timeoutMs = 30_000
const leastValiditySeconds = 60
const longestValiditySeconds = 24 * 3600

/**
 * Asks a token server for a token with these scopes: by GET, with a user name and password where there are some; by the
 * OAuth 2 refresh grant for an identity token. It has 30 s and 64 KiB to answer, and may redirect only within its own origin.
 *
 * @param scopes - `repository:NAME:pull,push`, each sent as a parameter of its own
 * @throws CountersignError `REGISTRY_UNAUTHORIZED` when it gives none; `CREDENTIALS_MALFORMED` for an answer without a token;
 *   `CREDENTIALS_WITHHELD` when it points elsewhere; `REGISTRY_UNAVAILABLE`. No message holds a secret
 * @see https://distribution.github.io/distribution/spec/auth/token/ and .../auth/oauth/
 */
export async function fetchToken(
  world: Pick<World, 'fetch' | 'now' | 'randomBytes' | 'sleep'>,
  service: TokenService,
  scopes: readonly string[],
  credentials: TokenCredentials,
  caller: AbortSignal,
): Promise<Token> {
  const what = `token server ${service.realm.host} of registry ${service.registry}`
  const signal = AbortSignal.any([caller, AbortSignal.timeout(timeoutMs)])
  try {
    const byGrant = credentials.kind === 'identity-token'
    const ask = byGrant
      ? () => postGrant(world, service, scopes, credentials.token, signal)
      : () => getToken(world, service, scopes, credentials, signal, what)
    const response = await withRetries(world, !byGrant, signal, ask)
    if (response.status !== 200) throw await refusal(response, what, scopes, credentials)
    return readToken(await readAtMost(response, answerLimit, what, signal), what, world.now())
  } catch (cause) {
    caller.throwIfAborted()
    if (signal.aborted) throw new CountersignError('REGISTRY_UNAVAILABLE', `${what}: no answer within ${timeoutMs} ms`)
    if (cause instanceof CountersignError && cause.code !== 'SERVICE_UNAVAILABLE') throw cause
    const message = cause instanceof CountersignError ? cause.message : `${what}: ${describeFailure(cause).words}`
    throw new CountersignError('REGISTRY_UNAVAILABLE', message, { cause })
  }
}

async function getToken(
  world: Pick<World, 'fetch'>,
  service: TokenService,
  scopes: readonly string[],
  credentials: Exclude<TokenCredentials, { kind: 'identity-token' }>,
  signal: AbortSignal,
  what: string,
): Promise<Response> {
  const url = new URL(service.realm)
  if (service.service !== undefined) url.searchParams.set('service', service.service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  const headers: Record<string, string> = credentials.kind === 'basic' ? { authorization: basicAuthorization(credentials) } : {}
  const { response, url: answered } = await fetchFollowing(world.fetch, { method: 'GET', url, headers, signal }, what)
  if (answered.origin === url.origin) return response
  await discard(response)
  throw new CountersignError('CREDENTIALS_WITHHELD', `${what}: redirects to ${quote(answered.host)}, which is not asked`)
}

async function postGrant(
  world: Pick<World, 'fetch'>,
  service: TokenService,
  scopes: readonly string[],
  token: string,
  signal: AbortSignal,
) {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'countersign' })
  if (service.service !== undefined) form.set('service', service.service)
  if (scopes.length > 0) form.set('scope', scopes.join(' '))
  form.set('refresh_token', token)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return world.fetch(service.realm, { method: 'POST', headers, body: encodeUtf8(form.toString()), signal, redirect: 'manual' })
}

async function refusal(
  response: Response,
  what: string,
  scopes: readonly string[],
  credentials: TokenCredentials,
): Promise<CountersignError> {
  const { status } = response
  const said = await readComplaint(response, secretsOf(credentials))
  if (isRedirect(status)) return new CountersignError('CREDENTIALS_WITHHELD', `${what}: redirects a request that carries credentials`)
  const wanted = scopes.length === 0 ? 'a token' : `a token for ${scopes.map(quote).join(' and ')}`
  if (status === 429 || status >= 500)
    return new CountersignError('REGISTRY_UNAVAILABLE', `${what}: want ${wanted}, got status ${status}${said}`)
  const shown =
    credentials.kind === 'anonymous'
      ? 'without credentials'
      : credentials.kind === 'basic'
        ? 'with user name and password'
        : 'with the identity token'
  return new CountersignError('REGISTRY_UNAUTHORIZED', `${what}: want ${wanted}, asked ${shown}, got status ${status}${said}`)
}

/** Reads the answer. Parser messages quote what they read, which is a secret here: none is passed on. */
function readToken(bytes: Uint8Array, what: string, now: Date): Token {
  const wrong = (want: string): CountersignError =>
    new CountersignError('CREDENTIALS_MALFORMED', `${what}: want ${want}, got ${bytes.length} bytes without`)
  let answer: ReturnType<typeof readObject>
  try {
    answer = readObject(parseJson(bytes, what, { bytes: answerLimit }), what)
  } catch {
    throw wrong('a JSON object')
  }
  const value = answer['access_token'] || answer['token'] // either name, the first by preference as go-containerregistry does
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) throw wrong('a token of printable ASCII')
  const claimed = answer['expires_in']
  const seconds = typeof claimed === 'number' && claimed > 0 ? claimed : leastValiditySeconds
  const validForSeconds = Math.min(Math.max(seconds, leastValiditySeconds), longestValiditySeconds) // less than a minute counts as one: see the specification
  return { value, expiresAtMs: now.getTime() + validForSeconds * 900 } // a tenth early, so that none expires on its way
}
