import { decodeHex } from '../../codec/hex.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { tileOfPath } from '../../formats/log/tile-path.ts'
import type { TileLog } from '../../log/tile-log.ts'
import type { ServedHead } from './ct-heads.ts'
import type { LoggedIssuers } from './issuers.ts'

/** What the read side of static-ct-api answers from. */
export type StaticSource = {
  readonly log: Pick<TileLog, 'tile' | 'bundle'>
  readonly head: () => Promise<ServedHead>
  readonly issuers: LoggedIssuers
}

const maxLevel = 5
const immutable = 'public, max-age=31536000, immutable'

/** Whether a path below the log's address is one of the read side's, whatever it holds. */
export function isStaticPath(path: string): boolean {
  const level = tileOfPath(path)?.level
  return path === 'checkpoint' || level === 'data' || (typeof level === 'number' && level <= maxLevel) || issuerOfPath(path) !== undefined
}

/**
 * Answers a path of `isStaticPath`: `checkpoint`, `tile/L/N[.p/W]`, `tile/data/N[.p/W]`, `issuer/HEX`.
 *
 * @returns nothing for a tile that the published tree has not, or an authority that vouches for no entry
 * @see C2SP static-ct-api, "Monitoring APIs"
 */
export async function readStatic({ log, head, issuers }: StaticSource, path: string): Promise<Response | undefined> {
  if (path === 'checkpoint')
    return new Response((await head()).note, { headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'max-age=1' } })
  const fingerprint = issuerOfPath(path)
  if (fingerprint) return answer(await issuers.find(fingerprint), 'application/pkix-cert')
  const tile = tileOfPath(path)
  if (!tile || tile.level === 'entries') return undefined
  const index = BigInt(tile.index)
  const bytes = tile.level === 'data' ? log.bundle(index, tile.width) : log.tile(tile.level, index, tile.width)
  return answer(await bytes, 'application/octet-stream')
}

function issuerOfPath(path: string): Sha256 | undefined {
  const [, hex] = /^issuer\/([0-9a-f]{64})$/.exec(path) ?? []
  return hex === undefined ? undefined : (decodeHex(hex, 'issuer') as Sha256)
}

function answer(bytes: Uint8Array | undefined, type: string): Response | undefined {
  return bytes && new Response(Uint8Array.from(bytes), { headers: { 'content-type': type, 'cache-control': immutable } })
}
