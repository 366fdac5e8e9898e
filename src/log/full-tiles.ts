import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import type { Sha256 } from '../crypto/digest.ts'
import { encodeTilePath, tileWidth } from '../formats/log/tile-path.ts'
import type { LogStore } from './store.ts'
import {
  emptyTile,
  hashesOfTile,
  nodeOfTile,
  nodeOver,
  nodesOver,
  rootOfTile,
  setHash,
  type Tile,
  tileOfHashes,
  topOfTile,
} from './tile-nodes.ts'
import { edgeOfTiles, type TileNodeSource, type TreeEdge } from './tree.ts'

const fullTileBytes = 32 * tileWidth

/** A block is eight leaf hashes beside each other, under one of the lowest nodes of the top of their tile. */
const blockHeight = 3
const blockWidth = 2 ** blockHeight
const blocksInTile = tileWidth / blockWidth

/**
 * Full tiles of a log: the latest used in memory (16 KiB each), the others in their files, all of them in the leaf hashes that are stored.
 *
 * A proof wants eight nodes of a tile, and to read and hash all of it costs ten times as much as the rest of the proof. So of eight times as many
 * tiles of leaf hashes the top is in memory (2 KiB each), which vouches for each block of eight hashes under it.
 */
export class FullTiles {
  readonly #store: LogStore
  readonly #kept: LatestUsed<Tile>
  readonly #tops: LatestUsed<Uint8Array> // by the index of the tile
  readonly #blocks: LatestUsed<Uint8Array> // hashes and the nodes over them, by the number of the block
  readonly #awaited = new Map<number, Promise<Tile>>()

  /** @param limit - tiles kept in memory */
  constructor(store: LogStore, limit: number) {
    this.#store = store
    this.#kept = new LatestUsed(limit)
    this.#tops = new LatestUsed(limit * 8)
    this.#blocks = new LatestUsed(limit * 4)
  }

  /** Keeps a tile that is known to be right. */
  keep(tile: Tile): void {
    this.#kept.put(keyOf(tile.level, tile.index), tile)
    if (tile.level === 0) this.#tops.put(tile.index, topOfTile(tile, blockHeight))
  }

  /**
   * A node of a tile, at once where it is in memory. Where only the top of its tile is, what is read for it is held against that top, and
   * passed over for the tile itself unless it is what the tree has.
   *
   * @throws CountersignError of `get`
   */
  node(level: number, index: number, { height, at }: Parameters<TileNodeSource>[2], root: () => Promise<Sha256>): Sha256 | Promise<Sha256> {
    const kept = this.#kept.get(keyOf(level, index))
    if (kept) return nodeOfTile(kept, height, at)
    const top = level === 0 ? this.#tops.get(index) : undefined
    if (top && height >= blockHeight) return nodeOver(top, height - blockHeight, at)
    const ofTile = async () => nodeOfTile(await this.get(level, index, root), height, at)
    if (!top) return ofTile()
    const place = at >> (blockHeight - height) // of the block in its tile
    const number = index * blocksInTile + place
    const ofBlock = (block: Uint8Array) => nodeOver(block, height, at % (blockWidth >> height))
    const block = this.#blocks.get(number)
    return block ? ofBlock(block) : this.#readBlock(number, nodeOver(top, 0, place)).then(read => (read ? ofBlock(read) : ofTile()))
  }

  /** A block of what is stored; nothing where its root is not the one that the tile has. */
  async #readBlock(number: number, root: Sha256): Promise<Uint8Array | undefined> {
    const block = nodesOver(await this.#leafHashes(number * blockWidth, (number + 1) * blockWidth))
    if (!bytesEqual(nodeOver(block, blockHeight, 0), root)) return undefined
    this.#blocks.put(number, block)
    return block
  }

  /**
   * A tile, at once where it is in memory. A file that is missing, short or not what the tree has is passed over for what is stored.
   *
   * @throws CountersignError `STORE_CORRUPT` where even that is not what the tree has
   */
  get(level: number, index: number, root: () => Promise<Sha256>): Tile | Promise<Tile> {
    const key = keyOf(level, index)
    const kept = this.#kept.get(key)
    if (kept) return kept
    const awaited = this.#awaited.get(key) ?? this.#prove(level, index, root).finally(() => this.#awaited.delete(key))
    this.#awaited.set(key, awaited)
    return awaited
  }

