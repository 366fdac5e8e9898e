import { CountersignError } from '../../codec/error.ts'

/** What is under way, in words, for whoever must say why there was no answer in time. */
export type Pending = {
  readonly steps: () => readonly string[]
  readonly during: <T>(step: string, run: () => Promise<T>) => Promise<T>
}

const maxSteps = 5

/** Keeps the steps that have begun and not ended. */
export function createPending(): Pending {
  const begun = new Map<symbol, string>()
  return {
    steps: () => [...new Set(begun.values())].sort(),
    during: async (step, run) => {
      const key = Symbol(step)
      begun.set(key, step)
      try {
        return await run()
      } finally {
        begun.delete(key)
      }
    },
  }
}

/**
 * Waits for an answer, but not past the end of the signal, whatever becomes of what was asked.
 *
 * @param step - what is waited for, in words
 * @throws CountersignError `TIMED_OUT` with the step and what of it was pending; whatever `run` throws before
 */
export async function beforeDeadline<T>(
  step: string,
  signal: AbortSignal,
  pending: Pending,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timedOut = (): CountersignError => {
    const steps = pending.steps().filter(other => other !== step)
    const left = steps.length > maxSteps ? `, and ${steps.length - maxSteps} more` : ''
    const shown = steps.length === 0 ? '' : ` (pending: ${steps.slice(0, maxSteps).join('; ')}${left})`
    return new CountersignError('TIMED_OUT', `no answer before the deadline: ${step}${shown}`)
  }
  if (signal.aborted) throw timedOut()
  const ended = Promise.withResolvers<never>()
  const end = (): void => ended.reject(timedOut())
  signal.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([pending.during(step, () => run(signal)), ended.promise])
  } catch (error) {
    if (signal.aborted && !(error instanceof CountersignError)) throw timedOut() // the signal's reason, which requests pass on
    throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}
