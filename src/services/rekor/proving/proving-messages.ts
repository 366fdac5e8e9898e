import { CountersignError, type ErrorCode } from '../../../codec/error.ts'
import type { ProvenEntry } from '../../../formats/log/proposed/proven-entry.ts'
import { ServiceRefusal } from '../../service.ts'
import type { Accepted } from './entry-prover.ts'

/** To the thread: what a log takes, then bodies to be proven by that. */
export type Asked = {
  readonly logs: readonly { readonly log: number; readonly accepted: Accepted }[]
  readonly bodies: readonly { readonly id: number; readonly log: number; readonly body: Uint8Array<ArrayBuffer> }[]
}

/** From the thread: of each body the entry, or why there is none. */
export type Answered = readonly { readonly id: number; readonly outcome: Outcome }[]

export type Outcome =
  | { readonly entry: Omit<ProvenEntry, symbol> }
  | { readonly refusal: { readonly status: number; readonly message: string } }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } }
  | { readonly fault: string } // a defect of this program

/** What a thread answers by: its `parentPort`. */
export type AnsweringPort = {
  readonly postMessage: (message: Answered) => void
  readonly on: (event: 'message', listener: (message: unknown) => void) => unknown
}

/** An outcome as a message can carry it: classes do not outlive the way. */
export function outcomeOfFailure(cause: unknown): Outcome {
  if (cause instanceof ServiceRefusal) return { refusal: { status: cause.status, message: cause.message } }
  if (cause instanceof CountersignError) return { error: { code: cause.code, message: cause.message } }
  return { fault: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }
}

/** What an outcome is to whoever asked for it: an entry that the thread vouches for, or what it threw. */
export function entryOfOutcome(outcome: Outcome): ProvenEntry {
  if ('entry' in outcome) return outcome.entry as ProvenEntry // the thread runs the same function
  if ('refusal' in outcome) throw new ServiceRefusal(outcome.refusal.status, outcome.refusal.message)
  if ('error' in outcome) throw new CountersignError(outcome.error.code, outcome.error.message)
  throw new Error(`an entry could not be proven: ${outcome.fault}`)
}
