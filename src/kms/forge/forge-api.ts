import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, parseJson, readAs, readObject } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import { describeFailure } from '../../oci/transport/failure.ts'
import { reachOf } from '../../oci/transport/host.ts'
import { discard, readAtMost } from '../../oci/transport/read-body.ts'

/** What a forge is spoken to with. */
export type ForgeEffects = {
  readonly environment: ReadonlyMap<string, string>
  readonly fetch: Fetch
  readonly signal: AbortSignal
}

/** The REST interface of a forge, with the caller's token on every request. */
export type ForgeApi = {
  readonly host: string
  /** The object at a path; nothing where there is none (404), or none that the token may see. */
  readonly get: (path: string) => Promise<JsonObject | undefined>
  readonly send: (method: 'POST' | 'PUT', path: string, body: Readonly<Record<string, string | boolean>>) => Promise<void>
}

export type ForgeSettings = {
  readonly base: URL
  readonly tokenVariable: string // for messages: the token itself is never in one
  readonly headers: Readonly<Record<string, string>>
}

const timeoutMs = 30_000
const answerLimitBytes = 1 << 20

/**
 * Speaks to a forge. Each request has 30 s, each answer at most 1 MiB, and nothing is tried twice. No redirect is followed: the
 * token is for this host, and what has moved has another name. What a forge says in its errors is not repeated, it may hold what
 * was sent.
 *
 * Every method throws CountersignError `FORGE_UNAUTHORIZED` (401), `FORGE_DENIED` (403 and other refusals), `CREDENTIALS_WITHHELD`
 * (a redirect), `FORGE_RESPONSE_MALFORMED`, `SERVICE_UNAVAILABLE` (no answer, 429, 5xx) or `LIMIT_EXCEEDED`
 */
export function createForgeApi({ base, tokenVariable, headers }: ForgeSettings, { fetch, signal }: ForgeEffects): ForgeApi {
  const ask = async <T>(method: string, path: string, body: string | undefined, read: (response: Response, what: string) => Promise<T>) => {
    const url = new URL(`${base.href.replace(/\/$/, '')}${path}`)
    const what = `${method} ${url.origin}${url.pathname}`
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const content = body === undefined ? {} : { body }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    try {
      const response = await fetch(url, { method, signal: deadline, redirect: 'manual', headers: { ...headers, ...type }, ...content })
      return await read(response, what)
    } catch (cause) {
      signal.throwIfAborted() // the caller's own reason passes through unchanged
      if (cause instanceof CountersignError) throw cause
      const reason = deadline.aborted ? `no answer within ${timeoutMs} ms` : describeFailure(cause).words
      throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${reason}`, { cause })
    }
  }
  const refuse = async (response: Response, what: string): Promise<never> => {
    await discard(response)
    throw refusal(response.status, what, tokenVariable)
  }
  return {
    host: base.host,
    get: path =>
      ask('GET', path, undefined, async (response, what) => {
        if (response.status === 404) {
          await discard(response)
          return undefined
        }
        if (response.status !== 200) return refuse(response, what)
        const bytes = await readAtMost(response, answerLimitBytes, what, signal)
        return readAs('FORGE_RESPONSE_MALFORMED', what, () => readObject(parseJson(bytes, what, { bytes: answerLimitBytes }), what))
      }),
    send: (method, path, body) =>
      ask(method, path, JSON.stringify(body), async (response, what) => {
        if (![200, 201, 204].includes(response.status)) return refuse(response, what)
        await discard(response)
      }),
  }
}

function refusal(status: number, what: string, tokenVariable: string): CountersignError {
  const got = `got status ${status}`
  if (status === 401) return new CountersignError('FORGE_UNAUTHORIZED', `${what}: the token in ${tokenVariable} is not known there, ${got}`)
  if (status === 403) return new CountersignError('FORGE_DENIED', `${what}: the token in ${tokenVariable} does not allow it, ${got}`)
  if (status >= 300 && status < 400)
    return new CountersignError('CREDENTIALS_WITHHELD', `${what}: it leads elsewhere, where the token is not sent, ${got}`)
  if (status === 429 || status >= 500) return new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${got}`)
  return new CountersignError('FORGE_DENIED', `${what}: it was not taken, ${got}`)
}

/**
 * The address that a variable such as `GITLAB_HOST` gives: a host, or a URL with or without a path. https, or http to this machine.
 *
 * @throws CountersignError `USAGE`
 */
export function parseForgeHost(text: string, variable: string): URL {
  const spelled = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`
  const url = URL.parse(spelled)
  if (!url || url.username || url.password || url.search || url.hash || !['https:', 'http:'].includes(url.protocol))
    throw new CountersignError(
      'USAGE',
      `${variable}: want a host or an https:// URL without user name, query or fragment, got ${describe(url, text)}`,
    )
  if (url.protocol === 'http:' && reachOf(url.hostname) !== 'loopback')
    throw new CountersignError('USAGE', `${variable}: want https, for the token would be sent in the clear, got ${quote(url.origin)}`)
  return url
}

/** A URL that is refused may hold a password. */
function describe(url: URL | null, text: string): string {
  return url ? quote(`${url.protocol}//${url.host}${url.pathname}`) : quote(text.includes('@') ? '…' : text)
}

/** The token in a variable. @throws CountersignError `USAGE` in cosign's words when there is none */
export function forgeToken(environment: ForgeEffects['environment'], variable: string): string {
  const token = environment.get(variable)
  if (!token) throw new CountersignError('USAGE', `could not find ${quote(variable)} environment variable`)
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CountersignError('USAGE', `${variable}: want a token, got text that no header can hold`)
  return token
}
