import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinBytes } from '../../codec/bytes.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { encodeCheckpoint, verifyCheckpoint } from '../../formats/log/checkpoint.ts'
import { encodeEntryBundle } from '../../formats/log/entry-bundle.ts'
import type { LogKey } from '../../formats/log/log-key.ts'
import { leafHash, nodeHash, verifyInclusion } from '../../formats/log/merkle.ts'
import { noteKeyId } from '../../formats/log/note-key.ts'
import { encodeSignedNote } from '../../formats/log/signed-note.ts'
import { tileOfPath } from '../../formats/log/tile-path.ts'
import { testLogSigners } from '../../testing/sigstore/transparency-log.ts'
import type { ServiceAccess } from '../ask-service.ts'
import { entryFromTiles } from './tile-entry.ts'

const origin = 'log.test'
const { publicKey, sign } = testLogSigners.ed25519()
const logKey: LogKey = { key: publicKey, scheme: { scheme: 'ed25519' }, logId: noteKeyId(origin, publicKey), baseUrl: `https://${origin}` }
const bodyOf = (index: number) => encodeUtf8(`{"apiVersion":"0.0.2","kind":"hashedrekord","spec":${index % 256}}`)
const leaves = Array.from({ length: 256 }, (_, index) => leafHash(bodyOf(index))) // of any tile: large trees cost little then

/** Hashes of complete subtrees of 256^L leaves, level by level. */
function levelsOf(size: number): readonly (readonly Sha256[])[] {
  const levels: Sha256[][] = [Array.from({ length: size }, (_, index) => leaves[index % 256]!)]
  while (levels.at(-1)!.length >= 256) {
    const below = levels.at(-1)!
    levels.push(Array(Math.floor(below.length / 256)).fill(fold(below.slice(0, 256))))
  }
  return levels
}

function fold(hashes: readonly Sha256[]): Sha256 {
  if (hashes.length === 1) return hashes[0]!
  const split = 2 ** Math.ceil(Math.log2(hashes.length) - 1)
  return nodeHash(fold(hashes.slice(0, split)), fold(hashes.slice(split)))
}

type Faults = { readonly partial?: 'gone'; readonly short?: true; readonly note?: string }

/** A log of so many entries, of which only files are served. */
async function logOf(size: number, { partial, short, note }: Faults = {}) {
  const levels = levelsOf(size)
  const text = encodeCheckpoint({ origin, size: BigInt(size), root: fold(levels[0]!), extensions: [] })
  const signature = await sign(encodeUtf8(text))
  const checkpoint = note ?? encodeSignedNote({ text, signatures: [{ name: origin, hint: logKey.logId.subarray(0, 4), signature }] })
  const asked: string[] = []
  const fetch: Fetch = async input => {
    const path = new URL(input).pathname.replace('/api/v2/', '')
    asked.push(path)
    if (path === 'checkpoint') return new Response(checkpoint)
    const tile = tileOfPath(path)
    if (!tile || (tile.width < 256 && partial === 'gone')) return new Response(null, { status: 404 })
    const [start, end] = [256 * tile.index, 256 * tile.index + tile.width]
    if (tile.level === 'entries') {
      const entries = Array.from({ length: Math.min(end, size) - start }, (_, n) => bodyOf(start + n))
      return new Response(encodeEntryBundle(entries).slice())
    }
    const hashes = levels[tile.level as number]?.slice(start, end) ?? []
    if (tile.width < 256 ? hashes.length < tile.width : partial !== 'gone' && hashes.length < 256)
      return new Response(null, { status: 404 })
    return new Response(joinBytes(short ? hashes.slice(0, 1) : hashes).slice())
  }
  const access: ServiceAccess = {
    world: { fetch, sleep: async () => {}, randomBytes: length => new Uint8Array(length) },
    url: new URL('https://log.test'),
    signal: new AbortController().signal,
  }
  return { access, asked }
}

for (const { size, indexes } of [
  { size: 1, indexes: [0] },
  { size: 2, indexes: [0, 1] },
  { size: 7, indexes: [0, 1, 2, 3, 4, 5, 6] },
  { size: 255, indexes: [0, 128, 254] },
  { size: 256, indexes: [0, 255] },
  { size: 257, indexes: [0, 255, 256] },
  { size: 1000, indexes: [0, 511, 512, 768, 999] },
  { size: 65_793, indexes: [0, 65_535, 65_536, 65_792] },
])
  test(`an entry of a log of ${size} comes out of its tiles, proven`, async () => {
    const { access, asked } = await logOf(size)
    for (const index of indexes) {
      const entry = await entryFromTiles(access, BigInt(index), [logKey])
      const { inclusionProof: proof, canonicalizedBody } = entry
      assert.deepEqual(canonicalizedBody, bodyOf(index))
      assert.deepEqual([entry.kind, entry.version, entry.logId, entry.logIndex], ['hashedrekord', '0.0.2', logKey.logId, BigInt(index)])
      verifyInclusion(leafHash(canonicalizedBody), BigInt(index), proof!.hashes, await verifyCheckpoint(proof!.checkpoint!, logKey))
    }
    assert.ok(asked.length <= indexes.length * 12, `${asked.length} requests`)
  })

test('of partial tiles that are gone the full ones are read', async () => {
  const { access, asked } = await logOf(300, { partial: 'gone' })
  await entryFromTiles(access, 299n, [logKey])
  assert.ok(asked.includes('tile/entries/001.p/44') && asked.includes('tile/entries/001'))
})

test('a log that nobody trusts is not named', async () => {
  const { access } = await logOf(3)
  await assert.rejects(entryFromTiles(access, 0n, []), { code: 'TLOG_UNKNOWN', message: /checkpoint of "log\.test": no trusted log/ })
})

test('an entry that the tree does not have yet', async () => {
  const { access } = await logOf(3)
  await assert.rejects(entryFromTiles(access, 3n, [logKey]), {
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /want a tree with an entry 3, got one of size 3/,
  })
})

test('tiles that are too short', async () => {
  const { access } = await logOf(5, { short: true })
  await assert.rejects(entryFromTiles(access, 4n, [logKey]), {
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /tile 0\/0: want 5 hashes, got 32 bytes/,
  })
})

test('a checkpoint that is none', async () => {
  const { access } = await logOf(5, { note: 'nothing' })
  await assert.rejects(entryFromTiles(access, 4n, [logKey]), { code: 'CHECKPOINT_MALFORMED' })
})
