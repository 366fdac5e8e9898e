import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import { consistencyPath, inclusionPath, treeRoot } from '../../testing/sigstore/naive-tree.ts'
import type { VerifiedCheckpoint } from './checkpoint.ts'
import { emptyRoot, leafHash, nodeHash, rootOfInclusion, verifyConsistency, verifyInclusion } from './merkle.ts'

const leaves = Array.from({ length: 65 }, (_, index) => leafHash(encodeUtf8(`leaf ${index}`)))
const heads = leaves.map((_, size) => head(size, treeRoot(leaves.slice(0, size))))
const other = sha256(encodeUtf8('other'))

function head(size: number, root: Sha256): VerifiedCheckpoint {
  return { origin: 'log.example', size: BigInt(size), root, extensions: [] } as unknown as VerifiedCheckpoint
}

// the eight leaves that implementations of RFC 6962 share for their tests, and the roots of the trees they make
const knownLeaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const knownRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
test('leafHash, nodeHash: known roots', () => {
  const hashes = knownLeaves.map(hex => leafHash(decodeHex(hex, 'leaf')))
  for (const [size, root] of knownRoots.entries()) assert.equal(encodeHex(treeRoot(hashes.slice(0, size))), root, `size ${size}`)
})

test('verifyInclusion: the paths of RFC 9162 §2.1.5', () => {
  const [a, b, c, d, e, f, j] = leaves.slice(0, 7) as [Sha256, Sha256, Sha256, Sha256, Sha256, Sha256, Sha256]
  const [g, h, i] = [nodeHash(a, b), nodeHash(c, d), nodeHash(e, f)]
  const [k, l] = [nodeHash(g, h), nodeHash(i, j)]
  const root = head(7, nodeHash(k, l))
  verifyInclusion(a, 0n, [b, h, l], root)
  verifyInclusion(d, 3n, [c, g, l], root)
  verifyInclusion(e, 4n, [f, j, k], root)
  verifyInclusion(j, 6n, [i, k], root)
  verifyConsistency(head(3, nodeHash(g, c)), root, [c, d, g, l])
  verifyConsistency(head(4, k), root, [l])
  verifyConsistency(head(6, nodeHash(k, i)), root, [i, j, k])
})

test('verifyInclusion: every leaf of every tree up to 64', () => {
  for (let size = 1; size <= 64; size++)
    for (let index = 0; index < size; index++)
      verifyInclusion(leaves[index]!, BigInt(index), inclusionPath(index, leaves.slice(0, size)), heads[size]!)
})

test('verifyInclusion: no mutant of a path survives', () => {
  for (let size = 1; size <= 17; size++)
    for (let index = 0; index < size; index++) {
      const path = inclusionPath(index, leaves.slice(0, size))
      for (const [name, mutant] of mutantsOf(path))
        assert.throws(() => verifyInclusion(leaves[index]!, BigInt(index), mutant, heads[size]!), refused, `${index} of ${size}: ${name}`)
      for (let wrong = 0; wrong < size; wrong++)
        if (wrong !== index)
          assert.throws(
            () => verifyInclusion(leaves[index]!, BigInt(wrong), path, heads[size]!),
            refused,
            `${index} as ${wrong} of ${size}`,
          )
    }
})

const refused = { code: 'TLOG_INCLUSION_MISMATCH' }

function* mutantsOf(path: readonly Sha256[]): Generator<readonly [string, readonly Sha256[]]> {
  yield ['longer', [...path, other]]
  yield ['longer by its last', [...path, ...path.slice(-1), ...(path.length === 0 ? [other] : [])]]
  for (const [at, hash] of path.entries()) {
    yield [`without ${at}`, path.toSpliced(at, 1)]
    yield [`flipped ${at}`, path.with(at, hash.map((byte, index) => (index === 31 ? byte ^ 0x80 : byte)) as Sha256)]
  }
}

