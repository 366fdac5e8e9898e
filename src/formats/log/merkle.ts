import { bytesEqual, concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import type { VerifiedCheckpoint } from './checkpoint.ts'

/** Hash of a leaf: SHA-256(00 || entry). @see RFC 6962 §2.1 */
export function leafHash(entry: Uint8Array): Sha256 {
  return sha256(concatBytes(leafPrefix, entry))
}

/** Hash of an inner node: SHA-256(01 || left || right). No leaf hashes to one. @see RFC 6962 §2.1 */
export function nodeHash(left: Sha256, right: Sha256): Sha256 {
  if (left.length !== 32 || right.length !== 32) throw new TypeError('want hashes of 32 bytes') // or others would be left from before
  nodeBytes.set(left, 1)
  nodeBytes.set(right, 33)
  return sha256(nodeBytes)
}

const leafPrefix = Uint8Array.of(0x00)

/** What is hashed for a node: both hashes are replaced each time, for a proof has twenty, and bytes of their own cost each as much as its hash. */
const nodeBytes = Uint8Array.of(0x01, ...new Uint8Array(64))

/** Root of a tree without leaves, SHA-256 of nothing. */
export const emptyRoot: Sha256 = sha256(new Uint8Array(0))

/**
 * Proves that a leaf is in the tree that a verified checkpoint commits to.
 *
 * @param leaf - leaf hash, SHA-256(0x00 || entry)
 * @param index - zero-based position, `0n <= index < head.size`
 * @param path - sibling hashes from the leaf up, at most 63
 * @throws CountersignError `TLOG_INCLUSION_MISMATCH`; nothing is returned, so there is no boolean to forget
 * @see RFC 9162 §2.1.3.2
 */
export function verifyInclusion(leaf: Sha256, index: bigint, path: readonly Sha256[], head: VerifiedCheckpoint): void {
  if (!bytesEqual(rootOfInclusion(leaf, index, path, head.size), head.root))
    throw mismatch(`leaf ${index} does not lead to the root of size ${head.size}`)
}

/**
 * The root that an inclusion path leads to. It proves nothing until a log vouches for that root.
 *
 * @param hashOf - `nodeHash`, or one that remembers: paths of neighbours have most of their nodes in common
 * @throws CountersignError `TLOG_INCLUSION_MISMATCH` for an index outside the tree, and for paths that are too long or too short for it
 * @see RFC 9162 §2.1.3.2
 */
export function rootOfInclusion(
  leaf: Sha256,
  index: bigint,
  path: readonly Sha256[],
  size: bigint,
  hashOf: typeof nodeHash = nodeHash,
): Sha256 {
  if (index < 0n || index >= size) throw mismatch(`index ${index} is outside the tree of size ${size}`)
  let [fn, sn, hash] = [index, size - 1n, leaf] // names of the RFC's algorithm
  for (const sibling of path) {
    if (sn === 0n) throw mismatch(`path of ${path.length} hashes is too long for leaf ${index} of size ${size}`)
    if (fn % 2n === 1n || fn === sn) {
      hash = hashOf(sibling, hash)
      while (fn !== 0n && fn % 2n === 0n) [fn, sn] = [fn >> 1n, sn >> 1n]
    } else hash = hashOf(hash, sibling)
    ;[fn, sn] = [fn >> 1n, sn >> 1n]
  }
  if (sn !== 0n) throw mismatch(`path of ${path.length} hashes is too short for leaf ${index} of size ${size}`)
  return hash
}

/**
 * Proves that a log only appended between two checkpoints: the later tree begins with all leaves of the earlier one.
 *
 * @param path - hashes as RFC 6962 §2.1.2 lists them, at most 64; none when either both heads are of one size or the earlier tree is empty
 * @throws CountersignError `TLOG_INCLUSION_MISMATCH`
 * @see RFC 9162 §2.1.4.2
 */
export function verifyConsistency(earlier: VerifiedCheckpoint, later: VerifiedCheckpoint, path: readonly Sha256[]): void {
  const sizes = `sizes ${earlier.size} and ${later.size}`
  if (earlier.size > later.size) throw mismatch(`the tree shrank: ${sizes}`)
  if (earlier.size === later.size || earlier.size === 0n) {
    if (path.length > 0) throw mismatch(`want no consistency path between ${sizes}, got ${path.length} hashes`)
    const root = earlier.size === 0n ? emptyRoot : later.root
    if (!bytesEqual(earlier.root, root)) throw mismatch(`two roots for size ${earlier.size}`)
    if (later.size === 0n && !bytesEqual(later.root, emptyRoot)) throw mismatch('two roots for size 0')
    return
  }
  const [first, ...rest] = isPowerOfTwo(earlier.size) ? [earlier.root, ...path] : path
  if (first === undefined || path.length === 0) throw mismatch(`want a consistency path between ${sizes}, got none`)
  let [fn, sn] = [earlier.size - 1n, later.size - 1n]
  while (fn % 2n === 1n) [fn, sn] = [fn >> 1n, sn >> 1n]
  let [fr, sr] = [first, first]
  for (const sibling of rest) {
    if (sn === 0n) throw mismatch(`consistency path of ${path.length} hashes is too long for ${sizes}`)
    if (fn % 2n === 1n || fn === sn) {
      fr = nodeHash(sibling, fr)
      sr = nodeHash(sibling, sr)
      while (fn !== 0n && fn % 2n === 0n) [fn, sn] = [fn >> 1n, sn >> 1n]
    } else sr = nodeHash(sr, sibling)
    ;[fn, sn] = [fn >> 1n, sn >> 1n]
  }
  if (sn !== 0n) throw mismatch(`consistency path of ${path.length} hashes is too short for ${sizes}`)
  if (!bytesEqual(fr, earlier.root)) throw mismatch(`consistency path does not lead to the root of size ${earlier.size}`)
  if (!bytesEqual(sr, later.root)) throw mismatch(`consistency path does not lead to the root of size ${later.size}`)
}

function isPowerOfTwo(size: bigint): boolean {
  return (size & (size - 1n)) === 0n
}

function mismatch(problem: string): CountersignError {
  return new CountersignError('TLOG_INCLUSION_MISMATCH', `inclusion proof: ${problem}`)
}
