import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { parseJson, readArray, readObject, readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import { startDigest } from '../crypto/digest.ts'
import { isOciDigest, type OciDigest, ociDigestOf } from '../formats/oci-digest.ts'
import { type BlobContent, hasBlob, type PushBlobOptions, uploadBlob } from './blob-upload.ts'
import { isErrorDocument } from './complaint.ts'
import { ociLimits } from './limits.ts'
import { type Descriptor, type FetchedManifest, manifestMediaType, mediaTypes } from './manifest.ts'
import { type ImageReference, isTag, type Repository, repositoryName } from './reference.ts'
import { createReferrersApiMemory, type ReferrersAnswer } from './referrers-api.ts'
import { bodyPieces, createSend, readBody, refusalOf, repositoryUrl, type Send, sameHostUrl } from './registry-exchange.ts'
import type { RegistryFetch } from './registry-fetch.ts'
import { discard } from './transport/read-body.ts'

/** An image whose name was looked up once. Whatever is asked later goes by its digest. */
export type ResolvedImage = Descriptor & { readonly digest: OciDigest; readonly manifest: FetchedManifest }

/** What a tag must still hold for a push to it to happen: exactly this, or nothing at all. */
export type Precondition = { readonly etag: string } | 'absent'

export type PushedManifest = {
  readonly digest: OciDigest
  readonly subject?: OciDigest // what the registry says it recorded this as a referrer of (header OCI-Subject)
  readonly conditional: boolean // the registry says that it checked the precondition
}

/** What a tag or digest leads to, without its bytes: by the registry's word alone. */
export type ManifestHead = { readonly digest: OciDigest | undefined; readonly mediaType: string; readonly size: number | undefined }

export type ReferrersPage = { readonly index: FetchedManifest; readonly next?: URL }

/**
 * An OCI distribution 1.1 client. Bytes fetched by digest have that digest, always; everything read is bounded.
 * Refusals name the repository and the missing permission.
 */
export type RegistryClient = {
  /**
   * Fetches a manifest by digest or tag. A digest asked for is checked on the bytes received; for a tag, the registry's own
   * claim about its digest is.
   *
   * @throws CountersignError `IMAGE_NOT_FOUND`, `DIGEST_MISMATCH`, `LIMIT_EXCEEDED` above 4 MiB, `MANIFEST_MALFORMED`
   */
  readonly fetchManifest: (repository: Repository, reference: OciDigest | string, signal: AbortSignal) => Promise<FetchedManifest>
  /** Looks a reference up with one request, which counts as a pull, and pins what it found. */
  readonly resolve: (reference: ImageReference, signal: AbortSignal) => Promise<ResolvedImage>
  /**
   * Fetches the content of a descriptor: exactly `size` bytes with that digest.
   *
   * @throws CountersignError `LIMIT_EXCEEDED` when its size is above `limitBytes` (nothing is fetched), `BLOB_NOT_FOUND`,
   *   `SIZE_MISMATCH`, `DIGEST_MISMATCH`
   */
  readonly fetchBlob: (
    repository: Repository,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    limitBytes: number,
    signal: AbortSignal,
  ) => Promise<Uint8Array>
  /**
   * The content of a descriptor piece by piece, for blobs of any size. The last piece comes only once all of them are known
   * to be `size` bytes with that digest: what was passed on until the loop throws is short of the whole.
   *
   * @throws CountersignError as `fetchBlob`, within the loop
   */
  readonly streamBlob: (
    repository: Repository,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    signal: AbortSignal,
  ) => AsyncIterable<Uint8Array>
  readonly hasBlob: (repository: Repository, digest: OciDigest, signal: AbortSignal) => Promise<boolean>
  /** Asks what a tag or digest leads to; nothing where there is no such manifest. It counts as no pull. */
  readonly headManifest: (repository: Repository, reference: OciDigest | string, signal: AbortSignal) => Promise<ManifestHead | undefined>
  /**
   * All tags of a repository, in the registry's order; none where there is no such repository.
   *
   * @throws CountersignError `LIMIT_EXCEEDED` above 100,000 tags
   */
  readonly listTags: (repository: Repository, signal: AbortSignal) => Promise<readonly string[]>
  /**
   * Deletes a tag, or a manifest with all its tags. Returns false where there was nothing to delete.
   *
   * @throws CountersignError `DELETE_UNSUPPORTED` where the registry does not delete (405), or not by tag (400);
   *   `REGISTRY_DENIED`; `REGISTRY_REFUSED`
   */
  readonly deleteManifest: (repository: Repository, reference: OciDigest | string, signal: AbortSignal) => Promise<boolean>
  /** @see uploadBlob */
  readonly pushBlob: (
    repository: Repository,
    content: BlobContent,
    signal: AbortSignal,
    options?: PushBlobOptions,
  ) => Promise<{ readonly digest: OciDigest; readonly size: number }>
  /**
   * Puts a manifest under a tag or its digest.
   *
   * @throws CountersignError `MANIFEST_CHANGED` when the registry finds the precondition false; `REGISTRY_REFUSED` when it
   *   does not take the manifest; `DIGEST_MISMATCH` when it stored something else
   */
  readonly pushManifest: (
    repository: Repository,
    reference: OciDigest | string,
    bytes: Uint8Array,
    mediaType: string,
    signal: AbortSignal,
    precondition?: Precondition,
  ) => Promise<PushedManifest>
  /**
   * Fetches one page of the referrers API, the first one without `page`. Nothing where the registry does not have the API:
   * it answers 404, or 400, 405, 406 or 501, or with something that is no index.
   *
   * With `onAssumed`, a registry that has shown to have none is not asked again: `onAssumed` is called, and nothing returned.
   *
   * @see createReferrersApiMemory
   * @throws CountersignError `REGISTRY_RESPONSE_MALFORMED` when the next page is on another host or under another path
   */
  readonly fetchReferrersPage: (
    repository: Repository,
    subject: OciDigest,
    page: URL | undefined,
    signal: AbortSignal,
    onAssumed?: () => void,
  ) => Promise<ReferrersPage | undefined>
}

export type RegistryClientOptions = {
  readonly willPush?: boolean // ask for push permission from the first request on: one token instead of two
  readonly chunkBytes?: number // blobs above this size are sent in chunks of it; 64 MiB unless told
}

const acceptedManifests = [mediaTypes.ociManifest, mediaTypes.ociIndex, mediaTypes.dockerManifest, mediaTypes.dockerList].join(', ')
const withoutReferrersApi = new Set([400, 404, 405, 406, 501])
const preconditionHeader = 'countersign-precondition' // our registry's word that it honours If-Match; no standard has one (distribution-spec #251)

/** A client that speaks to registries by way of `fetch`. */
export function createRegistryClient(fetch: RegistryFetch, options: RegistryClientOptions = {}): RegistryClient {
  const send = createSend(fetch, options.willPush ?? false)
  const chunkBytes = options.chunkBytes ?? 64 * 1024 * 1024
  const referrersApis = createReferrersApiMemory()
  const fetchManifest: RegistryClient['fetchManifest'] = (repository, reference, signal) => getManifest(send, repository, reference, signal)
  return {
    fetchManifest,
    resolve: async (reference, signal) => {
      const manifest = await fetchManifest(reference, reference.digest ?? reference.tag ?? 'latest', signal)
      const { mediaType, digest, bytes } = manifest
      if (mediaType === '')
        throw new CountersignError(
          'MANIFEST_MALFORMED',
          `manifest ${repositoryName(reference)}@${digest}: neither it nor the registry says what it is`,
        )
      const fields = { mediaType, size: bytes.length, digest }
      return { ...fields, raw: fields, manifest }
    },
    fetchBlob: (repository, descriptor, limitBytes, signal) => getBlob(send, repository, descriptor, limitBytes, signal),
    streamBlob: (repository, descriptor, signal) => streamBlob(send, repository, descriptor, signal),
    hasBlob: (repository, digest, signal) => hasBlob(send, repository, digest, signal),
    headManifest: (repository, reference, signal) => headManifest(send, repository, reference, signal),
    listTags: (repository, signal) => listTags(send, repository, signal),
    deleteManifest: (repository, reference, signal) => deleteManifest(send, repository, reference, signal),
    pushBlob: (repository, content, signal, pushOptions) => uploadBlob(send, repository, content, chunkBytes, signal, pushOptions),
    pushManifest: (repository, reference, bytes, mediaType, signal, precondition) =>
      putManifest(send, repository, reference, bytes, mediaType, signal, precondition),
    fetchReferrersPage: (repository, subject, page, signal, onAssumed) =>
      referrersApis.ask({ repository, signal, onAssumed }, () => getReferrersPage(send, repository, subject, page, signal)),
  }
}

async function getManifest(send: Send, repository: Repository, reference: string, signal: AbortSignal): Promise<FetchedManifest> {
  const what = `manifest ${describe(repository, reference)}`
  const response = await send('GET', repository, manifestUrl(repository, reference), { headers: { accept: acceptedManifests } }, signal)
  if (response.status !== 200) throw await refusalOf(response, what, { 404: 'IMAGE_NOT_FOUND' })
  return readManifest(response, isOciDigest(reference) ? reference : undefined, what, signal)
}

async function readManifest(
  response: Response,
  wanted: OciDigest | undefined,
  what: string,
  signal: AbortSignal,
): Promise<FetchedManifest> {
  const limit = ociLimits.manifestBytes
  const tooMuch = () => new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limit} bytes, the registry sends more`)
  const bytes = await readBody(response, limit, what, signal, tooMuch)
  const digest = ociDigestOf(bytes)
  const claimed = response.headers.get('docker-content-digest')
  if (wanted && digest !== wanted) throw new CountersignError('DIGEST_MISMATCH', `${what}: the registry serves bytes with digest ${digest}`)
  if (!wanted && claimed?.startsWith('sha256:') && claimed !== digest)
    throw new CountersignError('DIGEST_MISMATCH', `${what}: the registry says digest ${quote(claimed)}, its bytes have ${digest}`)
  const mediaType = manifestMediaType(bytes, contentTypeOf(response), what)
  const etag = response.headers.get('etag')
  return { mediaType, bytes, digest, ...(etag !== null && etag.length <= 256 && { etag }) }
}

async function getBlob(
  send: Send,
  repository: Repository,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const what = `blob ${repositoryName(repository)}@${digest}`
  if (size > limitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitBytes} bytes, its descriptor says ${size}`)
  const response = await send('GET', repository, repositoryUrl(repository, `blobs/${digest}`), {}, signal)
  if (response.status !== 200) throw await refusalOf(response, what, { 404: 'BLOB_NOT_FOUND' })
  const tooMuch = () => new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, the registry sends more`)
  const bytes = await readBody(response, size, what, signal, tooMuch)
  if (bytes.length !== size)
    throw new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, the registry sends ${bytes.length}`)
  const received = ociDigestOf(bytes)
  if (received !== digest) throw new CountersignError('DIGEST_MISMATCH', `${what}: the registry serves bytes with digest ${received}`)
  return bytes
}

