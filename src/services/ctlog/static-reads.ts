import { decodeHex } from '../../codec/hex.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { tileOfPath } from '../../formats/log/tile-path.ts'
import type { TileLog } from '../../log/tile-log.ts'
import { entriesResponse, tileResponse } from '../tile-response.ts'
import type { ServedHead } from './ct-heads.ts'
import type { LoggedIssuers } from './issuers.ts'

/** What the read side of static-ct-api answers from. */
export type StaticSource = {
  readonly log: Pick<TileLog, 'tile' | 'bundle'>
  readonly head: () => Promise<ServedHead>
  readonly issuers: LoggedIssuers
}

const maxLevel = 5

/** Whether a path below the log's address is one of the read side's, whatever it holds. */
export function isStaticPath(path: string): boolean {
  const level = tileOfPath(path)?.level
  return path === 'checkpoint' || level === 'data' || (typeof level === 'number' && level <= maxLevel) || issuerOfPath(path) !== undefined
}

/**
 * Answers a path of `isStaticPath`: `checkpoint`, `tile/L/N[.p/W]`, `tile/data/N[.p/W]`, `issuer/HEX`.
 *
 * Data tiles are compressed for clients that can read them so.
 *
 * @returns nothing for a tile that the published tree has not, or an authority that vouches for no entry
 * @see C2SP static-ct-api, "Monitoring APIs"
 */
export async function readStatic(
  { log, head, issuers }: StaticSource,
  path: string,
  acceptEncoding: string | null,
): Promise<Response | undefined> {
  if (path === 'checkpoint')
    return new Response((await head()).note, { headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'max-age=1' } })
  const fingerprint = issuerOfPath(path)
  if (fingerprint) return issuerResponse(await issuers.find(fingerprint))
  const tile = tileOfPath(path)
  if (!tile || tile.level === 'entries') return undefined
  const index = BigInt(tile.index)
  if (tile.level === 'data') {
    const entries = await log.bundle(index, tile.width)
    return entries && (await entriesResponse(entries, acceptEncoding))
  }
  const hashes = await log.tile(tile.level, index, tile.width)
  return hashes && tileResponse(hashes)
}

function issuerOfPath(path: string): Sha256 | undefined {
  const [, hex] = /^issuer\/([0-9a-f]{64})$/.exec(path) ?? []
  return hex === undefined ? undefined : (decodeHex(hex, 'issuer') as Sha256)
}

function issuerResponse(certificate: Uint8Array | undefined): Response | undefined {
  const headers = { 'content-type': 'application/pkix-cert', 'cache-control': 'public, max-age=31536000, immutable' }
  return certificate && new Response(Uint8Array.from(certificate), { headers })
}
