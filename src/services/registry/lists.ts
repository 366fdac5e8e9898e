import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { recordsOf, referrersOf } from './names.ts'
import { Refusal } from './refusal.ts'
import { isRecordName, type RegistryStore } from './store.ts'

export type PageLimits = { readonly items: number; readonly bytes: number }

/** GET tags/list, in order of UTF-16 code units. @see OCI distribution spec 1.1 "Listing Tags" */
export async function listTags(store: RegistryStore, url: URL, repository: string, limits: PageLimits): Promise<Response> {
  const { count, after } = readPage(url, limits)
  const folder = recordsOf(repository, '_tags')
  const tags = await store.listRecords(folder, after, count + 1)
  if (tags.length === 0 && !(await isRepository(store, repository))) throw new Refusal('NAME_UNKNOWN', `no repository ${repository}`)
  const page = tags.slice(0, count)
  const last = page.at(-1)
  const more = last !== undefined && tags.length > count
  const headers = more ? { link: nextPage(url, count, last) } : {}
  return Response.json({ name: repository, tags: page }, { headers })
}

/**
 * GET referrers: the descriptors of manifests that name this subject, in order of their digests.
 * A subject that nobody has pushed has an empty list. Pages are cut at `items` descriptors or `bytes` of JSON.
 *
 * @see OCI distribution spec 1.1 "Listing Referrers"
 */
export async function listReferrers(
  store: RegistryStore,
  url: URL,
  repository: string,
  subject: OciDigest,
  limits: PageLimits,
): Promise<Response> {
  const { count: asked, after } = readPage(url, limits)
  const count = Math.max(1, asked) // `n` is ours here: the spec gives pages, not their size
  const folder = referrersOf(repository, subject)
  const wanted = url.searchParams.get('artifactType')
  const headers = new Headers({ 'content-type': 'application/vnd.oci.image.index.v1+json' })
  if (wanted) headers.set('oci-filters-applied', 'artifactType')

  const page: string[] = []
  let [last, bytes, read] = [after, 0, 0]
  for (const name of await store.listRecords(folder, after, Number.POSITIVE_INFINITY)) {
    const descriptor = await store.readRecord(folder, name)
    if (descriptor === undefined) continue // deleted since the names were read
    const fits = !wanted || readArtifactType(descriptor) === wanted
    const full = page.length === count || (page.length > 0 && bytes + descriptor.length > limits.bytes)
    if (read++ === readLimit(limits) || (fits && full)) {
      headers.set('link', nextPage(url, count, last))
      break
    }
    last = name
    if (!fits) continue
    page.push(descriptor)
    bytes += descriptor.length
  }
  const index = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[${page.join(',')}]}`
  return new Response(index, { headers })
}

/** How many descriptors one request may make us read: with a filter, more than it gets. */
function readLimit(limits: PageLimits): number {
  return 10 * limits.items
}

/** Of a descriptor we wrote ourselves. */
function readArtifactType(descriptor: string): unknown {
  return (JSON.parse(descriptor) as { artifactType?: unknown }).artifactType
}

async function isRepository(store: RegistryStore, repository: string): Promise<boolean> {
  return (
    (await store.listRecords(recordsOf(repository, '_tags'), '', 1)).length > 0 ||
    (await store.listRecords(recordsOf(repository, '_manifests'), '', 1)).length > 0
  )
}

function readPage(url: URL, limits: PageLimits): { readonly count: number; readonly after: string } {
  const n = url.searchParams.get('n')
  if (n !== null && !/^[0-9]{1,9}$/.test(n)) throw new Refusal('PAGINATION_NUMBER_INVALID', `n: want a whole number, got ${quote(n)}`)
  const after = url.searchParams.get('last') ?? ''
  if (after !== '' && !isRecordName(after))
    throw new Refusal('PAGINATION_NUMBER_INVALID', `last: want a name of this list, got ${quote(after)}`)
  return { count: Math.min(n === null ? limits.items : Number(n), limits.items), after }
}

function nextPage(url: URL, count: number, last: string): string {
  const query = new URLSearchParams(url.search)
  query.set('n', String(count))
  query.set('last', last)
  return `<${url.pathname}?${query}>; rel="next"`
}
