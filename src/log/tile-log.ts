import type { Sha256 } from '../crypto/digest.ts'

/** Where the next entry goes. */
export type Place = {
  readonly index: bigint
  readonly timeMs: bigint // since 1970; never less than that of the entry before, whatever the clock does
}

/** What a service asks a log to append. */
export type Proposal = {
  /** By which the same entry is known again. Rekor: the leaf hash. CT: a digest of what is signed but for the time. */
  readonly identity: Sha256
  /** Makes the entry once its place is known: promises (SCT, SET) are about it. Called in order of index; again where an entry before it fell out. */
  readonly seal: (place: Place) => SealedEntry | Promise<SealedEntry>
}

/** An entry that is made for its place. */
export type SealedEntry = {
  readonly leaf: Uint8Array // its hash is leafHash(leaf)
  readonly data: Uint8Array // what bundles hold of it. Rekor: the canonical body; CT: the TileLeaf
  readonly extra: Uint8Array // kept beside it, in no tile: SET and attestation, SCT
  readonly searchKeys: readonly string[] // by which `search` finds it; in lower case, at most 64
}

/** An entry that is durable, and under a published head. */
export type StoredEntry = {
  readonly index: bigint
  readonly timeMs: bigint
  readonly leafHash: Sha256
  readonly data: Uint8Array
  readonly extra: Uint8Array
}

/** A committed tree head, and the note that its log signed over it. */
export type SignedHead = TreeHead & { readonly note: string }

/** How far a log has come. */
export type TreeHead = {
  readonly size: bigint
  readonly root: Sha256
  readonly timeMs: bigint // when it was to be signed; not less than that of any entry in it
  readonly frozen?: string // the line by which the last head of a log says that it has ended
}

/** `path` leads from the entry to the root of `head`: checked before it is returned (services §9.2, G5). */
export type Included = { readonly entry: StoredEntry; readonly head: SignedHead; readonly path: readonly Sha256[] }

/**
 * An append-only log as a Merkle tree of RFC 6962, laid out in C2SP tiles. What it returns is under the latest published head: entries
 * committed a moment before it are not there yet.
 *
 * Every method may throw `STORE_UNAVAILABLE` (again later), and `STORE_CORRUPT` when storage contradicts what was signed.
 */
export type TileLog = {
  /**
   * Resolves when the entry is durable and a published head covers it. `isNew` is false where it was there before: `seal` is not used then,
   * and what comes back is the entry of that time.
   *
   * @throws CountersignError `LOG_OVERLOADED` when too many wait; `LOG_FROZEN` after its end; `STORE_UNAVAILABLE`, `WITNESS_UNAVAILABLE` and
   *   `WITNESS_CONTRADICTED`: whether it will be there is unknown, and asking again is safe; `LIMIT_EXCEEDED` for an entry that is too large;
   *   whatever `seal` throws
   */
  readonly append: (proposal: Proposal) => Promise<Included & { readonly isNew: boolean }>
  /**
   * Ends the log for good, and resolves when a durable head says so in `line` (see `frozenLine`); of a log that has ended, its last head. The
   * size and root are those committed. Who waits to append is refused.
   *
   * @throws CountersignError `STORE_UNAVAILABLE`, `WITNESS_UNAVAILABLE` and `WITNESS_CONTRADICTED`: it may have ended all the same, and asking
   *   again makes sure; `CAPABILITY_MISSING` where heads have no place for it
   */
  readonly freeze: (line: string) => Promise<SignedHead>
  /** Whether it has ended: no entry is taken any more. */
  readonly isFrozen: () => boolean
  /** The latest published. Sizes never fall. */
  readonly head: () => SignedHead
  readonly entry: (index: bigint) => Promise<StoredEntry | undefined>
  /** `end` is exclusive; what the log has of the range, and at most 1000. */
  readonly entries: (start: bigint, end: bigint) => Promise<readonly StoredEntry[]>
  readonly find: (identity: Sha256) => Promise<bigint | undefined>
  /** An entry with its path to the latest head. */
  readonly include: (index: bigint) => Promise<Included | undefined>
  /** Indexes of entries with this key, the oldest first, at most `limit`. */
  readonly search: (key: string, limit: number) => Promise<readonly bigint[]>
  /** @throws RangeError unless `index < size <= head().size` */
  readonly inclusionPath: (index: bigint, size: bigint) => Promise<readonly Sha256[]>
  /** As RFC 6962 §2.1.2 lists it; nothing between an empty tree or equal sizes. @throws RangeError unless `first <= second <= head().size` */
  readonly consistencyPath: (first: bigint, second: bigint) => Promise<readonly Sha256[]>
  /** @throws RangeError unless `size <= head().size` */
  readonly rootAt: (size: bigint) => Promise<Sha256>
  /** Hashes of a tile, 32 bytes each; nothing where the published tree has not so many. `width` is 1 to 256. */
  readonly tile: (level: number, index: bigint, width: number) => Promise<Uint8Array | undefined>
  /** Entries in the log's own framing; nothing where the published tree has not so many. `width` is 1 to 256. */
  readonly bundle: (index: bigint, width: number) => Promise<Uint8Array | undefined>
  /** Appends what waits, writes what is due, then lets go of the store. */
  readonly close: () => Promise<void>
}

/** What a log tells whoever runs it: the part of a service's events that it has use for. */
export type LogEvents = {
  readonly count: (metric: string, labels?: Readonly<Record<string, string>>) => void
  readonly observe: (metric: string, seconds: number, labels?: Readonly<Record<string, string>>) => void
  readonly log: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, string | number | boolean>>) => void
}
