import { CountersignError } from '../../codec/error.ts'
import type { BoundLimits } from '../bound.ts'
import { isGone, whenGone } from '../incoming-request.ts'
import { type ServiceEvents, ServiceRefusal } from '../service.ts'

/** What one request, and all of them together, may cost. */
export type RekorLimits = BoundLimits & {
  readonly timeoutMs: number // until an entry is logged
}

/** How a log's service says that it could not log an entry: the words differ between versions of Rekor, the status does not. */
export type LogFailureTexts = { readonly overloaded: string; readonly failed: string }

/**
 * The refusal that a failure of the log underneath comes to. Nothing for what no log throws on purpose.
 *
 * @param proofFailures - the metric that counts answers whose own proof did not hold (G5): it must stay at zero
 */
export function refusalOfLogFailure(
  cause: unknown,
  texts: LogFailureTexts,
  events: ServiceEvents,
  proofFailures: string,
): ServiceRefusal | undefined {
  if (!(cause instanceof CountersignError)) return undefined
  switch (cause.code) {
    case 'LOG_OVERLOADED':
      return new ServiceRefusal(503, texts.overloaded, { cause, headers: { 'retry-after': '1' } })
    case 'STORE_UNAVAILABLE':
    case 'STORE_LOCKED':
      events.log('error', 'the log could not be written or read', { reason: cause.message })
      return new ServiceRefusal(503, texts.failed, { cause, headers: { 'retry-after': '5' } })
    case 'WITNESS_UNAVAILABLE':
    case 'WITNESS_CONTRADICTED':
      events.log('error', 'the log has no quorum of witnesses', { reason: cause.message })
      return new ServiceRefusal(503, texts.failed, { cause, headers: { 'retry-after': '5' } })
    case 'STORE_CORRUPT':
      events.count(proofFailures)
      events.log('error', 'the log contradicts itself', { reason: cause.message })
      return new ServiceRefusal(500, texts.failed, { cause })
    default:
      return undefined
  }
}

/**
 * What a task gives, if it does so in time and while the client waits. The task itself goes on: an entry that is already queued is logged, and
 * the client finds it when it asks again.
 *
 * @throws ServiceRefusal 504 after `timeoutMs`, 499 where the client went away
 */
export async function inTime<T>(task: () => Promise<T>, timeoutMs: number, request: Request): Promise<T> {
  if (isGone(request)) throw clientGone()
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new ServiceRefusal(504, `not logged within ${timeoutMs} ms`)), timeoutMs)
  const callOff = whenGone(request, () => reject(clientGone()))
  try {
    return await Promise.race([task(), promise])
  } finally {
    clearTimeout(timer)
    callOff()
  }
}

function clientGone(): ServiceRefusal {
  return new ServiceRefusal(499, 'client disconnected during request')
}

/** A method as a metric's label: clients can send any word. */
export function methodLabel(method: string): string {
  return method === 'GET' || method === 'HEAD' || method === 'POST' ? method.toLowerCase() : 'other'
}
