import { type Sha256, sha256 } from '../crypto/digest.ts'
import { tileWidth } from '../formats/log/tile-path.ts'

/**
 * A tile with the nodes above its hashes, so that no proof hashes them again: 256 of height 0, 128 of height 1, and so on to its root, of
 * height 8. Complete nodes never change; the places of others mean nothing.
 */
export type Tile = {
  readonly level: number
  readonly index: number
  readonly nodes: Uint8Array // 511 of 32 bytes
}

/** Levels of nodes from one level of tiles to the next. */
export const tileHeight = 8

const hashLength = 32

/** Place of the first node of each height. */
const starts = Array.from({ length: tileHeight + 1 }, (_, height) => hashLength * (2 * tileWidth - (2 * tileWidth) / 2 ** height))

/** A tile without hashes. */
export function emptyTile(level: number, index: number): Tile {
  return { level, index, nodes: new Uint8Array(hashLength * (2 * tileWidth - 1)) }
}

/** A tile of hashes, 32 bytes each, from its first. */
export function tileOfHashes(level: number, index: number, hashes: Uint8Array): Tile {
  if (hashes.length === hashLength * tileWidth) return { level, index, nodes: nodesOver(hashes) }
  const tile = emptyTile(level, index)
  for (let at = 0; at < hashes.length / hashLength; at++) setHash(tile, at, hashes.subarray(at * hashLength, (at + 1) * hashLength))
  return tile
}

/** Puts a hash in its place, after all before it, and completes the nodes above it. */
export function setHash({ nodes }: Tile, at: number, hash: Uint8Array): void {
  nodes.set(hash, at * hashLength)
  for (let [height, index] = [0, at]; index % 2 === 1; height++) {
    const right = starts[height]! + index * hashLength
    index = (index - 1) / 2
    nodes.set(hashOfPair(nodes.subarray(right - hashLength, right + hashLength)), starts[height + 1]! + index * hashLength)
  }
}

/** A complete node of a tile, a view of its bytes. */
export function nodeOfTile({ nodes }: Tile, height: number, index: number): Sha256 {
  const start = starts[height]! + index * hashLength
  return nodes.subarray(start, start + hashLength) as Sha256
}

/** The root of a full tile: the hash that the tile above has of it. */
export function rootOfTile(tile: Tile): Sha256 {
  return nodeOfTile(tile, tileHeight, 0)
}

/** The nodes of a full tile from a height up, in bytes of their own, as `nodesOver` has them. */
export function topOfTile({ nodes }: Tile, height: number): Uint8Array {
  return nodes.slice(starts[height])
}

/** Hashes, as many as a power of two, and all nodes over them: those of one height after those of the one below, to the root. */
export function nodesOver(hashes: Uint8Array): Uint8Array {
  const nodes = new Uint8Array(2 * hashes.length - hashLength)
  nodes.set(hashes)
  for (let [pair, above] = [0, hashes.length]; above < nodes.length; pair += 2 * hashLength, above += hashLength)
    nodes.set(hashOfPair(nodes.subarray(pair, pair + 2 * hashLength)), above)
  return nodes
}

/** One of `nodesOver` so many hashes, a view of its bytes: node `index` of those over 2^height hashes. */
export function nodeOver(nodes: Uint8Array, height: number, index: number): Sha256 {
  const width = nodes.length + hashLength // twice what the hashes take
  const start = width - width / 2 ** height + index * hashLength
  return nodes.subarray(start, start + hashLength) as Sha256
}

/** The first hashes of a tile, in bytes of their own. */
export function hashesOfTile({ nodes }: Tile, width: number): Uint8Array {
  return nodes.slice(0, width * hashLength)
}

const pairScratch = new Uint8Array(1 + 2 * hashLength)
pairScratch[0] = 0x01 // RFC 6962 §2.1

/** Hash of the node above two that lie beside each other. What `nodeHash` says, without making an array for it. */
function hashOfPair(pair: Uint8Array): Sha256 {
  pairScratch.set(pair, 1)
  return sha256(pairScratch)
}
