import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { type Sha256, sha256 } from '../../../crypto/digest.ts'
import { readEntryKind } from '../../../formats/log/entry-body.ts'
import { leafHash } from '../../../formats/log/merkle.ts'
import { tileWidth } from '../../../formats/log/tile-path.ts'
import { emptyTile, rootOfTile, setHash, tileHeight } from '../../../log/tile-nodes.ts'
import type { Folder } from '../../../oci/layout/folder.ts'
import { keysOfCriteria, keysOfEntry } from './entry-keys.ts'
import type { Criteria } from './open-log.ts'

/** A log whose entries are indexed here, and where the index is kept. */
export type IndexPlace = {
  readonly folder: Folder
  readonly name: string
  readonly size: number // of the tree
  readonly maxEntries: number
  readonly progress: (line: string) => void
}

/** The hash of a complete subtree: node `index` of those of 2^height entries. */
export type NodeOfTree = (node: { readonly height: number; readonly index: number }) => Promise<Sha256>

/** Entries of one file of the index. */
const segmentEntries = tileWidth * tileWidth

/** A record: 8 bytes of the hash of a key, 4 bytes of the entry's place in its segment. Before them, in 4 bytes, how many entries were read. */
const [headBytes, recordBytes, keyBytes] = [4, 12, 8]
const segmentLimitBytes = headBytes + recordBytes * segmentEntries * 64
const bundlesAtOnce = 8

/**
 * Indexes of the entries that an index of this machine's own has under the criteria, the oldest first. The index is brought up to the tree
 * first: each bundle that is new is read and held against the tree. Its keys are short hashes, so what is found is still to be looked at.
 *
 * @param bundle - entries of a bundle, as many as the tree has
 * @param node - of the tree that the log signed
 * @throws CountersignError `LIMIT_EXCEEDED` for a log that is larger than asked for; `TLOG_INCLUSION_MISMATCH` for entries that are not those of
 *   the tree
 */
export async function searchLocally(
  place: IndexPlace,
  criteria: Criteria,
  bundle: (index: number) => Promise<readonly Uint8Array[]>,
  node: NodeOfTree,
): Promise<readonly number[]> {
  const { size, maxEntries } = place
  if (size > maxEntries)
    throw new CountersignError('LIMIT_EXCEEDED', `log: want at most ${maxEntries} entries to make an index of, got ${size}: --max-entries`)
  const wanted = (await keysOfCriteria(criteria)).map(keyHash)
  const found: number[] = []
  for (let segment = 0; segment * segmentEntries < size; segment++) {
    const records = await upToDate(place, segment, bundle, node)
    const met = new Map<number, Set<number>>() // entry -> which of the wanted it has
    for (let at = headBytes; at < records.length; at += recordBytes) {
      const key = records.subarray(at, at + keyBytes)
      const which = wanted.findIndex(hash => bytesEqual(hash, key))
      if (which === -1) continue
      const entry = segment * segmentEntries + viewOf(records).getUint32(at + keyBytes)
      met.set(entry, (met.get(entry) ?? new Set()).add(which))
    }
    const enough = criteria.operator === 'and' ? wanted.length : 1
    found.push(...[...met].filter(([entry, which]) => which.size >= enough && entry < size).map(([entry]) => entry))
  }
  return found.sort((a, b) => a - b)
}

/** A segment of the index with all entries that the tree has of it. A file that is broken is made anew. */
async function upToDate(
  { folder, name, size, progress }: IndexPlace,
  segment: number,
  bundle: (index: number) => Promise<readonly Uint8Array[]>,
  node: NodeOfTree,
): Promise<Uint8Array> {
  const path = `${name}/index/${segment}`
  const start = segment * segmentEntries
  const wanted = Math.min(size - start, segmentEntries)
  const kept = await folder.read(path, segmentLimitBytes)
  const isSound = kept !== undefined && kept.length >= headBytes && (kept.length - headBytes) % recordBytes === 0
  const count = isSound ? viewOf(kept).getUint32(0) : 0
  if (isSound && count >= wanted) return kept

  const records: Uint8Array[] = isSound ? [kept.subarray(headBytes)] : []
  const first = Math.floor((start + count) / tileWidth)
  const end = Math.ceil((start + wanted) / tileWidth)
  for (let at = first; at < end; at += bundlesAtOnce) {
    progress(`reading entries of the log: ${at * tileWidth} of ${size}`)
    const some = await Promise.all(Array.from({ length: Math.min(bundlesAtOnce, end - at) }, (_, offset) => bundle(at + offset)))
    for (const [offset, entries] of some.entries()) {
      await checkBundle(at + offset, entries, node)
      for (const [place, body] of entries.entries()) {
        const index = (at + offset) * tileWidth + place
        if (index >= start + count) records.push(recordsOf(body, index - start)) // those before it are known from the last time
      }
    }
  }
  progress('')
  const file = Buffer.concat([Buffer.alloc(headBytes), ...records])
  file.writeUInt32BE(wanted)
  await folder.write(path, new Uint8Array(file))
  return new Uint8Array(file)
}

/** Entries are those of the tree: a full bundle by the root of its tile, the last one by its hashes. */
async function checkBundle(index: number, entries: readonly Uint8Array[], node: NodeOfTree): Promise<void> {
  const tile = emptyTile(0, index)
  const hashes = entries.map(leafHash)
  for (const [at, hash] of hashes.entries()) setHash(tile, at, hash)
  const isFull = entries.length === tileWidth
  const [found, wanted] = isFull
    ? [[rootOfTile(tile)], [await node({ height: tileHeight, index })]]
    : [hashes, await Promise.all(hashes.map((_, at) => node({ height: 0, index: index * tileWidth + at })))]
  if (!found.every((hash, at) => bytesEqual(hash, wanted[at]!)))
    throw new CountersignError(
      'TLOG_INCLUSION_MISMATCH',
      `entry bundle ${index}: its entries are not those of the tree that the log signed`,
    )
}

function recordsOf(body: Uint8Array, offset: number): Uint8Array {
  const keys = keysOfBody(body).slice(0, 64)
  const records = Buffer.alloc(keys.length * recordBytes)
  for (const [at, key] of keys.entries()) {
    records.set(keyHash(key), at * recordBytes)
    records.writeUInt32BE(offset, at * recordBytes + keyBytes)
  }
  return records
}

/** An entry of a kind that is not read is found by nothing. */
function keysOfBody(body: Uint8Array): readonly string[] {
  try {
    return keysOfEntry({ ...readEntryKind(body), canonicalizedBody: body })
  } catch (cause) {
    if (cause instanceof CountersignError) return []
    throw cause
  }
}

function keyHash(key: string): Uint8Array {
  return sha256(encodeUtf8(key)).subarray(0, keyBytes)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
