import { CountersignError } from '../codec/error.ts'
import { decodeUtf8, quoteUpTo } from '../codec/text.ts'
import type { World } from '../codec/world.ts'
import { describeFailure } from '../oci/transport/failure.ts'
import { discard, readAtMost } from '../oci/transport/read-body.ts'

/** A service that takes part in signing, and how to reach it. */
export type ServiceAccess = {
  readonly world: Pick<World, 'fetch' | 'sleep' | 'randomBytes'>
  readonly url: URL // what paths are added to; of a timestamp authority all of it
  readonly signal: AbortSignal
  readonly limits?: Partial<ServiceLimits>
}

/** How long a service is waited for. */
export type ServiceLimits = {
  readonly attemptMs: number // for one answer: 30 s, for Rekor v2 answers when its next checkpoint is out
  readonly totalMs: number // for all attempts and the pauses between them: 60 s
  readonly attempts: number // 4
}

/** One request. It may be sent several times, so asking twice must come to the same as asking once. */
export type ServiceRequest = {
  readonly method: 'GET' | 'POST'
  readonly path: string // below the service's URL; empty asks the URL itself
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly accepts: readonly number[] // statuses that are answers; every other one is a refusal or an outage
  readonly limitBytes: number
  readonly secret?: string // never shown, also where the service repeats it
}

/** An answer with one of the statuses that were asked for. */
export type ServiceAnswer = {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
  readonly what: string // begins messages about it: `POST https://fulcio.example/api/v2/signingCert`
}

const defaultLimits: ServiceLimits = { attemptMs: 30_000, totalMs: 60_000, attempts: 4 }
const firstPauseMs = 1000
const longestPauseMs = 30_000
const refusalLimitBytes = 16 << 10

/**
 * Asks a service, and asks again while it may be only passing: after statuses of 500 and more and 429, and after broken connections, each
 * time twice as long after the last, or as long as `Retry-After` says. What a service refuses is refused at once. Redirects are not
 * followed: they would carry a token, or a signature, to another host.
 *
 * @throws CountersignError `SERVICE_REFUSED` with the service's own words, `SERVICE_UNAVAILABLE` when no attempt within the time brought an
 *   answer, `LIMIT_EXCEEDED` for one that is too large; the signal's own reason
 * @see services.md §0, "Retries by clients"
 */
export async function askService(access: ServiceAccess, request: ServiceRequest): Promise<ServiceAnswer> {
  const { world, signal } = access
  const { totalMs, attempts, attemptMs } = { ...defaultLimits, ...access.limits }
  const url = request.path === '' ? access.url : new URL(request.path, slashed(access.url))
  const what = `${request.method} ${url.origin}${url.pathname}`
  const total = AbortSignal.any([signal, AbortSignal.timeout(totalMs)])
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptOnce(world.fetch, url, request, { what, attemptMs, total, signal })
    if (!('error' in outcome)) return outcome
    if (attempt >= attempts) throw outcome.error
    try {
      await world.sleep(pauseMs(attempt, outcome.retryAfterMs, world.randomBytes), total)
    } catch {
      signal.throwIfAborted() // the caller's own reason passes through unchanged
      throw outcome.error // the time is up: the last outage is what there is to tell
    }
  }
}

type Outage = { readonly error: CountersignError; readonly retryAfterMs: number }

type Attempt = { readonly what: string; readonly attemptMs: number; readonly total: AbortSignal; readonly signal: AbortSignal }

async function attemptOnce(
  fetch: World['fetch'],
  url: URL,
  { method, headers, body, accepts, limitBytes, secret }: ServiceRequest,
  { what, attemptMs, total, signal }: Attempt,
): Promise<ServiceAnswer | Outage> {
  const deadline = AbortSignal.any([total, AbortSignal.timeout(attemptMs)])
  try {
    const response = await fetch(url, { method, headers, redirect: 'manual', signal: deadline, ...(body && { body: body.slice() }) })
    const { status } = response
    if (accepts.includes(status))
      return { status, headers: response.headers, bytes: await readAtMost(response, limitBytes, what, signal), what }
    const said = await wordsOf(response, secret)
    const message = `${what}: want status ${accepts.join(' or ')}, got ${status}${said}`
    if (status < 500 && status !== 429) throw new CountersignError('SERVICE_REFUSED', message)
    return { error: new CountersignError('SERVICE_UNAVAILABLE', message), retryAfterMs: retryAfterMs(response.headers) }
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof CountersignError && cause.code !== 'SERVICE_UNAVAILABLE') throw cause
    const { kind, words } = describeFailure(cause)
    const reason = deadline.aborted ? `no answer within ${attemptMs} ms` : words
    const error = new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${reason}`, { cause })
    if (kind === 'certificate' || kind === 'not-tls') throw error // asking again shows the same certificate
    return { error, retryAfterMs: 0 }
  }
}

function slashed(url: URL): string {
  return url.href.endsWith('/') ? url.href : `${url.href}/`
}

/** Twice as long each time, and up to half as much again, so that those who were refused together do not come back together. */
function pauseMs(attempt: number, wanted: number, randomBytes: World['randomBytes']): number {
  const backoff = firstPauseMs * 2 ** (attempt - 1)
  return Math.min(longestPauseMs, Math.max(wanted, Math.round(backoff * (1 + (randomBytes(1)[0] ?? 0) / 510))))
}

/** Seconds; a date, which RFC 9110 also allows, is as good as nothing here. */
function retryAfterMs(headers: Headers): number {
  const value = headers.get('retry-after') ?? ''
  return /^[0-9]{1,6}$/.test(value) ? Number(value) * 1000 : 0
}

/** What a service says of its refusal: the `message` of its JSON, or its text. */
async function wordsOf(response: Response, secret: string | undefined): Promise<string> {
  let text: string
  try {
    text = decodeUtf8(await readAtMost(response, refusalLimitBytes, 'refusal'), 'refusal').trim()
  } catch {
    await discard(response)
    return ''
  }
  const words = messageIn(text)
  if (words === '' || (secret !== undefined && words.includes(secret))) return ''
  return `: ${quoteUpTo(words, 300)}`
}

function messageIn(text: string): string {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') return json.message
  } catch {
    // not JSON: then its words are the text itself
  }
  return text.startsWith('<') ? '' : text // pages of proxies say nothing in few words
}