for (const { name, index, size, path, error } of [
  { name: 'an index before the tree', index: -1n, size: 2n, path: [other], error: /index -1 is outside the tree of size 2/ },
  { name: 'an index after the tree', index: 2n, size: 2n, path: [other], error: /index 2 is outside the tree of size 2/ },
  { name: 'any index of no tree', index: 0n, size: 0n, path: [], error: /index 0 is outside the tree of size 0/ },
  { name: 'spare hashes', index: 0n, size: 1n, path: [other], error: /path of 1 hashes is too long for leaf 0 of size 1/ },
  { name: 'missing hashes', index: 0n, size: 3n, path: [other], error: /path of 1 hashes is too short for leaf 0 of size 3/ },
  { name: 'another root', index: 0n, size: 2n, path: [other], error: /leaf 0 does not lead to the root of size 2/ },
])
  test(`verifyInclusion refuses ${name}`, () => {
    assert.throws(() => verifyInclusion(leaves[0]!, index, path, { ...head(0, other), size }), { ...refused, message: error })
  })

test('rootOfInclusion: 63 hashes lead through the largest tree', () => {
  const path = Array(63).fill(other)
  assert.equal(rootOfInclusion(other, 0n, path, (1n << 63n) - 1n).length, 32)
  assert.throws(() => rootOfInclusion(other, 0n, [...path, other], (1n << 63n) - 1n), { ...refused, message: /too long/ })
})

test('verifyConsistency: every pair of trees up to 33', () => {
  for (let size = 1; size <= 33; size++)
    for (let earlier = 1; earlier <= size; earlier++)
      verifyConsistency(heads[earlier]!, heads[size]!, consistencyPath(earlier, leaves.slice(0, size)))
  for (let size = 0; size <= 33; size++) verifyConsistency(heads[0]!, heads[size]!, [])
})

test('verifyConsistency: no mutant of a path, and no other root, survives', () => {
  for (let size = 1; size <= 13; size++)
    for (let earlier = 1; earlier <= size; earlier++) {
      const path = consistencyPath(earlier, leaves.slice(0, size))
      const [before, after] = [heads[earlier]!, heads[size]!]
      for (const [name, mutant] of mutantsOf(path))
        assert.throws(() => verifyConsistency(before, after, mutant), refused, `${earlier} to ${size}: ${name}`)
      assert.throws(() => verifyConsistency({ ...before, root: other }, after, path), refused, `${earlier} to ${size}: earlier root`)
      assert.throws(() => verifyConsistency(before, { ...after, root: other }, path), refused, `${earlier} to ${size}: later root`)
    }
})

for (const { name, earlier, later, path, error } of [
  { name: 'a tree that shrank', earlier: heads[3]!, later: heads[2]!, path: [], error: /the tree shrank: sizes 3 and 2/ },
  { name: 'two roots for one size', earlier: heads[3]!, later: head(3, other), path: [], error: /two roots for size 3/ },
  {
    name: 'a path where none is needed',
    earlier: heads[3]!,
    later: heads[3]!,
    path: [other],
    error: /want no consistency path .* got 1 hashes/,
  },
  { name: 'a path from nothing', earlier: heads[0]!, later: heads[3]!, path: [other], error: /want no consistency path/ },
  { name: 'nothing with a root', earlier: head(0, other), later: heads[3]!, path: [], error: /two roots for size 0/ },
  { name: 'nothing that becomes a root', earlier: heads[0]!, later: head(0, other), path: [], error: /two roots for size 0/ },
  { name: 'no path', earlier: heads[2]!, later: heads[3]!, path: [], error: /want a consistency path between sizes 2 and 3, got none/ },
])
  test(`verifyConsistency refuses ${name}`, () => {
    assert.throws(() => verifyConsistency(earlier, later, path), { ...refused, message: error })
  })

test('emptyRoot: SHA-256 of nothing', () => assert.equal(encodeHex(emptyRoot), knownRoots[0]))
