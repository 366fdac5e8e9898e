import type { World } from '../../codec/world.ts'
import { describeFailure } from './failure.ts'
import { discard } from './read-body.ts'

const attempts = 4
const firstDelayMs = 100
/** A server that wants a longer pause is told to the caller at once, who may have a better plan than to wait. */
const longestPauseMs = 30_000

/**
 * Makes an exchange again when it failed in a way that passes: up to three more times, with growing pauses, or the pause the
 * server asks for. The last answer or error is given as it is.
 *
 * @param idempotent - may be done twice; otherwise it is repeated only when the server cannot have acted: no connection
 *   came about, 429, or 503 with Retry-After
 */
export async function withRetries(
  world: Pick<World, 'now' | 'randomBytes' | 'sleep'>,
  idempotent: boolean,
  signal: AbortSignal,
  exchange: () => Promise<Response>,
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt === attempts
    let askedMs: number | undefined
    try {
      const response = await exchange()
      askedMs = retryAfterMs(response.headers.get('retry-after'), world.now())
      if (isLast || !isPassing(response.status, askedMs !== undefined, idempotent) || (askedMs ?? 0) > longestPauseMs) return response
      await discard(response)
    } catch (cause) {
      signal.throwIfAborted()
      if (isLast || !isPassingFailure(cause, idempotent)) throw cause
    }
    const spread = 0.75 + (world.randomBytes(1)[0]! / 255) * 0.5 // a quarter less to a quarter more
    await world.sleep(Math.max(firstDelayMs * 3 ** (attempt - 1) * spread, askedMs ?? 0), signal)
  }
}

function isPassing(status: number, saysWhen: boolean, idempotent: boolean): boolean {
  if (status === 429 || (status === 503 && saysWhen)) return true
  return idempotent && [408, 500, 502, 503, 504].includes(status)
}

function isPassingFailure(cause: unknown, idempotent: boolean): boolean {
  const { kind } = describeFailure(cause)
  return kind === 'unreachable' || kind === 'timed-out' || (kind === 'closed' && idempotent)
}

/** Retry-After as a pause: whole seconds, or a date. RFC 9110 §10.2.3; anything else counts as not sent. */
export function retryAfterMs(header: string | null, now: Date): number | undefined {
  if (header === null || header.length > 40) return undefined
  if (/^[0-9]+$/.test(header)) return Number(header) * 1000
  const date = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime())
}
