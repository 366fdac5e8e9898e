import { CountersignError } from '../../codec/error.ts'

/**
 * `good`: works. `limited`: works with a difference that the advice is about. `bad`: verifying or signing cannot work.
 * `unknown`: it could not be found out.
 */
export type FindingState = 'good' | 'limited' | 'bad' | 'unknown'

/** One thing the doctor looked at. */
export type Finding = {
  readonly name: string // `push`, `referrers API`; stable
  readonly state: FindingState
  readonly seen: string // what was observed, text from outside quoted
  readonly advice?: string
  readonly error?: CountersignError // of a bad finding: the failure that a command would meet
}

/** Runs one probe; what it throws becomes its finding, but for the caller's own interruption. */
export async function probe(
  name: string,
  stateOfFailure: Exclude<FindingState, 'good'>,
  signal: AbortSignal,
  look: () => Promise<Omit<Finding, 'name'>>,
): Promise<Finding> {
  try {
    return { name, ...(await look()) }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof CountersignError)) throw error
    return { name, state: stateOfFailure, seen: error.message, ...(stateOfFailure === 'bad' && { error }) }
  }
}
