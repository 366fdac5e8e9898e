import { CountersignError } from '../codec/error.ts'
import type { World } from '../codec/world.ts'
import { whenGone } from '../services/incoming-request.ts'

/** What is left after the deadline, out of the margin that it keeps. */
const after = { lastWordsMs: 100, answerMs: 50 } as const

/** The time that a review may take. */
export type ReviewTime = {
  /** Aborts at the deadline, with `TIMED_OUT`, and when whoever asked has gone. */
  readonly signal: AbortSignal
  /** Resolves when the time to say what was pending is over as well. */
  readonly lastWords: Promise<void>
  /** Resolves when there is just time left to send an answer, whatever is still under way: a body that does not come, say. */
  readonly over: Promise<void>
  /** The review is answered: nothing of this happens any more. */
  readonly end: () => void
}

/** Starts the time of a review. */
export function startReviewTime(request: Request, ms: number, { sleep }: Pick<World, 'sleep'>): ReviewTime {
  const [pending, ended] = [new AbortController(), new AbortController()]
  const callOff = whenGone(request, () => pending.abort(new CountersignError('TIMED_OUT', 'review: whoever asked has gone')))
  const [lastWords, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const pass = async (): Promise<void> => {
    await sleep(ms, ended.signal)
    pending.abort(new CountersignError('TIMED_OUT', `review: no verdict within ${ms} ms`))
    await sleep(after.lastWordsMs, ended.signal)
    lastWords.resolve()
    await sleep(after.answerMs, ended.signal)
    over.resolve()
  }
  void pass().catch(() => {}) // it ended in time
  return {
    signal: pending.signal,
    lastWords: lastWords.promise,
    over: over.promise,
    end: () => {
      callOff()
      ended.abort()
    },
  }
}
