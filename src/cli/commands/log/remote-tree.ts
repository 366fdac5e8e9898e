import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import type { VerifiedCheckpoint } from '../../../formats/log/checkpoint.ts'
import { encodeTilePath, tileWidth } from '../../../formats/log/tile-path.ts'
import { emptyTile, rootOfTile, type Tile, tileOfHashes } from '../../../log/tile-nodes.ts'
import { edgeOfTiles, Tree } from '../../../log/tree.ts'

/** Hashes of a tree whose tiles are elsewhere. Every tile is held against the checkpoint before a hash of it is used. */
export type RemoteTree = Tree

const hashLength = 32

/**
 * Reads the right edge of a tree from tiles, and proves it by the root that its log signed; full tiles are fetched as they are asked for, and
 * proven by the tile above them.
 *
 * @param fetchTile - bytes of the tile at a path; nothing where there is none
 * @throws CountersignError `TLOG_INCLUSION_MISMATCH` for tiles that do not lead to the root, `TLOG_UNAVAILABLE` for missing ones; later calls
 *   of the tree as well
 * @see C2SP tlog-tiles
 */
export async function openRemoteTree(
  fetchTile: (path: string) => Promise<Uint8Array | undefined>,
  { size: leaves, root }: VerifiedCheckpoint,
): Promise<RemoteTree> {
  const size = Number(leaves)
  if (!Number.isSafeInteger(size)) throw new CountersignError('LIMIT_EXCEEDED', `tree: want at most 2^53 leaves, got ${leaves}`)
  const read = async (level: number, index: number, width: number): Promise<Tile> => {
    for (const stored of width === tileWidth ? [tileWidth] : [width, tileWidth]) {
      const bytes = await fetchTile(encodeTilePath({ level, index, width: stored })) // a partial tile may go once there is a full one
      if (!bytes) continue
      if (bytes.length !== stored * hashLength)
        throw mismatch(`${encodeTilePath({ level, index, width: stored })}: want ${stored * hashLength} bytes, got ${bytes.length}`)
      return tileOfHashes(level, index, bytes.subarray(0, width * hashLength))
    }
    throw new CountersignError('TLOG_UNAVAILABLE', `${encodeTilePath({ level, index, width })}: is not there`)
  }

  const tiles: Tile[] = []
  for (let level = 0; level === 0 || size >= tileWidth ** level; level++) {
    const count = Math.floor(size / tileWidth ** level)
    const [index, width] = [Math.floor(count / tileWidth), count % tileWidth]
    tiles.push(width === 0 ? emptyTile(level, index) : await read(level, index, width))
  }
  const edge = edgeOfTiles(size, tiles)
  if (!bytesEqual(edge.root, root)) throw mismatch(`the tiles of size ${size} do not lead to the root that the log signed`)

  const kept = new Map<string, Tile>()
  return new Tree(edge, async (level, index, expected) => {
    const name = encodeTilePath({ level, index, width: tileWidth })
    const known = kept.get(name)
    if (known) return known
    const [tile, wanted] = [await read(level, index, tileWidth), await expected()]
    if (!bytesEqual(rootOfTile(tile), wanted)) throw mismatch(`${name}: is not the one of the tree that the log signed`)
    kept.set(name, tile)
    return tile
  })
}

function mismatch(problem: string): CountersignError {
  return new CountersignError('TLOG_INCLUSION_MISMATCH', `tiles: ${problem}`)
}
