/** Hashes in a full tile, and entries in a full bundle. @see C2SP tlog-tiles, "Merkle tree" */
export const tileWidth = 256

/** What a tile holds: hashes of a level of the tree, entries of a log, or certificates of a CT log. */
export type TileLevel = number | 'entries' | 'data'

/** A tile of a log, or the part of it that a smaller tree has. Source: C2SP tlog-tiles, static-ct-api. */
export type TilePath = {
  readonly level: TileLevel // a number is at most 63
  readonly index: number // below 2^53
  readonly width: number // 1 to 256
}

/** The path of a tile below the log's address, `tile/0/x001/x234/067.p/12`. */
export function encodeTilePath({ level, index, width }: TilePath): string {
  const digits = String(index)
  const groups = digits.padStart(3 * Math.ceil(digits.length / 3), '0').match(/[0-9]{3}/g)!
  const name = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
  return `tile/${level}/${name}${width === tileWidth ? '' : `.p/${width}`}`
}

const pattern = /^tile\/(entries|data|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5})([0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/** The tile that a path names; nothing for what names none, so that each tile has one path. */
export function tileOfPath(path: string): TilePath | undefined {
  const [, level, groups, last, width] = pattern.exec(path) ?? []
  if (level === undefined || groups === undefined || last === undefined) return undefined
  const tile = {
    level: level === 'entries' || level === 'data' ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '') + last),
    width: width === undefined ? tileWidth : Number(width),
  } as const
  if ((typeof tile.level === 'number' && tile.level > 63) || !Number.isSafeInteger(tile.index)) return undefined
  return encodeTilePath(tile) === path ? tile : undefined
}
