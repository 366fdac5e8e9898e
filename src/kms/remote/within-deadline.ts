import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import { describeFailure } from '../../oci/transport/failure.ts'
import type { ProviderEffects } from './key-effects.ts'

/** What one call of a `RemoteKey` may take, whatever it asks and however often it has to ask again. */
export const deadlineMs = 30_000

/** A failure that asking again may mend. */
export type PassingFailure = {
  readonly passing: string // the reason, as messages say it: `throttled`
  readonly afterMs?: number | undefined // the pause that the provider asks for
  readonly atMost?: number // attempts in all, where nobody should wait for the deadline: nothing listens there
}

/** Asks the provider, and again while its failures are passing ones. */
export type Ask = <T>(attempt: (signal: AbortSignal) => Promise<T>) => Promise<T>

/**
 * Does one call's work within 30 s. An attempt that fails is made again when its failure passes, after a growing pause or the one that the
 * provider asks for; an attempt that does not end by its signal is left behind.
 *
 * @param what - begins messages: `RemoteKey.what`
 * @param explain - of what an attempt threw: what to tell, or that it passes
 * @param limitMs - instead of the 30 s; tests
 * @throws CountersignError of `explain`; `KMS_UNAVAILABLE` with the last reason when the time is over; the reason of the caller's signal, unchanged
 */
export async function withinDeadline<T>(
  what: string,
  { world, signal }: Pick<ProviderEffects, 'world' | 'signal'>,
  explain: (cause: unknown) => CountersignError | PassingFailure,
  work: (ask: Ask) => Promise<T>,
  limitMs = deadlineMs,
): Promise<T> {
  const timeout = AbortSignal.timeout(limitMs)
  const either = AbortSignal.any([signal, timeout])
  const startedAt = world.now().getTime()
  let pausedMs = 0 // beside the clock, which a suspended machine or a test may stop
  let reason: string | undefined // of the last failure
  const timeOver = (cause: unknown): CountersignError =>
    new CountersignError('KMS_UNAVAILABLE', `${what}: ${reason ?? 'no answer'} within ${limitMs} ms`, { cause })
  return await work(async attempt => {
    for (let attempts = 1; ; attempts++) {
      let failure: CountersignError | PassingFailure
      try {
        either.throwIfAborted()
        return await untilAborted(attempt(either), either)
      } catch (cause) {
        signal.throwIfAborted() // the caller's own reason passes through unchanged
        if (timeout.aborted) throw timeOver(cause)
        failure = explain(cause)
        if (failure instanceof CountersignError) throw failure
        reason = failure.passing
        if (attempts === failure.atMost) throw new CountersignError('KMS_UNAVAILABLE', `${what}: ${reason}, ${attempts} times`, { cause })
        const pause = pauseMs(attempts, failure.afterMs, world)
        const spentMs = Math.max(pausedMs, world.now().getTime() - startedAt)
        if (spentMs + pause >= limitMs) {
          reason = `${reason}, ${attempts === 1 ? 'once' : `${attempts} times`}${failure.afterMs === undefined ? '' : ` and to be asked again after ${failure.afterMs} ms`},`
          throw timeOver(cause)
        }
        pausedMs += pause
        await world.sleep(pause, signal)
      }
    }
  })
}

/**
 * What to make of a connection that gave no answer. Nothing listening, or a connection that breaks, is tried a few times; a name that is not
 * known or a certificate that is refused will stay so.
 */
export function explainConnection(what: string, cause: unknown): CountersignError | PassingFailure {
  const { kind, words } = describeFailure(cause)
  if (kind === 'unreachable' || kind === 'timed-out' || kind === 'closed') return { passing: words, atMost: 4 }
  return new CountersignError('KMS_UNAVAILABLE', `${what}: ${words}`, { cause })
}

const [firstPauseMs, longestPauseMs] = [100, 5000]

function pauseMs(attempts: number, askedMs: number | undefined, world: Pick<World, 'randomBytes'>): number {
  const spread = 0.75 + (world.randomBytes(1)[0]! / 255) * 0.5 // a quarter less to a quarter more: many clients are throttled at once
  return Math.max(Math.round(Math.min(firstPauseMs * 2 ** (attempts - 1), longestPauseMs) * spread), askedMs ?? 0)
}

/** What a promise gives, unless the signal comes first: gRPC and some SDKs wait on without looking at one. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