  async #prove(level: number, index: number, root: () => Promise<Sha256>): Promise<Tile> {
    const expected = await root()
    for (const from of ['files', 'rows'] as const) {
      const { tile, isFiled } = await this.#load(level, index, from)
      if (!bytesEqual(rootOfTile(tile), expected)) continue
      this.keep(tile)
      if (!isFiled) await this.#file(tile)
      return tile
    }
    const name = encodeTilePath({ level, index, width: tileWidth })
    throw new CountersignError('STORE_CORRUPT', `log: ${name}: want hashes of root ${encodeHex(expected)}, and nothing stored has it`)
  }

  /** Mends a file that was not there or wrong. Where that fails, the next who asks for the tile tries again. */
  async #file(tile: Tile): Promise<void> {
    const name = encodeTilePath({ level: tile.level, index: tile.index, width: tileWidth })
    await this.#store.writeObject(name, hashesOfTile(tile, tileWidth)).catch(() => {})
  }

  /**
   * The edge of the stored tree, proven by its root: from files where they are sound, else from the leaf hashes alone.
   *
   * @throws CountersignError `STORE_CORRUPT` where the leaf hashes do not make the root that is stored beside them
   */
  async edge(size: number, root: Sha256): Promise<TreeEdge> {
    let found: TreeEdge | undefined
    for (const from of ['files', 'rows'] as const) {
      const tiles: Tile[] = []
      const below: Tile[] = [] // what the edge was made of; proven with it
      for (let level = 0; level === 0 || size >= tileWidth ** level; level++) tiles.push(await this.#edgeTile(level, size, from, below))
      found = edgeOfTiles(size, tiles)
      if (!bytesEqual(found.root, root)) continue
      for (const tile of below) {
        this.keep(tile)
        if (from === 'rows') await this.#file(tile) // which of their files is wrong is not known
      }
      return found
    }
    throw new CountersignError(
      'STORE_CORRUPT',
      `log: the ${size} stored leaf hashes make root ${encodeHex(found!.root)}, and root ${encodeHex(root)} is stored beside them`,
    )
  }

  async #edgeTile(level: number, size: number, from: 'files' | 'rows', below: Tile[]): Promise<Tile> {
    const count = Math.floor(size / tileWidth ** level)
    const start = count - (count % tileWidth)
    if (level === 0) return tileOfHashes(0, start / tileWidth, await this.#leafHashes(start, count))
    const tile = emptyTile(level, start / tileWidth)
    for (let child = start; child < count; child++) {
      const { tile: full } = await this.#load(level - 1, child, from)
      below.push(full)
      setHash(tile, child - start, rootOfTile(full))
    }
    return tile
  }

  /** A tile that nothing vouches for yet: of its file, else of the tiles below it; or, whatever is filed, of the leaf hashes alone. */
  async #load(level: number, index: number, from: 'files' | 'rows'): Promise<{ readonly tile: Tile; readonly isFiled: boolean }> {
    if (from === 'files') {
      const kept = this.#kept.get(keyOf(level, index))
      if (kept) return { tile: kept, isFiled: true }
      const hashes = await this.#store.readObject(encodeTilePath({ level, index, width: tileWidth }))
      if (hashes?.length === fullTileBytes) return { tile: tileOfHashes(level, index, hashes), isFiled: true }
    }
    const start = index * tileWidth
    if (level === 0) return { tile: tileOfHashes(level, index, await this.#leafHashes(start, start + tileWidth)), isFiled: false }
    const tile = emptyTile(level, index)
    for (let at = 0; at < tileWidth; at++) setHash(tile, at, rootOfTile((await this.#load(level - 1, start + at, from)).tile))
    return { tile, isFiled: false }
  }

  async #leafHashes(start: number, end: number): Promise<Uint8Array> {
    const hashes = await this.#store.leafHashes(start, end)
    if (hashes.length === 32 * (end - start)) return hashes
    throw new CountersignError('STORE_CORRUPT', `log: want leaf hashes ${start} to ${end}, got ${hashes.length / 32} of them`)
  }
}

/** Levels are below 8: eight of them have more leaves than 2^53. */
function keyOf(level: number, index: number): number {
  return index * 8 + level
}

/** As many as were used last. */
class LatestUsed<T> {
  readonly #limit: number
  readonly #values = new Map<number, T>() // the least recently used first

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: number): T | undefined {
    const value = this.#values.get(key)
    if (value !== undefined) this.put(key, value)
    return value
  }

  put(key: number, value: T): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    const [oldest] = this.#values.size > this.#limit ? this.#values.keys() : []
    if (oldest !== undefined) this.#values.delete(oldest)
  }
}
