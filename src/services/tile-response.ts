import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)

/** A tile of hashes. It never changes, so whoever has it need not ask again; and it is random, so it is not compressed. */
export function tileResponse(bytes: Uint8Array): Response {
  return immutable(bytes, {})
}

/** Entries of a log, which never change either, compressed for clients that can read them so. @see C2SP tlog-tiles, static-ct-api; services §4.4 */
export async function entriesResponse(bytes: Uint8Array, acceptEncoding: string | null): Promise<Response> {
  const vary = { vary: 'accept-encoding' }
  return acceptsGzip(acceptEncoding) ? immutable(await compress(bytes), { ...vary, 'content-encoding': 'gzip' }) : immutable(bytes, vary)
}

function immutable(bytes: Uint8Array, headers: Readonly<Record<string, string>>): Response {
  return new Response(Uint8Array.from(bytes), {
    headers: { 'content-type': 'application/octet-stream', 'cache-control': 'public, max-age=31536000, immutable', ...headers },
  })
}

/** RFC 9110 §12.5.3: named, or meant by `*`, and not with a quality of zero. */
function acceptsGzip(header: string | null): boolean {
  const offers = (header ?? '').split(',', 16).map(offer =>
    offer
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/),
  )
  const offer = offers.find(([coding]) => coding === 'gzip') ?? offers.find(([coding]) => coding === '*')
  return offer !== undefined && !offer.some(parameter => /^q=0(\.0*)?$/.test(parameter))
}
