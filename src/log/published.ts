import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import type { Sha256 } from '../crypto/digest.ts'
import { leafHash, nodeHash, rootOfInclusion } from '../formats/log/merkle.ts'
import type { StoredRow } from './store.ts'
import type { Included, SignedHead, StoredEntry } from './tile-log.ts'
import type { Tree } from './tree.ts'

/** A published head with the tree it is of. */
export type Published = {
  readonly head: SignedHead
  readonly tree: Tree
  readonly lacksQuorum?: boolean // of the witnesses that are to cosign it
}

/** What a leaf is made of, from what is stored of its entry. */
export type LeafOf = (data: Uint8Array) => Uint8Array

/**
 * An entry as it was stored, held against its own leaf hash.
 *
 * @throws CountersignError `STORE_CORRUPT`
 */
export function entryOfRow(row: StoredRow, leafOf: LeafOf): StoredEntry {
  if (!bytesEqual(leafHash(leafOf(row.data)), row.leafHash)) throw corrupt(`entry ${row.index} is not what its leaf hash says`)
  return entryOf(row)
}

/** The entry of a row that is known to be right. */
export function entryOf({ index, timeMs, leafHash, data, extra }: StoredRow): StoredEntry {
  return { index: BigInt(index), timeMs: BigInt(timeMs), leafHash, data, extra }
}

/**
 * The proof that an entry is in a published tree, held against its head (G5).
 *
 * @param hashOf - `nodeHash`, or one that remembers
 * @throws CountersignError `STORE_CORRUPT` where it does not lead to the root
 */
export async function include(entry: StoredEntry, { head, tree }: Published, hashOf = nodeHash): Promise<Included> {
  const path = await tree.inclusionPath(Number(entry.index), Number(head.size))
  if (!bytesEqual(rootOfInclusion(entry.leafHash, entry.index, path, head.size, hashOf), head.root))
    throw corrupt(`entry ${entry.index} does not lead to the root of size ${head.size}`)
  return { entry, head, path }
}

/** `nodeHash` that remembers the latest of its answers: a batch of proofs then costs about one hash each, and not one for each level. */
export function rememberingNodeHash(): typeof nodeHash {
  const known: { readonly left: Sha256; readonly right: Sha256; readonly hash: Sha256 }[] = []
  return (left, right) => {
    const slot = left[0]! ^ right[0]!
    const found = known[slot]
    if (found && bytesEqual(found.left, left) && bytesEqual(found.right, right)) return found.hash
    const hash = nodeHash(left, right)
    known[slot] = { left, right, hash }
    return hash
  }
}

/** What is stored contradicts itself or what was signed. */
export function corrupt(problem: string, cause?: unknown): CountersignError {
  return new CountersignError('STORE_CORRUPT', `log: ${problem}`, { cause })
}

/** What is stored cannot be had or added to now. */
export function unavailable(problem: string, cause?: unknown): CountersignError {
  return new CountersignError('STORE_UNAVAILABLE', `log: ${problem}`, { cause })
}
