import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHex } from '../codec/hex.ts'
import { encodeUtf8 } from '../codec/text.ts'
import type { Sha256 } from '../crypto/digest.ts'
import { decodeEntryBundle } from '../formats/log/entry-bundle.ts'
import { leafHash } from '../formats/log/merkle.ts'
import { tileOfPath } from '../formats/log/tile-path.ts'
import { openTestLog } from '../testing/log/log-rig.ts'
import { emptyLogDisk, type LogDisk, openMemoryStore } from '../testing/log/memory-store.ts'
import { treeRoot } from '../testing/sigstore/naive-tree.ts'
import type { NewRow } from './store.ts'
import { edgeOfTiles, growEdge } from './tree.ts'

const longest = 70_000

const rows: readonly NewRow[] = Array.from({ length: longest }, (_, index) => {
  const data = encodeUtf8(`entry ${index}`)
  const leaf = leafHash(data)
  return { index, timeMs: 1, identity: leaf, leafHash: leaf, data, extra: new Uint8Array(0), searchKeys: [] }
})

const leaves: readonly Sha256[] = rows.map(row => row.leafHash)

/** Roots of the sizes of these tests, which are computed in one go. */
const roots = new Map<number, Sha256>()
let edge = edgeOfTiles(0, [])
for (const size of [1, 255, 256, 257, 600, 65_536, 65_792, longest]) {
  edge = growEdge(edge, leaves.slice(edge.size, size)).edge
  roots.set(size, edge.root)
}

/** A disk with a log of this size, of which no tile was written. */
function diskOf(size: number): LogDisk {
  return { ...emptyLogDisk(), rows: rows.slice(0, size), state: { size, root: roots.get(size)!, timeMs: 1, tilesFiled: 0 } }
}

/** By level, roots of the full subtrees of 256^level leaves. They are the same whatever comes after them. */
const levels: (readonly Sha256[])[] = [leaves]
for (let below = leaves; below.length >= 256; below = levels.at(-1)!)
  levels.push(Array.from({ length: Math.floor(below.length / 256) }, (_, at) => treeRoot(below.slice(at * 256, (at + 1) * 256))))

function hashesOf(level: number, size: number): readonly string[] {
  return levels[level]!.slice(0, Math.floor(size / 256 ** level)).map(encodeHex)
}

// Full tiles of each level, and the width of the part that follows: as C2SP tlog-tiles counts them.
for (const { size, full, parts } of [
  { size: 1, full: [], parts: [1] },
  { size: 255, full: [], parts: [255] },
  { size: 256, full: [1], parts: [0, 1] },
  { size: 257, full: [1], parts: [1, 1] },
  { size: 65_536, full: [256, 1], parts: [0, 0, 1] },
  { size: 70_000, full: [273, 1], parts: [112, 17, 1] },
])
  test(`tiles of a log of ${size}: ${full.join('+') || 'no'} full, parts of ${parts.join(', ')}`, async () => {
    const disk = diskOf(size)
    const log = await openTestLog(openMemoryStore(disk))
    for (const [level, part] of parts.entries()) {
      const count = full[level] ?? 0
      const hashes = hashesOf(level, size)
      assert.equal(hashes.length, count * 256 + part)
      for (const index of new Set([0, count - 1].filter(at => at >= 0 && at < count)))
        assert.equal(encodeHex((await log.tile(level, BigInt(index), 256))!), hashes.slice(index * 256, (index + 1) * 256).join(''))
      for (const width of new Set([1, part].filter(width => width > 0 && width <= part)))
        assert.equal(encodeHex((await log.tile(level, BigInt(count), width))!), hashes.slice(count * 256, count * 256 + width).join(''))
      for (const width of [part + 1, 256].filter(width => width <= 256))
        assert.equal(await log.tile(level, BigInt(count), width), undefined)
    }
    for (const [level, index, width] of [
      [parts.length, 0n, 1],
      [0, 0n, 0],
      [0, 0n, 257],
      [0, 0n, 1.5],
      [0, -1n, 1],
      [-1, 0n, 1],
      [0, 1n << 60n, 1],
      [63, 0n, 1],
    ] as const)
      assert.equal(await log.tile(level, index, width), undefined, `tile ${level} ${index} ${width}`)
    const [entriesFull = 0, entriesPart = 0] = [full[0], parts[0]]
    if (entriesPart > 0) {
      const bundle = decodeEntryBundle((await log.bundle(BigInt(entriesFull), entriesPart))!)
      assert.deepEqual(
        bundle.map(entry => leafHash(entry)),
        leaves.slice(entriesFull * 256, entriesFull * 256 + entriesPart),
      )
      assert.equal(await log.bundle(BigInt(entriesFull), entriesPart + 1), undefined)
    }
    await log.close()
    // What is filed is what is full, and nothing else.
    const filed = [...disk.objects.keys()].flatMap(name => tileOfPath(name) ?? [])
    assert.equal(filed.length, disk.objects.size - 1) // and the checkpoint
    assert.ok(filed.every(({ width }) => width === 256))
    assert.equal(filed.filter(({ level }) => level === 'entries').length, entriesFull)
    for (const [level, count] of full.entries()) assert.equal(filed.filter(tile => tile.level === level).length, count)
    for (let index = 0; index < entriesFull; index += 100)
      assert.equal(disk.objects.get(`tile/entries/${String(index).padStart(3, '0')}`)!.length > 0, true)
  })

