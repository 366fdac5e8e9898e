import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { isOciDigest, type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { ociLimits } from '../limits.ts'
import { type FetchedManifest, manifestMediaType, mediaTypes } from '../manifest.ts'
import { isTag, type Repository, repositoryName } from '../reference.ts'
import { contentTypeOf, readBody, refusalOf, repositoryUrl, type Send } from '../registry-exchange.ts'
import { discard } from '../transport/read-body.ts'

/** What a tag must still hold for a push to it to happen: exactly this, or nothing at all. */
export type Precondition = { readonly etag: string } | 'absent'

export type PushedManifest = {
  readonly digest: OciDigest
  readonly subject?: OciDigest // what the registry says it recorded this as a referrer of (header OCI-Subject)
  readonly conditional: boolean // the registry says that it checked the precondition
}

/** What a tag or digest leads to, without its bytes: by the registry's word alone. */
export type ManifestHead = { readonly digest: OciDigest | undefined; readonly mediaType: string; readonly size: number | undefined }

const acceptedManifests = [mediaTypes.ociManifest, mediaTypes.ociIndex, mediaTypes.dockerManifest, mediaTypes.dockerList].join(', ')
const preconditionHeader = 'countersign-precondition' // our registry's word that it honours If-Match; no standard has one (distribution-spec #251)

/** `GET manifests/REFERENCE`. @see RegistryClient.fetchManifest */
export async function getManifest(send: Send, repository: Repository, reference: string, signal: AbortSignal): Promise<FetchedManifest> {
  const what = `manifest ${describe(repository, reference)}`
  const response = await send('GET', repository, manifestUrl(repository, reference), { headers: { accept: acceptedManifests } }, signal)
  if (response.status !== 200) throw await refusalOf(response, what, { 404: 'IMAGE_NOT_FOUND' })
  return readManifest(response, isOciDigest(reference) ? reference : undefined, what, signal)
}

/**
 * The manifest or index in an answer.
 *
 * @param wanted - the digest asked for; without one, the registry's own claim is held to the bytes
 * @throws CountersignError `DIGEST_MISMATCH`, `LIMIT_EXCEEDED`, `MANIFEST_MALFORMED`
 */
export async function readManifest(
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

/** `HEAD manifests/REFERENCE`. @see RegistryClient.headManifest */
export async function headManifest(
  send: Send,
  repository: Repository,
  reference: string,
  signal: AbortSignal,
): Promise<ManifestHead | undefined> {
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

/** `DELETE manifests/REFERENCE`. @see RegistryClient.deleteManifest */
export async function deleteManifest(send: Send, repository: Repository, reference: string, signal: AbortSignal): Promise<boolean> {
  const what = `manifest ${describe(repository, reference)}`
  const response = await send('DELETE', repository, manifestUrl(repository, reference), { remove: true, idempotent: true }, signal)
  if (response.ok || response.status === 404) {
    await discard(response)
    return response.ok
  }
  const byTag = !isOciDigest(reference) // docker-registry 2.8 deletes by digest alone, and calls a tag an invalid one
  throw await refusalOf(response, what, { 405: 'DELETE_UNSUPPORTED', ...(byTag && { 400: 'DELETE_UNSUPPORTED' as const }) })
}

/** `PUT manifests/REFERENCE`. @see RegistryClient.pushManifest */
export async function putManifest(
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
