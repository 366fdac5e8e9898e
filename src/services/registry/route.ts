/** What an address names, its parts still unchecked. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }

/**
 * Reads an address from its end, because a repository name has any number of parts and may contain `blobs` or `tags` itself.
 * Nothing where no end-point has such an address. Percent escapes are decoded part by part; an escaped `/` names nothing.
 *
 * @see OCI distribution spec 1.1 "Endpoints"
 */
export function parseRoute(pathname: string): Route | undefined {
  if (pathname === '/v2' || pathname === '/v2/') return { kind: 'base' }
  const parts = pathname.split('/').map(decodePart)
  if (parts.shift() !== '' || parts.shift() !== 'v2' || parts.some(part => part === undefined || part.includes('/'))) return undefined
  const [d = '', c = '', b = ''] = [parts.at(-1), parts.at(-2), parts.at(-3)] // …/b/c/d
  const before = (count: number): string => parts.slice(0, -count).join('/')
  if (b === 'blobs' && c === 'uploads')
    return d === '' ? { kind: 'uploads', repository: before(3) } : { kind: 'upload', repository: before(3), id: d }
  if (c === 'blobs')
    return d === 'uploads' ? { kind: 'uploads', repository: before(2) } : { kind: 'blob', repository: before(2), digest: d }
  if (c === 'manifests') return { kind: 'manifest', repository: before(2), reference: d }
  if (c === 'referrers') return { kind: 'referrers', repository: before(2), digest: d }
  if (c === 'tags' && d === 'list') return { kind: 'tags', repository: before(2) }
  return undefined
}

function decodePart(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
