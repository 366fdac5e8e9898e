import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHex, encodeHex } from '../codec/hex.ts'
import { encodeUtf8 } from '../codec/text.ts'
import type { Sha256 } from '../crypto/digest.ts'
import { leafHash } from '../formats/log/merkle.ts'
import { consistencyPath, inclusionPath, treeRoot } from '../testing/sigstore/naive-tree.ts'
import type { Tile } from './tile-nodes.ts'
import { edgeOfTiles, growEdge, Tree, type TreeEdge } from './tree.ts'

const noTiles = (): never => assert.fail('this tree has no full tile')

const hex = (hashes: readonly Uint8Array[]) => hashes.map(encodeHex)

/** A tree in memory that grows. */
function growingTree() {
  const full = new Map<string, Tile>()
  let edge = edgeOfTiles(0, [])
  return {
    grow: (leaves: readonly Sha256[]): Tree => {
      const growth = growEdge(edge, leaves)
      for (const tile of growth.finished) full.set(`${tile.level}/${tile.index}`, tile)
      edge = growth.edge
      return new Tree(edge, (level, index) => full.get(`${level}/${index}`) ?? assert.fail(`tile ${level}/${index} is not full`))
    },
  }
}

test('tree: the eight leaves that implementations of RFC 6962 are tried with', async () => {
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
  const roots = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ]
  let edge = edgeOfTiles(0, [])
  for (const [at, leaf] of leaves.entries()) {
    edge = growEdge(edge, [leafHash(decodeHex(leaf, 'leaf'))]).edge
    assert.equal(encodeHex(edge.root), roots[at])
    assert.equal(encodeHex(await new Tree(edge, noTiles).rootAt(1)), roots[0])
  }
})

test('tree: every size to 300 has the roots and paths of the definition', async () => {
  const leaves = Array.from({ length: 300 }, (_, index) => leafHash(encodeUtf8(`entry ${index}`)))
  const growing = growingTree()
  for (let size = 1; size <= leaves.length; size++) {
    const tree = growing.grow(leaves.slice(size - 1, size))
    const first = leaves.slice(0, size)
    assert.deepEqual(tree.edge.root, treeRoot(first))
    // The last, and one that differs from size to size.
    for (const index of new Set([size - 1, 104_729 % size])) {
      assert.deepEqual(hex(await tree.inclusionPath(index, size)), hex(inclusionPath(index, first)), `leaf ${index} of ${size}`)
      assert.deepEqual(
        hex(await tree.consistencyPath(index, size)),
        index === 0 ? [] : hex(consistencyPath(index, first)),
        `${index} to ${size}`,
      )
    }
  }
})

test('tree: earlier sizes are still there when it has grown', async () => {
  const leaves = Array.from({ length: 700 }, (_, index) => leafHash(encodeUtf8(`entry ${index}`)))
  const tree = growingTree().grow(leaves)
  for (const size of [1, 255, 256, 257, 512, 513, 699]) {
    const first = leaves.slice(0, size)
    assert.deepEqual(await tree.rootAt(size), treeRoot(first))
    for (const index of [0, Math.floor(size / 3)]) {
      assert.deepEqual(hex(await tree.inclusionPath(index, size)), hex(inclusionPath(index, first)), `leaf ${index} of ${size}`)
      if (index > 0)
        assert.deepEqual(hex(await tree.consistencyPath(index, size)), hex(consistencyPath(index, first)), `${index} to ${size}`)
    }
  }
})

test('tree: what an edge was grown to and given up leaves no trace in it', () => {
  const leaves = (text: string, length: number) => Array.from({ length }, (_, index) => leafHash(encodeUtf8(`${text} ${index}`)))
  let edge: TreeEdge = growEdge(edgeOfTiles(0, []), leaves('kept', 250)).edge
  const root = encodeHex(edge.root)
  growEdge(edge, leaves('given up', 300))
  assert.equal(encodeHex(edge.root), root)
  edge = growEdge(edge, leaves('taken', 300)).edge
  assert.deepEqual(edge.root, treeRoot([...leaves('kept', 250), ...leaves('taken', 300)]))
})
