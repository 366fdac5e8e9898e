import { collectBytes } from '../../codec/bytes.ts'
import { hexOf, type OciDigest, ociDigestOf, parseOciDigest } from '../../formats/oci-digest.ts'
import { linkedBlobSize } from './blobs.ts'
import { chunksOf } from './body.ts'
import { type Descriptor, parseManifest, type StoredManifest } from './manifest.ts'
import { type ManifestReference, recordsOf, referrersOf } from './names.ts'
import { Refusal } from './refusal.ts'
import type { RegistryStore } from './store.ts'
import type { InTurn } from './turns.ts'

export type ManifestLimits = { readonly bytes: number; readonly descriptors: number }

/**
 * GET and HEAD of a manifest. `ETag` states which manifest the tag names, for conditional pushes.
 *
 * @see OCI distribution spec 1.1 "Pulling manifests"
 */
export async function getManifest(
  store: RegistryStore,
  request: Request,
  repository: string,
  reference: ManifestReference,
  limits: ManifestLimits,
): Promise<Response> {
  const found = await resolve(store, repository, reference)
  if (!found) throw unknown(repository, reference)
  const { digest, mediaType } = found
  const size = await store.blobSize(digest)
  if (size === undefined || size > limits.bytes) throw new Error(`store: manifest ${digest} has a record but no bytes`)
  const etag = `"${digest}"`
  if (matches(request.headers.get('if-none-match'), digest)) return new Response(null, { status: 304, headers: { etag } })
  return new Response(request.method === 'HEAD' ? null : store.readBlob(digest, 0, size), {
    headers: { 'content-type': mediaType, 'content-length': String(size), 'docker-content-digest': digest, etag },
  })
}

/**
 * PUT of a manifest, by tag or digest. Written in the order bytes, manifest, referrer, tag, so that whatever a crash leaves,
 * a name never leads to something missing, and pushing again completes it.
 *
 * `If-Match` and `If-None-Match` (RFC 9110 §13.1) make it conditional on what the reference names at that moment, so that
 * those who append to a tag lose no update; 412 says that somebody else was first. This is our own addition to the spec, and
 * most registries ignore such headers, so an answer to a conditional push says `Countersign-Precondition: checked`.
 *
 * @param inTurn - keeps deletions in this repository out while what the manifest names is checked and the manifest named
 * @see OCI distribution spec 1.1 "Pushing manifests", "Pushing Manifests with Subject"
 */
export async function putManifest(
  store: RegistryStore,
  inTurn: InTurn,
  request: Request,
  repository: string,
  reference: ManifestReference,
  limits: ManifestLimits,
): Promise<{ readonly response: Response; readonly subject: OciDigest | undefined }> {
  const bytes = await collectBytes(chunksOf(request), limits.bytes) // whatever Content-Length says
  if (!bytes) throw new Refusal('MANIFEST_INVALID', `manifest: want at most ${limits.bytes} bytes`, { status: 413 })
  const digest = ociDigestOf(bytes)
  if (reference.kind === 'digest' && reference.digest !== digest)
    throw new Refusal('DIGEST_INVALID', `content has digest ${digest}, not ${reference.digest}`)
  const manifest = parseManifest(bytes, request.headers.get('content-type') ?? '', limits)

  await inTurn(repository, async () => {
    checkPrecondition(request, repository, reference, await resolve(store, repository, reference))
    await checkReferences(store, repository, manifest)
    await putBytes(store, digest, bytes)
    await store.writeRecord(recordsOf(repository, '_manifests'), hexOf(digest), manifest.mediaType)
    if (manifest.subject)
      await store.writeRecord(referrersOf(repository, manifest.subject), hexOf(digest), serializeReferrer(manifest, digest, bytes.length))
    if (reference.kind === 'tag') await store.writeRecord(recordsOf(repository, '_tags'), reference.tag, digest)
  })
  const headers = new Headers({ location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest, etag: `"${digest}"` })
  if (request.headers.has('if-match') || request.headers.has('if-none-match')) headers.set('countersign-precondition', 'checked')
  return { response: new Response(null, { status: 201, headers }), subject: manifest.subject }
}

/**
 * DELETE of a tag, or of a manifest with the tags that name it, in the reverse order of pushing; conditional as a PUT is.
 * The caller keeps pushes to the repository out meanwhile.
 *
 * @see OCI distribution spec 1.1 "Deleting tags", "Deleting Manifests"
 */
