import { quote } from '../../codec/text.ts'
import { hexOf, type OciDigest } from '../../formats/oci-digest.ts'
import { chunksOf } from './body.ts'
import { parseDigest, recordsOf } from './names.ts'
import { Refusal } from './refusal.ts'
import type { RegistryStore } from './store.ts'
import type { Upload, Uploads } from './uploads.ts'

/** Size of a blob that this repository may read, or nothing: bytes that only others hold do not exist here. */
export async function linkedBlobSize(store: RegistryStore, repository: string, digest: OciDigest): Promise<number | undefined> {
  if ((await store.readRecord(recordsOf(repository, '_blobs'), hexOf(digest))) === undefined) return undefined
  return store.blobSize(digest)
}

/** GET and HEAD of a blob, with one byte range. @see OCI distribution spec 1.1 "Pulling blobs", RFC 9110 §14 */
export async function getBlob(store: RegistryStore, request: Request, repository: string, digest: OciDigest): Promise<Response> {
  const size = await linkedBlobSize(store, repository, digest)
  if (size === undefined) throw unknownBlob(repository, digest)
  const range = readRange(request, digest, size)
  const { start, end } = range ?? { start: 0, end: size }
  const headers = new Headers({
    'content-type': 'application/octet-stream',
    'content-length': String(end - start),
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
  })
  if (range) headers.set('content-range', `bytes ${start}-${end - 1}/${size}`)
  const body = request.method === 'HEAD' || start === end ? null : store.readBlob(digest, start, end)
  return new Response(body, { status: range ? 206 : 200, headers })
}

/** The one range asked for; several, or one of another unit or version, are ignored as RFC 9110 allows. */
function readRange(request: Request, digest: OciDigest, size: number): { start: number; end: number } | undefined {
  const ifRange = request.headers.get('if-range')
  const [, first, last] = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(request.headers.get('range') ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  if (ifRange !== null && ifRange !== `"${digest}"`) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined // not a range at all
  if (start >= end) throw new Refusal('RANGE_INVALID', `range: want bytes of ${size}`, { headers: { 'content-range': `bytes */${size}` } })
  return { start, end }
}

/** DELETE of a blob: from this repository; the bytes stay for the others that link them. */
export async function deleteBlob(store: RegistryStore, repository: string, digest: OciDigest): Promise<Response> {
  if ((await linkedBlobSize(store, repository, digest)) === undefined) throw unknownBlob(repository, digest)
  await store.writeRecord(recordsOf(repository, '_blobs'), hexOf(digest), undefined)
  return new Response(null, { status: 202 })
}

/**
 * POST of an upload: mounts, takes the whole blob, or begins a session. A mount that cannot be begins a session, as the spec asks.
 *
 * @param mayPull - whether the client may read the repository it wants to mount from
 * @see OCI distribution spec 1.1 "Pushing blobs" and "Mounting a blob from another repository"
 */
export async function beginUpload(
  store: RegistryStore,
  uploads: Uploads,
  request: Request,
  repository: string,
  query: { readonly mount: OciDigest | undefined; readonly from: string | undefined; readonly digest: OciDigest | undefined },
): Promise<Response> {
  if (query.mount && query.from && (await linkedBlobSize(store, query.from, query.mount)) !== undefined) {
    await linkBlob(store, repository, query.mount)
    return created(repository, query.mount)
  }
  const upload = await uploads.begin(repository)
  if (!query.digest) return progress(upload, 202)
  try {
    await upload.append(chunksOf(request))
  } catch (cause) {
    await upload.cancel() // nobody was told its address
    throw cause
  }
  return finish(store, upload, query.digest)
}

/** PATCH: adds a chunk at the position that Content-Range names, or at the end. */
export async function appendChunk(upload: Upload, request: Request): Promise<Response> {
  await upload.append(chunksOf(request), announcedLength(upload, request))
  return progress(upload, 202)
}

/** PUT: adds the last bytes, if any, and makes the blob. */
export async function finishUpload(store: RegistryStore, upload: Upload, request: Request): Promise<Response> {
  const digest = parseDigest(new URL(request.url).searchParams.get('digest') ?? '')
  await upload.append(chunksOf(request), announcedLength(upload, request))
  return finish(store, upload, digest)
}

/** Where an upload stands; `Range` ends at its last byte, and is `0-0` before the first, as in docker's registry. */
export function progress(upload: Upload, status: 202 | 204): Response {
  return new Response(null, { status, headers: progressHeaders(upload) })
}

function progressHeaders(upload: Upload): Record<string, string> {
  return {
    location: `/v2/${upload.repository}/blobs/uploads/${upload.id}`,
    range: `0-${Math.max(0, upload.size() - 1)}`,
    'docker-upload-uuid': upload.id,
  }
}

/** How many bytes must come, checked against where the upload stands. */
function announcedLength(upload: Upload, request: Request): number | undefined {
  const text = request.headers.get('content-range')
  if (text === null) return undefined
  const [, first, last] = /^(?:bytes[ =])?([0-9]{1,15})-([0-9]{1,15})(?:\/[0-9*]{1,15})?$/.exec(text) ?? []
  if (first === undefined || last === undefined)
    throw new Refusal('BLOB_UPLOAD_INVALID', `Content-Range: want FIRST-LAST, got ${quote(text)}`)
  if (Number(first) !== upload.size() || Number(last) < Number(first))
    throw new Refusal('RANGE_INVALID', `Content-Range: want a chunk from byte ${upload.size()}, got ${quote(text)}`, {
      headers: progressHeaders(upload),
    })
  return Number(last) - Number(first) + 1
}

async function finish(store: RegistryStore, upload: Upload, digest: OciDigest): Promise<Response> {
  await upload.finish(digest) // the bytes are durable before the repository names them
  await linkBlob(store, upload.repository, digest)
  return created(upload.repository, digest)
}

async function linkBlob(store: RegistryStore, repository: string, digest: OciDigest): Promise<void> {
  await store.writeRecord(recordsOf(repository, '_blobs'), hexOf(digest), '')
}

function created(repository: string, digest: OciDigest): Response {
  return new Response(null, { status: 201, headers: { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest } })
}

function unknownBlob(repository: string, digest: OciDigest): Refusal {
  return new Refusal('BLOB_UNKNOWN', `no blob ${digest} in ${repository}`)
}
