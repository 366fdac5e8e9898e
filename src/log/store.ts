import type { Sha256 } from '../crypto/digest.ts'

/**
 * Where a log keeps its entries, of one log each. Two implementations that differ in speed and reach pass one suite of tests.
 *
 * The contract:
 * - **One writer.** Whoever opened a store is its only writer until it closes it or dies (G2). An embedded store refuses a second one with
 *   `STORE_LOCKED`; a shared one may rely on the expected size of `commit` alone.
 * - **Commits are atomic, durable and in a row.** When `commit` resolves, all of the batch outlives a power cut, and every later `state` has it
 *   (G1). It is refused unless it starts where the store ends, so there is one root for each size (G2).
 * - **A throw of `commit` leaves unknown whether the batch is there**; the next `state` that resolves says so, for good. None of a batch is ever
 *   there without all of it.
 * - **A frozen store stays frozen**: once `freeze` has resolved, no commit is taken any more. A throw leaves unknown whether it is, as for `commit`.
 * - **Entries never change**, times and extra included (G7).
 * - **Objects can be made again** from the entries, so losing one is fine. A reader sees all of an object or none, never part of one, nor bytes
 *   that were not written. The one that cannot be made again is `checkpoint`: it shows a restored backup that it is old (G8).
 * - Calls may overlap, but for `commit` and `freeze`, of which one runs at a time.
 *
 * Indexes, sizes and times are whole numbers below 2^53. Every method may throw `STORE_UNAVAILABLE`, and `STORE_CORRUPT` for what cannot have been
 * written.
 *
 * @see services §9.2
 */
export type LogStore = {
  readonly state: () => Promise<StoredState>
  /** @throws CountersignError `STORE_UNAVAILABLE`; also where the stored size is not what the batch starts from */
  readonly commit: (batch: Batch) => Promise<void>
  /** Ends the log for good. `line` is what its last checkpoint says of it; of one that has ended already nothing changes. */
  readonly freeze: (line: string) => Promise<void>
  /** Rows from `start` up to `end`, which is exclusive; what is there of them. */
  readonly rows: (start: number, end: number) => Promise<readonly StoredRow[]>
  /** Leaf hashes of the same, one after the other, 32 bytes each. */
  readonly leafHashes: (start: number, end: number) => Promise<Uint8Array>
  /** The index of each identity, in the order asked. */
  readonly find: (identities: readonly Sha256[]) => Promise<readonly (number | undefined)[]>
  /** Indexes below `end` of entries with a key, rising, at most `limit`. May hold one of another key: of hashes, half may be kept. */
  readonly search: (key: string, end: number, limit: number) => Promise<readonly number[]>
  readonly readObject: (name: string) => Promise<Uint8Array | undefined>
  /** Puts an object in place of what had that name; durable when it resolves. */
  readonly writeObject: (name: string, bytes: Uint8Array) => Promise<void>
  readonly close: () => Promise<void>
}

/** How far a store has come. */
export type StoredState = {
  readonly size: number
  readonly root: Sha256
  readonly timeMs: number // of the latest commit; 0 before the first
  readonly tilesFiled: number // tiles of leaf hashes, counted from the first, of which every object is written
  readonly frozen?: string // what its last checkpoint says of its end; nothing while it takes entries
}

/** What becomes durable at once. */
export type Batch = {
  readonly start: number // the size that the store must have
  readonly rows: readonly NewRow[] // at least one; the first has index `start`
  readonly after: StoredState
}

/** An entry as it is stored. */
export type StoredRow = {
  readonly index: number
  readonly timeMs: number
  readonly leafHash: Sha256
  readonly data: Uint8Array
  readonly extra: Uint8Array
}

/** An entry that is to be stored, with what it is found by. */
export type NewRow = StoredRow & {
  readonly identity: Sha256 // no two rows have the same
  readonly searchKeys: readonly string[]
}