const changes: Readonly<Record<string, (objects: Map<string, Uint8Array>, name: string) => void>> = {
  missing: (objects, name) => objects.delete(name),
  short: (objects, name) => objects.set(name, objects.get(name)!.slice(0, -1)),
  empty: (objects, name) => objects.set(name, new Uint8Array(0)),
  altered: (objects, name) => objects.set(name, objects.get(name)!.with(40, objects.get(name)!.at(40)! ^ 1)),
  'of another tile': (objects, name) => objects.set(name, objects.get(name.replace('000', '001')) ?? objects.get('tile/0/001')!),
}

for (const [what, change] of Object.entries(changes))
  test(`a file of a tile or bundle that is ${what} is made again from the entries`, async () => {
    const disk = diskOf(600)
    await (await openTestLog(openMemoryStore(disk))).close()
    const sound = new Map(disk.objects)
    const names = ['tile/0/000', 'tile/entries/000']
    for (const name of names) change(disk.objects, name)
    disk.state = { ...disk.state, tilesFiled: 2 }
    const log = await openTestLog(openMemoryStore(disk), { limits: { keptTiles: 1 } })
    assert.deepEqual(await log.tile(0, 0n, 256), sound.get('tile/0/000'))
    assert.deepEqual(await log.bundle(0n, 256), sound.get('tile/entries/000'))
    await log.close()
    for (const name of names) assert.deepEqual(disk.objects.get(name), sound.get(name), `${name} is mended`)
  })

test('a file of a tile of tiles that is altered is made again from the entries, whatever lies below it', async () => {
  const disk = diskOf(65_792)
  disk.state = { ...disk.state, tilesFiled: 257 } // of files that are not there
  changes['altered']!(disk.objects.set('tile/1/000', new Uint8Array(8192)), 'tile/1/000')
  const log = await openTestLog(openMemoryStore(disk))
  assert.ok(encodeHex((await log.tile(1, 0n, 256))!) === hashesOf(1, 65_536).join(''))
  assert.ok(encodeHex(disk.objects.get('tile/1/000')!) === hashesOf(1, 65_536).join(''))
  await log.close()
})

test('paths are the same where only the tops of tiles are in memory, and where nothing is', async () => {
  const wanted = await openTestLog(openMemoryStore(diskOf(600)))
  const log = await openTestLog(openMemoryStore(diskOf(600)), { limits: { keptTiles: 0 } }) // the tops of none
  const short = await openTestLog(openMemoryStore(diskOf(600)), { limits: { keptTiles: 1 } }) // of both full tiles
  for (const tile of [0n, 1n]) await short.tile(0, tile, 256)
  for (const size of [512n, 600n])
    for (let index = 0n; index < size; index++) {
      const path = await wanted.inclusionPath(index, size)
      assert.deepEqual(await short.inclusionPath(index, size), path, `entry ${index} of ${size}`)
      if (index % 37n === 0n) assert.deepEqual(await log.inclusionPath(index, size), path)
    }
  await Promise.all([wanted.close(), log.close(), short.close()])
})

test('a leaf hash that is altered under the top of its tile is not taken', async () => {
  const disk = diskOf(600)
  const log = await openTestLog(openMemoryStore(disk), { limits: { keptTiles: 1 } })
  for (const tile of [0n, 1n]) await log.tile(0, tile, 256)
  const path = await log.inclusionPath(17n, 600n)
  disk.rows[8] = { ...disk.rows[8]!, leafHash: leaves[7]! }
  assert.deepEqual(await log.inclusionPath(9n, 600n), (await log.inclusionPath(9n, 256n)).concat(path.slice(8)), 'by the file of the tile')
  assert.deepEqual((await log.inclusionPath(9n, 600n))[0], leaves[8])
  for (const tile of [0n, 1n]) await log.tile(0, tile, 256) // the first gives way to the second
  disk.objects.delete('tile/0/000')
  await assert.rejects(log.inclusionPath(10n, 600n), { code: 'STORE_CORRUPT', message: /tile\/0\/000: want hashes of root/ })
  assert.deepEqual(await log.inclusionPath(17n, 600n), path, 'what is sound is read still')
  await log.close()
})
