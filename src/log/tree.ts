import type { Sha256 } from '../crypto/digest.ts'
import { emptyRoot, nodeHash } from '../formats/log/merkle.ts'
import { tileWidth } from '../formats/log/tile-path.ts'
import { emptyTile, nodeOfTile, rootOfTile, setHash, type Tile, tileHeight } from './tile-nodes.ts'

/**
 * The right edge of a tree: of each level the tile that is not yet full, so also those that are still empty. All hashes of the tree that
 * appending needs are in it.
 */
export type TreeEdge = {
  readonly size: number
  readonly root: Sha256
  readonly tiles: readonly Tile[] // by level
}

/** An edge after more leaves, and the tiles that became full on the way. */
export type Growth = { readonly edge: TreeEdge; readonly finished: readonly Tile[] }

/** Where a full tile comes from. `root` gives the hash that the tree has of it, which it must be held against unless that was done before. */
export type TileSource = (level: number, index: number, root: () => Promise<Sha256>) => Tile | Promise<Tile>

/** Where one node of a full tile comes from, for whom the others do not matter: node `at` of those of 2^height hashes of the tile. */
export type TileNodeSource = (
  level: number,
  index: number,
  node: { readonly height: number; readonly at: number },
  root: () => Promise<Sha256>,
) => Sha256 | Promise<Sha256>

/** An edge made of its tiles. */
export function edgeOfTiles(size: number, tiles: readonly Tile[]): TreeEdge {
  return { size, root: size === 0 ? emptyRoot : rootOfPeaks(peaksOf(size).map(peak => edgeNode(tiles, peak))), tiles }
}

/**
 * What an edge becomes with more leaves. The tiles of both are shared as far as they are: new hashes go to places that the earlier edge
 * does not use, so it stays what it was, and growing it again in another way is sound.
 */
export function growEdge(edge: TreeEdge, leaves: readonly Sha256[]): Growth {
  const tiles = [...edge.tiles]
  const finished: Tile[] = []
  let size = edge.size
  for (const leaf of leaves) {
    let hash: Sha256 = leaf
    for (let level = 0; ; level++) {
      const tile = tiles[level] ?? emptyTile(level, 0)
      tiles[level] = tile
      const at = Math.floor(size / tileWidth ** level) % tileWidth
      setHash(tile, at, hash)
      if (at !== tileWidth - 1) break
      finished.push(tile)
      tiles[level] = emptyTile(level, tile.index + 1)
      hash = rootOfTile(tile)
    }
    size++
  }
  return { edge: edgeOfTiles(size, tiles), finished }
}

/** A complete subtree: node `index` of those of 2^height leaves. */
type Node = { readonly height: number; readonly index: number }

/** The complete subtrees of which a tree consists, the largest first. */
function peaksOf(size: number): readonly Node[] {
  const peaks: Node[] = []
  for (let [height, rest] = [0, size]; rest > 0; height++, rest = Math.floor(rest / 2))
    if (rest % 2 === 1) peaks.unshift({ height, index: rest - 1 })
  return peaks
}

function rootOfPeaks(peaks: readonly Sha256[]): Sha256 {
  return peaks.reduceRight((right, left) => nodeHash(left, right))
}

/** The tile that a node is in. */
function tileOfNode({ height, index }: Node): { readonly level: number; readonly tile: number } {
  return { level: Math.floor(height / tileHeight), tile: Math.floor(index / 2 ** (tileHeight - (height % tileHeight))) }
}

/** Where in its tile a node is. */
function placeInTile({ height, index }: Node): { readonly height: number; readonly at: number } {
  const above = height % tileHeight
  return { height: above, at: index % 2 ** (tileHeight - above) }
}

function nodeIn(tile: Tile, node: Node): Sha256 {
  const { height, at } = placeInTile(node)
  return nodeOfTile(tile, height, at)
}

function edgeNode(tiles: readonly Tile[], node: Node): Sha256 {
  return nodeIn(tiles[tileOfNode(node).level]!, node)
}

/** Hashes of a tree that the edge belongs to, whose full tiles come from `full`, and single nodes of them from `nodeOf`, or else as well. */
export class Tree {
  readonly edge: TreeEdge
  readonly #full: TileSource
  readonly #nodeOf: TileNodeSource
  /** Of the size asked about last: hashes of what is right of each peak, by where it starts. */
  #rest: { readonly size: number; readonly hashes: ReadonlyMap<number, Sha256> } | undefined