/** Keeps one piece back until the digest of all is known, so that nobody has the whole of a wrong blob in hand. */
async function* streamBlob(
  send: Send,
  repository: Repository,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const what = `blob ${repositoryName(repository)}@${digest}`
  const response = await send('GET', repository, repositoryUrl(repository, `blobs/${digest}`), {}, signal)
  if (response.status !== 200) throw await refusalOf(response, what, { 404: 'BLOB_NOT_FOUND' })
  const state = startDigest('sha256')
  let held: Uint8Array | undefined
  let length = 0
  for await (const piece of bodyPieces(response, what, signal)) {
    length += piece.length
    if (length > size) throw new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, the registry sends more`)
    state.update(piece)
    if (held) yield held
    held = piece
  }
  if (length !== size)
    throw new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, the registry sends ${length}`)
  const received = `sha256:${encodeHex(state.finish())}`
  if (received !== digest) throw new CountersignError('DIGEST_MISMATCH', `${what}: the registry serves bytes with digest ${received}`)
  if (held) yield held
}

async function headManifest(send: Send, repository: Repository, reference: string, signal: AbortSignal): Promise<ManifestHead | undefined> {
  const headers = { accept: `${acceptedManifests}, */*` } // what is there counts, whatever it is: some answer 404 for types not asked for
  const response = await send('HEAD', repository, manifestUrl(repository, reference), { headers }, signal)
  await discard(response)
  if (response.status === 404) return undefined
  if (response.status !== 200) throw await refusalOf(response, `manifest ${describe(repository, reference)}`)
  const digest = response.headers.get('docker-content-digest') ?? ''
  const length = response.headers.get('content-length') ?? ''
  return {
    digest: isOciDigest(digest) ? digest : undefined,
    mediaType: contentTypeOf(response),
    size: /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined,
  }
}

