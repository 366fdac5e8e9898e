import { tileOfPath } from '../../formats/log/tile-path.ts'
import type { TileLog } from '../../log/tile-log.ts'
import { entriesResponse, tileResponse } from '../tile-response.ts'

/** What the read side of a tile log answers with: its checkpoint, its tiles and its bundles of entries. */
export type TileSource = Pick<TileLog, 'head' | 'tile' | 'bundle'>

/** Whether an address is one of the read side's, whatever it holds. */
export function isTilePath(path: string): boolean {
  return path === 'checkpoint' || tileOfPath(path) !== undefined
}

/**
 * Answers `GET` of a path below the log's address: `checkpoint`, `tile/L/N[.p/W]`, `tile/entries/N[.p/W]`. Checkpoints may be a second old;
 * tiles never change, so whoever has one need not ask again. Bundles are compressed for clients that can read them so.
 *
 * @returns nothing for a path that names none, or a tile that the published tree has not
 * @see C2SP tlog-tiles, services §4.4
 */
export async function readTiles(source: TileSource, path: string, acceptEncoding: string | null): Promise<Response | undefined> {
  if (path === 'checkpoint')
    return new Response(source.head().note, { headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'max-age=1' } })
  const tile = tileOfPath(path)
  if (!tile || tile.level === 'data') return undefined
  const index = BigInt(tile.index)
  if (tile.level !== 'entries') {
    const hashes = await source.tile(tile.level, index, tile.width)
    return hashes && tileResponse(hashes)
  }
  const bundle = await source.bundle(index, tile.width)
  return bundle && (await entriesResponse(bundle, acceptEncoding))
}