  constructor(edge: TreeEdge, full: TileSource, nodeOf: TileNodeSource = nodeOfWhole(full)) {
    this.edge = edge
    this.#full = full
    this.#nodeOf = nodeOf
  }

  /** A complete node of the tree, at once where its tile is in memory: a promise for each node of each path would cost more than the path. */
  node(node: Node): Sha256 | Promise<Sha256> {
    const { level, tile } = tileOfNode(node)
    const edge = this.edge.tiles[level]
    if (edge?.index === tile) return nodeIn(edge, node)
    return this.#nodeOf(level, tile, placeInTile(node), this.#rootOf(level, tile))
  }

  /** A tile that is full in this tree. */
  fullTile(level: number, index: number): Tile | Promise<Tile> {
    return this.#full(level, index, this.#rootOf(level, index))
  }

  #rootOf(level: number, index: number): () => Promise<Sha256> {
    return async () => await this.node({ height: (level + 1) * tileHeight, index })
  }

  /** The root of the first `size` leaves, at most those of the edge. */
  async rootAt(size: number): Promise<Sha256> {
    if (size === this.edge.size) return this.edge.root
    return size === 0 ? emptyRoot : await this.#restFrom(0, size)
  }

  /** From the leaf up, in the tree of the first `size` leaves; `index < size`. @see RFC 9162 §2.1.3.1 */
  inclusionPath(index: number, size: number): Promise<readonly Sha256[]> {
    return this.#pathFrom({ height: 0, index }, size)
  }

  /** As RFC 6962 §2.1.2 lists it, `first <= second`; nothing where one tree is empty or both are the same. */
  async consistencyPath(first: number, second: number): Promise<readonly Sha256[]> {
    if (first === 0 || first === second) return []
    const { height, index } = peaksOf(first).at(-1)! // the last complete subtree of the first tree, of which the second has the rest
    const path = await this.#pathFrom({ height, index }, second)
    return index === 0 ? path : [await this.node({ height, index }), ...path] // the verifier knows it where it is the whole first tree
  }

  /** Siblings of a node on its way to the root of the first `size` leaves. */
  async #pathFrom({ height, index }: Node, size: number): Promise<readonly Sha256[]> {
    const path: Sha256[] = []
    let last = Math.floor((size - 1) / 2 ** height) // the node of this height that has the last leaf, complete or not
    for (let [level, at] = [height, index]; last > 0; level++, at = Math.floor(at / 2), last = Math.floor(last / 2)) {
      const sibling = this.#sibling(level, at, last, size)
      if (sibling !== undefined) path.push(sibling instanceof Promise ? await sibling : sibling)
    }
    return path
  }

  /** What stands beside a node of a tree of `size` leaves, of which `last` is the last node of the same height; nothing where it goes up alone. */
  #sibling(height: number, index: number, last: number, size: number): Sha256 | Promise<Sha256> | undefined {
    if (index % 2 === 1) return this.node({ height, index: index - 1 })
    if (index >= last) return undefined
    const isComplete = index + 1 < last || (index + 2) * 2 ** height <= size
    return isComplete ? this.node({ height, index: index + 1 }) : this.#restFrom((index + 1) * 2 ** height, size)
  }

  /** The hash of all leaves from the end of one of the tree's peaks, or from 0, up to `size`. */
  #restFrom(start: number, size: number): Sha256 | Promise<Sha256> {
    return this.#rest?.size === size ? this.#rest.hashes.get(start)! : this.#computeRest(start, size)
  }

  async #computeRest(start: number, size: number): Promise<Sha256> {
    const peaks = peaksOf(size)
    const hashes: Sha256[] = []
    for (const peak of peaks) hashes.push(await this.node(peak))
    const rest = new Map<number, Sha256>()
    let right: Sha256 | undefined
    for (let at = peaks.length - 1; at >= 0; at--) {
      right = right ? nodeHash(hashes[at]!, right) : hashes[at]!
      rest.set(peaks[at]!.index * 2 ** peaks[at]!.height, right)
    }
    this.#rest = { size, hashes: rest }
    return rest.get(start)!
  }
}

function nodeOfWhole(full: TileSource): TileNodeSource {
  return (level, index, { height, at }, root) => {
    const found = full(level, index, root)
    return found instanceof Promise ? found.then(tile => nodeOfTile(tile, height, at)) : nodeOfTile(found, height, at)
  }
}
