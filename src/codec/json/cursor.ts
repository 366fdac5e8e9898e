import type { Json } from '../json.ts'
import type { ValueBudget } from './value-budget.ts'

/** What a value is, by its first byte. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null'

/**
 * Reads JSON from its bytes, front to back, and makes values only of what it is asked for: an SBOM of 50 MB costs what is kept of it. It takes
 * what `parseJson` takes and nothing else: UTF-8 only, no member name twice in an object however it is escaped, no half surrogate pair, bounded
 * size, depth and number of values. What is passed over is held to the same.
 *
 * The cursor stands before a value. Each method but `kind` reads that value and leaves the cursor behind it.
 */
export type JsonCursor = {
  readonly kind: () => JsonKind
  /** Calls `read` for each member, with the cursor before its value; a value that it leaves is passed over. */
  readonly object: (read: (name: string) => void) => void
  /** The same for each item of an array. */
  readonly array: (read: (index: number) => void) => void
  readonly string: () => string
  /** The value as JSON, with all that is in it. */
  readonly value: () => Json
  /**
   * The same but for members of these names, at whatever depth: they are passed over.
   *
   * @param budget - of values that are made; `LIMIT_EXCEEDED` beyond
   */
  readonly valueWithout: (names: ReadonlySet<string>, budget: ValueBudget) => Json
  /** The bytes of the value, a part of those that are read. */
  readonly bytes: () => Uint8Array
  /** The bytes of a string as they stand between its quotes; `isPlain` where none of them is an escape. */
  readonly stringBytes: () => { readonly bytes: Uint8Array; readonly isPlain: boolean }
  /** How many bytes are behind the cursor: after `kind` where the value starts, after any other method where it ends. */
  readonly at: () => number
  /** Passes over a value. */
  readonly pass: () => void
  /** Passes over a string; whether none of its bytes is an escape. */
  readonly passString: () => boolean
  /** Nothing but white space may follow. */
  readonly end: () => void
}
