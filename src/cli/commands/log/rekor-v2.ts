import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { readEntryKind } from '../../../formats/log/entry-body.ts'
import { decodeEntryBundle } from '../../../formats/log/entry-bundle.ts'
import type { LogEntry } from '../../../formats/log/log-entry.ts'
import { encodeTilePath, tileWidth } from '../../../formats/log/tile-path.ts'
import type { AskLog } from './ask.ts'
import { searchLocally } from './local-index.ts'
import type { LogPieces, OpenLog } from './open-log.ts'
import { openRemoteTree, type RemoteTree } from './remote-tree.ts'
import { nameOfLog, stateFolder } from './state.ts'

const noteLimitBytes = 64 << 10
const bundleLimitBytes = tileWidth * (2 + 0xffff)

/**
 * Opens a Rekor v2 by its checkpoint and tiles: entries are read from bundles, and every proof is made here.
 *
 * @returns nothing where there is no checkpoint
 * @throws CountersignError as `openLog`
 * @see services §4.4, C2SP tlog-tiles
 */
export async function openRekorV2({ context, url, ask, trusted, verifyHead, stateFolder: given }: LogPieces): Promise<OpenLog | undefined> {
  const found = await findCheckpoint(ask)
  if (!found) return undefined
  const head = await verifyHead(decodeUtf8(found.note, `${url.host}: checkpoint`, 'CHECKPOINT_MALFORMED'))
  const { checkpoint, log, note } = head
  const { size } = checkpoint
  let opened: Promise<RemoteTree> | undefined
  const tree = (): Promise<RemoteTree> => {
    opened ??= openRemoteTree(path => ask({ path: found.prefix + path, limitBytes: 32 * tileWidth }), checkpoint)
    return opened
  }

  const fetchBundle = async (index: number): Promise<readonly Uint8Array[]> => {
    const width = Math.min(tileWidth, Number(size) - index * tileWidth)
    for (const wanted of width === tileWidth ? [tileWidth] : [width, tileWidth]) {
      const path = encodeTilePath({ level: 'entries', index, width: wanted })
      const bytes = await ask({ path: found.prefix + path, limitBytes: bundleLimitBytes })
      if (!bytes) continue // a partial bundle may go once there is a full one
      const entries = decodeEntryBundle(bytes)
      if (entries.length >= width) return entries.slice(0, width)
    }
    throw new CountersignError('TLOG_UNAVAILABLE', `${url.host}: bundle ${index} of its entries is not there`)
  }

  let latest: { readonly index: number; readonly entries: Promise<readonly Uint8Array[]> } | undefined // neighbours are asked for together
  const bundle = (index: number): Promise<readonly Uint8Array[]> => {
    if (latest?.index !== index) latest = { index, entries: fetchBundle(index) }
    return latest.entries
  }

  const entryAt = async (index: bigint): Promise<LogEntry | undefined> => {
    if (index < 0n || index >= size) return undefined
    const at = Number(index)
    const body = (await bundle(Math.floor(at / tileWidth)))[at % tileWidth]!
    const hashes = await (await tree()).inclusionPath(at, Number(size))
    return {
      logIndex: index,
      logId: log.logId,
      ...readEntryKind(body),
      integratedTime: undefined,
      inclusionPromise: undefined,
      inclusionProof: { logIndex: index, rootHash: checkpoint.root, treeSize: size, hashes, checkpoint: note },
      canonicalizedBody: body.slice(),
    }
  }

  return {
    url,
    version: 'v2',
    trusted,
    head,
    earlierHeads: [],
    entryAt,
    entryById: async () => {
      throw new CountersignError('USAGE', 'Rekor v2 has no entry IDs: want the index of an entry')
    },
    search: async (criteria, limit, maxEntries) => {
      const folder = stateFolder(context, given)
      if (!folder) throw new CountersignError('USAGE', 'no place to keep the local index: set HOME, or --state-folder')
      const place = { folder, name: nameOfLog(head), size: Number(size), maxEntries, progress: context.showStatus }
      const indexes = await searchLocally(place, criteria, fetchBundle, async node => (await tree()).node(node))
      const entries: LogEntry[] = []
      for (const index of indexes.slice(0, limit)) entries.push((await entryAt(BigInt(index)))!)
      return entries
    },
    consistencyPath: async earlier => (await tree()).consistencyPath(Number(earlier.size), Number(size)),
  }
}

/** Logs serve their tiles at their address, below `api/v2/`, or both. */
async function findCheckpoint(ask: AskLog): Promise<{ readonly prefix: string; readonly note: Uint8Array } | undefined> {
  for (const prefix of ['', 'api/v2/']) {
    const note = await ask({ path: `${prefix}checkpoint`, limitBytes: noteLimitBytes })
    if (note) return { prefix, note }
  }
  return undefined
}