export async function deleteManifest(
  store: RegistryStore,
  request: Request,
  repository: string,
  reference: ManifestReference,
  limits: ManifestLimits,
): Promise<Response> {
  const found = await resolve(store, repository, reference)
  if (!found) throw unknown(repository, reference)
  checkPrecondition(request, repository, reference, found)
  const tags = recordsOf(repository, '_tags')
  if (reference.kind === 'tag') await store.writeRecord(tags, reference.tag, undefined)
  else {
    for (const tag of await store.listRecords(tags, '', Number.POSITIVE_INFINITY))
      if ((await store.readRecord(tags, tag)) === found.digest) await store.writeRecord(tags, tag, undefined)
    const { subject } = parseManifest(await readBytes(store, found.digest, limits), found.mediaType, limits)
    if (subject) await store.writeRecord(referrersOf(repository, subject), hexOf(found.digest), undefined)
    await store.writeRecord(recordsOf(repository, '_manifests'), hexOf(found.digest), undefined)
  }
  return new Response(null, { status: 202 })
}

type Found = { readonly digest: OciDigest; readonly mediaType: string }

async function resolve(store: RegistryStore, repository: string, reference: ManifestReference): Promise<Found | undefined> {
  const named = reference.kind === 'digest' ? reference.digest : await store.readRecord(recordsOf(repository, '_tags'), reference.tag)
  if (named === undefined) return undefined
  const digest = parseOciDigest(named, 'store: tag')
  const mediaType = await store.readRecord(recordsOf(repository, '_manifests'), hexOf(digest))
  return mediaType === undefined ? undefined : { digest, mediaType }
}

async function putBytes(store: RegistryStore, digest: OciDigest, bytes: Uint8Array): Promise<void> {
  const writer = await store.createUpload()
  try {
    await writer.append([bytes])
    await writer.commit(digest)
  } catch (cause) {
    await writer.discard()
    throw cause
  }
}

async function readBytes(store: RegistryStore, digest: OciDigest, limits: ManifestLimits): Promise<Uint8Array> {
  const size = (await store.blobSize(digest)) ?? 0
  return new Uint8Array(await new Response(store.readBlob(digest, 0, Math.min(size, limits.bytes))).arrayBuffer())
}

/** Every blob and child manifest must be here and as large as its descriptor says; the subject may come later. */
async function checkReferences(store: RegistryStore, repository: string, manifest: StoredManifest): Promise<void> {
  const check = async (descriptors: readonly Descriptor[], sizeOf: (digest: OciDigest) => Promise<number | undefined>): Promise<void> => {
    const sizes = new Map<OciDigest, number>()
    for (const { digest, size } of descriptors) {
      const found = sizes.get(digest) ?? (await sizeOf(digest))
      if (found === undefined) throw new Refusal('MANIFEST_BLOB_UNKNOWN', `manifest names ${digest}, which is not in ${repository}`)
      if (found !== size) throw new Refusal('MANIFEST_INVALID', `manifest: ${digest} has ${found} bytes, its descriptor says ${size}`)
      sizes.set(digest, found)
    }
  }
  await check(manifest.blobs, digest => linkedBlobSize(store, repository, digest))
  await check(manifest.manifests, async digest => {
    const known = await store.readRecord(recordsOf(repository, '_manifests'), hexOf(digest))
    return known === undefined ? linkedBlobSize(store, repository, digest) : store.blobSize(digest) // an index may list plain blobs
  })
}

/** The descriptor that the referrers API will list. @see OCI distribution spec 1.1 "Listing Referrers" */
function serializeReferrer({ mediaType, artifactType, annotations }: StoredManifest, digest: OciDigest, size: number): string {
  return JSON.stringify({ mediaType, size, digest, artifactType, annotations: annotations && Object.fromEntries(annotations) })
}

function checkPrecondition(request: Request, repository: string, reference: ManifestReference, current: Found | undefined): void {
  const ifMatch = request.headers.get('if-match')
  if ((ifMatch === null || matches(ifMatch, current?.digest)) && !matches(request.headers.get('if-none-match'), current?.digest)) return
  throw new Refusal('PRECONDITION_FAILED', `${nameOf(repository, reference)} is not what If-Match or If-None-Match asks for`)
}

/** Whether a list of entity tags, or `*`, names what is there. */
function matches(header: string | null, current: string | undefined): boolean {
  if (header === null || current === undefined) return false
  return header.trim() === '*' || header.split(',').some(tag => tag.trim() === `"${current}"`)
}

function unknown(repository: string, reference: ManifestReference): Refusal {
  return new Refusal('MANIFEST_UNKNOWN', `no manifest ${nameOf(repository, reference)}`)
}

function nameOf(repository: string, reference: ManifestReference): string {
  return reference.kind === 'tag' ? `${repository}:${reference.tag}` : `${repository}@${reference.digest}`
}