const tagLimit = 100_000
const tagPageBytes = 4 << 20

async function listTags(send: Send, repository: Repository, signal: AbortSignal): Promise<readonly string[]> {
  const what = `tags of ${repositoryName(repository)}`
  const first = repositoryUrl(repository, 'tags/list')
  const tags: string[] = []
  const seen = new Set<string>()
  for (let page: URL | undefined = first; page; ) {
    if (seen.has(page.href)) throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: its pages go in a circle`)
    seen.add(page.href)
    const response = await send('GET', repository, page, {}, signal)
    if (response.status === 404) {
      await discard(response)
      return tags
    }
    if (response.status !== 200) throw await refusalOf(response, what)
    const tooMuch = () => new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${tagPageBytes} bytes, the registry sends more`)
    const bytes = await readBody(response, tagPageBytes, what, signal, tooMuch)
    const listed = readObject(parseJson(bytes, what, { bytes: tagPageBytes }), what)['tags'] ?? []
    tags.push(...readArray(listed, what, tagLimit, readString).filter(isTag))
    if (tags.length > tagLimit) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${tagLimit}, the registry lists more`)
    page = nextPage(response, page, first, what)
  }
  return tags
}

async function deleteManifest(send: Send, repository: Repository, reference: string, signal: AbortSignal): Promise<boolean> {
  const what = `manifest ${describe(repository, reference)}`
  const response = await send('DELETE', repository, manifestUrl(repository, reference), { remove: true, idempotent: true }, signal)
  if (response.ok || response.status === 404) {
    await discard(response)
    return response.ok
  }
  const byTag = !isOciDigest(reference) // docker-registry 2.8 deletes by digest alone, and calls a tag an invalid one
  throw await refusalOf(response, what, { 405: 'DELETE_UNSUPPORTED', ...(byTag && { 400: 'DELETE_UNSUPPORTED' as const }) })
}

async function putManifest(
  send: Send,
  repository: Repository,
  reference: string,
  body: Uint8Array,
  mediaType: string,
  signal: AbortSignal,
  precondition: Precondition | undefined,
): Promise<PushedManifest> {
  const what = `manifest ${describe(repository, reference)}`
  if (body.length > ociLimits.manifestBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.manifestBytes} bytes to push, got ${body.length}`)
  const idempotent = isOciDigest(reference) // a tag is shared: repeating a put whose answer was lost could undo what others have put since
  const condition =
    precondition === undefined ? {} : precondition === 'absent' ? { 'if-none-match': '*' } : { 'if-match': precondition.etag }
  const headers = { 'content-type': mediaType, ...condition }
  const response = await send('PUT', repository, manifestUrl(repository, reference), { push: true, idempotent, headers, body }, signal)
  if (!response.ok) throw await refusalOf(response, what, { ...(precondition && { 412: 'MANIFEST_CHANGED' }), 413: 'LIMIT_EXCEEDED' })
  await discard(response)
  const digest = ociDigestOf(body)
  const stored = response.headers.get('docker-content-digest')
  if (stored?.startsWith('sha256:') && stored !== digest)
    throw new CountersignError('DIGEST_MISMATCH', `${what}: we sent ${digest}, the registry stored ${quote(stored)}`)
  const subject = response.headers.get('oci-subject')
  return {
    digest,
    conditional: response.headers.get(preconditionHeader) === 'checked',
    ...(subject !== null && isOciDigest(subject) && { subject }),
  }
}

