import type { Review } from './review/admission-review.ts'

/** An image in the object, and what it is to be called instead: the same name with the digest that was judged. */
export type Pin = {
  readonly pointer: string // JSON pointer into the object: `/spec/containers/0/image`
  readonly from: string
  readonly to: string
}

/** What came of a review. */
export type Decision = {
  /** `unknown`: it could not be found out. It admits nobody, and says that trying again may help. */
  readonly verdict: 'admitted' | 'refused' | 'unknown'
  /** Why not, in the words of the dialect that refuses; of what is admitted it goes to the log alone. */
  readonly message: string
  /** Of the closed set of admission.md §0, `NO_SIGNATURE` say, where it is not admitted; else of whatever admitted it, or empty. */
  readonly reason: string
  /** What whoever asks is told though it is admitted, or besides. */
  readonly warnings: readonly string[]
  /** Applied by mutating reviews of what is admitted alone. */
  readonly pins: readonly Pin[]
  /** By names without prefix, for the audit log of the API server: `digest.0`. */
  readonly auditAnnotations: ReadonlyMap<string, string>
  /** By what `countersign explain` knows it; empty where nothing was kept. */
  readonly explanationId: string
}

/**
 * Judges a review. When the signal aborts there are a hundred milliseconds left to say what was pending: whatever is said then, nobody is
 * admitted by it. What is thrown refuses by its kind.
 */
export type Decide = (review: Review, signal: AbortSignal) => Promise<Decision>
