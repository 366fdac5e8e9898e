import { CountersignError } from '../../codec/error.ts'
import { parseJson, readArray, readObject, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { isErrorDocument } from '../complaint.ts'
import { ociLimits } from '../limits.ts'
import { type FetchedManifest, mediaTypes } from '../manifest.ts'
import { isTag, type Repository, repositoryName } from '../reference.ts'
import type { ReferrersAnswer } from '../referrers-api.ts'
import { contentTypeOf, readBody, refusalOf, repositoryUrl, type Send, sameHostUrl } from '../registry-exchange.ts'
import { discard } from '../transport/read-body.ts'
import { readManifest } from './manifests.ts'

/** One page of what refers to a subject, and where the next one is. */
export type ReferrersPage = { readonly index: FetchedManifest; readonly next?: URL }

const tagPageBytes = 4 << 20

/** `GET tags/list`, all pages. @see RegistryClient.listTags */
export async function listTags(send: Send, repository: Repository, signal: AbortSignal): Promise<readonly string[]> {
  const what = `tags of ${repositoryName(repository)}`
  const first = repositoryUrl(repository, 'tags/list')
  const tags: string[] = []
  const seen = new Set<string>()
  for (let page: URL | undefined = first; page; ) {
    if (seen.has(page.href)) throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: its pages go in a circle`)
    if (seen.size === ociLimits.tagPages)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.tagPages} pages, the registry has more`)
    seen.add(page.href)
    const response = await send('GET', repository, page, {}, signal)
    if (response.status === 404 && page === first) {
      await discard(response)
      return []
    }
    if (response.status !== 200) throw await refusalOf(response, what) // a page that is gone makes no shorter list
    const tooMuch = () => new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${tagPageBytes} bytes, the registry sends more`)
    const bytes = await readBody(response, tagPageBytes, what, signal, tooMuch)
    const listed = readObject(parseJson(bytes, what, { bytes: tagPageBytes }), what)['tags'] ?? []
    for (const tag of readArray(listed, what, ociLimits.tags, readString)) if (isTag(tag)) tags.push(tag)
    if (tags.length > ociLimits.tags)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.tags}, the registry lists more`)
    page = nextPage(response, page, first, what)
  }
  return tags
}

const withoutReferrersApi = new Set([400, 404, 405, 406, 501])

/** `GET referrers/DIGEST`, one page, or that there is no such API. @see RegistryClient.fetchReferrersPage */
export async function getReferrersPage(
  send: Send,
  repository: Repository,
  subject: OciDigest,
  page: URL | undefined,
  signal: AbortSignal,
): Promise<ReferrersAnswer> {
  const first = repositoryUrl(repository, `referrers/${subject}`)
  const what = `referrers of ${repositoryName(repository)}@${subject}`
  const response = await send('GET', repository, page ?? first, { headers: { accept: mediaTypes.ociIndex } }, signal)
  if (!page && lacksReferrersApi(response)) {
    const isNoRoute = response.status === 404 && !(await isErrorDocument(response)) // docker-registry: `404 page not found`
    await discard(response)
    return { missing: isNoRoute ? 'in the registry' : 'in the repository' }
  }
  if (response.status !== 200) throw await refusalOf(response, what)
  const index = await readManifest(response, undefined, what, signal)
  const next = nextPage(response, page ?? first, first, what)
  return { index, ...(next && { next }) }
}

/** Whether an answer to the question for referrers means that there is no such API: a status that says so, or what is no index. */
export function lacksReferrersApi(response: Response): boolean {
  return withoutReferrersApi.has(response.status) || (response.ok && contentTypeOf(response) !== mediaTypes.ociIndex)
}

/** Where a list goes on, by the header Link: on the same host and path. */
function nextPage(response: Response, asked: URL, first: URL, what: string): URL | undefined {
  const link = /^\s*<([^<>]*)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1]
  if (link === undefined) return undefined
  const next = sameHostUrl(link, asked, `${what}: next page`)
  if (next.pathname !== first.pathname)
    throw new CountersignError(
      'REGISTRY_RESPONSE_MALFORMED',
      `${what}: next page: want path ${first.pathname}, got ${quote(next.pathname)}`,
    )
  return next
}