async function getReferrersPage(
  send: Send,
  repository: Repository,
  subject: OciDigest,
  page: URL | undefined,
  signal: AbortSignal,
): Promise<ReferrersAnswer> {
  const first = repositoryUrl(repository, `referrers/${subject}`)
  const what = `referrers of ${repositoryName(repository)}@${subject}`
  const response = await send('GET', repository, page ?? first, { headers: { accept: mediaTypes.ociIndex } }, signal)
  if (!page && (withoutReferrersApi.has(response.status) || (response.ok && contentTypeOf(response) !== mediaTypes.ociIndex))) {
    const isNoRoute = response.status === 404 && !(await isErrorDocument(response)) // docker-registry: `404 page not found`
    await discard(response)
    return { missing: isNoRoute ? 'in the registry' : 'in the repository' }
  }
  if (response.status !== 200) throw await refusalOf(response, what)
  const index = await readManifest(response, undefined, what, signal)
  const next = nextPage(response, page ?? first, first, what)
  return { index, ...(next && { next }) }
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

function manifestUrl(repository: Repository, reference: string): URL {
  if (!isOciDigest(reference) && !isTag(reference))
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `manifest of ${repositoryName(repository)}: want a tag or digest, got ${quote(reference)}`,
    )
  return repositoryUrl(repository, `manifests/${reference}`)
}

function describe(repository: Repository, reference: string): string {
  return `${repositoryName(repository)}${isOciDigest(reference) ? '@' : ':'}${reference}`
}

/** The media type of an answer, without parameters, in lower case. */
function contentTypeOf(response: Response): string {
  return (response.headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
}
