import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { parseCheckpoint } from '../../formats/log/checkpoint.ts'
import { readEntryKind } from '../../formats/log/entry-body.ts'
import { decodeEntryBundle } from '../../formats/log/entry-bundle.ts'
import type { LogEntry } from '../../formats/log/log-entry.ts'
import type { LogKey } from '../../formats/log/log-key.ts'
import { nodeHash } from '../../formats/log/merkle.ts'
import { noteKeyId } from '../../formats/log/note-key.ts'
import { parseSignedNote, type SignedNote } from '../../formats/log/signed-note.ts'
import { encodeTilePath, type TilePath, tileWidth } from '../../formats/log/tile-path.ts'
import { askService, type ServiceAccess } from '../ask-service.ts'

const noteLimitBytes = 64 << 10
const bundleLimitBytes = 256 * (2 + 65_535) // entries with their lengths
const hashBytes = 32

/**
 * The entry at an index of a Rekor v2, with a proof of its inclusion in the tree as it is now, from the tiles that the log publishes. Of all
 * that is read nothing is believed: the proof must lead to the root of a checkpoint that the log signed, and `verify` checks that it did.
 *
 * @param known - trusted logs, one of which must have signed the checkpoint: an entry says which log it is of by the id of its key
 * @throws CountersignError as `askService`; `TLOG_UNKNOWN` where none of them did, `SERVICE_RESPONSE_MALFORMED` for an index that the tree does
 *   not have yet and for tiles of another length, `CHECKPOINT_MALFORMED`, `LOG_ENTRY_MALFORMED`
 * @see services.md §4.4, C2SP tlog-tiles
 */
export async function entryFromTiles(access: ServiceAccess, index: bigint, known: readonly LogKey[]): Promise<LogEntry> {
  const envelope = decodeUtf8(await read(access, 'checkpoint', noteLimitBytes), 'checkpoint', 'CHECKPOINT_MALFORMED')
  const note = parseSignedNote(envelope)
  const { origin, size, root } = parseCheckpoint(note.text)
  if (index >= size)
    throw new CountersignError(
      'SERVICE_RESPONSE_MALFORMED',
      `${access.url.origin}: want a tree with an entry ${index}, got one of size ${size}`,
    )
  const body = await entryBody(access, index, size)
  return {
    logIndex: index,
    logId: logIdOf(note, origin, known),
    ...readEntryKind(body),
    integratedTime: undefined,
    inclusionPromise: undefined,
    inclusionProof: {
      logIndex: index,
      rootHash: root,
      treeSize: size,
      hashes: await inclusionPath(index, 0n, size, nodeReader(access, size)),
      checkpoint: envelope,
    },
    canonicalizedBody: body,
  }
}

/** Hash of the complete subtree number `index` of 2^`level` leaves. */
type NodeReader = (level: number, index: bigint) => Promise<Sha256>

/** PATH(m, D[n]) of RFC 6962 §2.1.1 for the `size` leaves from `start` on; `index` counts from `start`. */
async function inclusionPath(index: bigint, start: bigint, size: bigint, nodeAt: NodeReader): Promise<readonly Sha256[]> {
  if (size === 1n) return []
  const split = largestPowerBelow(size)
  return index < split
    ? [...(await inclusionPath(index, start, split, nodeAt)), await subtreeRoot(start + split, size - split, nodeAt)]
    : [...(await inclusionPath(index - split, start + split, size - split, nodeAt)), await subtreeRoot(start, split, nodeAt)]
}

/** MTH of `size` leaves from `start` on, which is a multiple of the largest power of two in `size`. */
async function subtreeRoot(start: bigint, size: bigint, nodeAt: NodeReader): Promise<Sha256> {
  const level = size.toString(2).length - 1
  if (size === 1n << BigInt(level)) return await nodeAt(level, start >> BigInt(level))
  const split = largestPowerBelow(size)
  return nodeHash(await subtreeRoot(start, split, nodeAt), await subtreeRoot(start + split, size - split, nodeAt))
}

function largestPowerBelow(size: bigint): bigint {
  return 1n << BigInt((size - 1n).toString(2).length - 1)
}

/** Nodes out of tiles: one of level L holds 256 hashes of subtrees of 256^L leaves, and what lies between two levels is computed. */
function nodeReader(access: ServiceAccess, size: bigint): NodeReader {
  const tiles = new Map<string, Promise<Uint8Array>>()
  const tileAt = (level: number, index: number): Promise<Uint8Array> => {
    const name = `${level}/${index}`
    const tile = tiles.get(name) ?? readTile(access, level, index, size >> BigInt(8 * level))
    tiles.set(name, tile)
    return tile
  }
  return async (level, index) => {
    const tileLevel = Math.floor(level / 8)
    const first = index << BigInt(level % 8)
    const tile = await tileAt(tileLevel, Number(first >> 8n))
    const at = Number(first & 255n)
    let hashes = Array.from({ length: 1 << (level % 8) }, (_, n) => tile.slice((at + n) * hashBytes, (at + n + 1) * hashBytes) as Sha256)
    while (hashes.length > 1) hashes = hashes.flatMap((hash, n) => (n % 2 === 0 ? [nodeHash(hash, hashes[n + 1]!)] : []))
    return hashes[0]!
  }
}

async function readTile(access: ServiceAccess, level: number, index: number, hashes: bigint): Promise<Uint8Array> {
  const width = widthOf(index, hashes)
  const bytes = await readWide(access, { level, index, width }, tileWidth * hashBytes)
  if (bytes.length < width * hashBytes || bytes.length % hashBytes !== 0)
    throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `tile ${level}/${index}: want ${width} hashes, got ${bytes.length} bytes`)
  return bytes
}

async function entryBody(access: ServiceAccess, index: bigint, size: bigint): Promise<Uint8Array> {
  const bundle = Number(index >> 8n)
  const bytes = await readWide(access, { level: 'entries', index: bundle, width: widthOf(bundle, size) }, bundleLimitBytes)
  const body = decodeEntryBundle(bytes)[Number(index & 255n)]
  if (!body)
    throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `entry bundle ${bundle}: want entry ${index} in it, and it ends before`)
  return body
}

/** How many of its 256 places a tile has in use, where there are so many things in all. */
function widthOf(index: number, total: bigint): number {
  const rest = total - (BigInt(index) << 8n)
  return rest >= 256n ? tileWidth : Number(rest)
}

/** A partial tile may be gone once the full one is there: then that has what was asked for at its beginning. */
async function readWide(access: ServiceAccess, tile: TilePath, limitBytes: number): Promise<Uint8Array> {
  try {
    return await read(access, encodeTilePath(tile), limitBytes)
  } catch (error) {
    if (tile.width === tileWidth || !(error instanceof CountersignError) || error.code !== 'SERVICE_REFUSED') throw error
    return await read(access, encodeTilePath({ ...tile, width: tileWidth }), limitBytes)
  }
}

async function read(access: ServiceAccess, path: string, limitBytes: number): Promise<Uint8Array> {
  const { bytes } = await askService(access, { method: 'GET', path: `api/v2/${path}`, headers: {}, accepts: [200], limitBytes })
  return bytes
}

function logIdOf({ signatures }: SignedNote, origin: string, known: readonly LogKey[]): Uint8Array {
  const log = known.find(({ key }) => {
    const hint = noteKeyId(origin, key).subarray(0, 4)
    return signatures.some(line => line.name === origin && bytesEqual(line.hint, hint))
  })
  if (!log)
    throw new CountersignError('TLOG_UNKNOWN', `checkpoint of ${quote(origin)}: no trusted log has the key of any of its signatures`)
  return log.logId
}
