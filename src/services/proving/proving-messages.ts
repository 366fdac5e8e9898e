import { CountersignError, type ErrorCode } from '../../codec/error.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { VerifiedScheme } from '../../crypto/verify-signature.ts'
import type { ProvenEntry } from '../../formats/log/proposed/proven-entry.ts'
import type { KeyProof } from '../fulcio/signing-request.ts'
import { ServiceRefusal } from '../service.ts'
import type { Accepted } from './entry-prover.ts'

/** To the thread: what a log takes, then bodies to be proven by that; keys to be proven by their holders; signatures to be checked. */
export type Asked = {
  readonly logs: readonly { readonly log: number; readonly accepted: Accepted }[]
  readonly bodies: readonly { readonly id: number; readonly log: number; readonly body: Uint8Array<ArrayBuffer> }[]
  readonly keys: readonly {
    readonly id: number
    readonly proof: KeyProof
    readonly challenge: string
    readonly keyTypes: readonly string[]
  }[]
  readonly signatures: readonly {
    readonly id: number
    readonly spki: Uint8Array // of the key, DER
    readonly signature: Uint8Array
    readonly message: Uint8Array
    readonly scheme: VerifiedScheme
  }[]
}

/** From the thread: of each body the entry, of each proof the key, of each signature that it holds; or why not. */
export type Answered = readonly { readonly id: number; readonly outcome: Outcome }[]

/** What came of a body, a proof or a signature. */
export type Outcome =
  | { readonly entry: Omit<ProvenEntry, symbol> }
  | { readonly key: PublicKey }
  | { readonly isSigned: true }
  | { readonly refusal: { readonly status: number; readonly message: string; readonly reason: string | undefined } }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } }
  | { readonly fault: string } // a defect of this program

/** What a thread answers by: its `parentPort`. */
export type AnsweringPort = {
  readonly postMessage: (message: Answered) => void
  readonly on: (event: 'message', listener: (message: unknown) => void) => unknown
}

/** An outcome as a message can carry it: classes do not outlive the way. */
export function outcomeOfFailure(cause: unknown): Outcome {
  if (cause instanceof ServiceRefusal)
    return {
      refusal: { status: cause.status, message: cause.message, reason: cause.cause instanceof Error ? cause.cause.message : undefined },
    }
  if (cause instanceof CountersignError) return { error: { code: cause.code, message: cause.message } }
  return { fault: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }
}

/**
 * What an outcome is to whoever asked for it: the entry or key that the thread vouches for, nothing for a signature that holds.
 *
 * @throws what the prover threw there: ServiceRefusal, CountersignError; Error for a defect
 */
export function provenOf(outcome: Outcome): ProvenEntry | PublicKey | undefined {
  if ('entry' in outcome) return outcome.entry as ProvenEntry // the thread runs the same function
  if ('key' in outcome) return outcome.key
  if ('isSigned' in outcome) return undefined
  if ('refusal' in outcome) {
    const { status, message, reason } = outcome.refusal
    throw new ServiceRefusal(status, message, reason === undefined ? {} : { cause: new Error(reason) })
  }
  if ('error' in outcome) throw new CountersignError(outcome.error.code, outcome.error.message)
  throw new Error(`it could not be proven: ${outcome.fault}`)
}
