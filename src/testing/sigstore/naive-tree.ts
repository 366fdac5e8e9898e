import type { Sha256 } from '../../crypto/digest.ts'
import { emptyRoot, nodeHash } from '../../formats/log/merkle.ts'

/** Root of a Merkle tree over leaf hashes, by the recursive definition. @see RFC 6962 §2.1 */
export function treeRoot(leaves: readonly Sha256[]): Sha256 {
  const [only] = leaves
  if (only === undefined) return emptyRoot
  if (leaves.length === 1) return only
  const k = splitOf(leaves.length)
  return nodeHash(treeRoot(leaves.slice(0, k)), treeRoot(leaves.slice(k)))
}

/** Sibling hashes that lead from a leaf to the root, from the leaf up. @see RFC 6962 §2.1.1 */
export function inclusionPath(index: number, leaves: readonly Sha256[]): readonly Sha256[] {
  if (leaves.length === 1) return []
  const k = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return index < k ? [...inclusionPath(index, left), treeRoot(right)] : [...inclusionPath(index - k, right), treeRoot(left)]
}

/** Hashes that prove the tree of the first `size` leaves to be the beginning of the whole one, `0 < size`. @see RFC 6962 §2.1.2 */
export function consistencyPath(size: number, leaves: readonly Sha256[]): readonly Sha256[] {
  return size === leaves.length ? [] : subproof(size, leaves, true)
}

function subproof(size: number, leaves: readonly Sha256[], isWhole: boolean): readonly Sha256[] {
  if (size === leaves.length) return isWhole ? [] : [treeRoot(leaves)]
  const k = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return size <= k ? [...subproof(size, left, isWhole), treeRoot(right)] : [...subproof(size - k, right, false), treeRoot(left)]
}

/** The largest power of two below a number of leaves. */
function splitOf(count: number): number {
  let k = 1
  while (2 * k < count) k *= 2
  return k
}
