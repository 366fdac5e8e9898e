import { joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { type BlobContent, describeBlob } from '../blob-content.ts'
import { type Repository, repositoryName } from '../reference.ts'
import { refusalOf, repositoryUrl, type Send, sameHostUrl } from '../registry-exchange.ts'
import { discard } from '../transport/read-body.ts'

export type PushBlobOptions = {
  readonly from?: Repository // a repository of the same registry that has the blob: it is mounted, nothing is sent
  readonly mayExist?: boolean // whether to ask first if it is there; left out, its size decides
}

/** Bytes up to which asking whether a blob is there costs as much as sending it. */
export const smallBlobBytes = 16 * 1024
const leastChunk = 1024 * 1024
const contentType = { 'content-type': 'application/octet-stream' }

/**
 * Puts a blob into a repository. A blob of up to 16 KiB is sent without asking whether it is there, because asking costs as
 * much as sending; larger ones are asked for first. Bytes above `chunkBytes` go in chunks of at least the size the registry
 * names; so does whatever the registry says 413 to. A source goes in one request, as fast as it can be read.
 *
 * @throws CountersignError `REGISTRY_DENIED` and the like; `DIGEST_MISMATCH` when the registry stored something else
 * @see OCI distribution-spec 1.1 "Pushing blobs"
 */
export async function uploadBlob(
  send: Send,
  repository: Repository,
  content: BlobContent,
  chunkBytes: number,
  signal: AbortSignal,
  options: PushBlobOptions = {},
): Promise<{ readonly digest: OciDigest; readonly size: number }> {
  const blob = describeBlob(content)
  const push: Push = { send, repository, content, ...blob, signal }
  const { from, mayExist } = options
  if (from?.registry === repository.registry) {
    const upload = await mountBlob(push, from)
    if (upload) await sendBlob(push, upload, chunkBytes)
    return blob
  }
  if ((mayExist ?? blob.size > smallBlobBytes) && (await hasBlob(send, repository, blob.digest, signal))) return blob
  await sendBlob(push, await startUpload(push), chunkBytes)
  return blob
}

/** One blob on its way into one repository. */
type Push = {
  readonly send: Send
  readonly repository: Repository
  readonly content: BlobContent
  readonly digest: OciDigest
  readonly size: number
  readonly signal: AbortSignal
}

/** An upload that the registry has begun. */
export type Upload = {
  readonly url: URL // where the next bytes go
  readonly leastChunk: number // bytes of each chunk but the last, at least
}

/** A repository that blobs are brought to. */
export type UploadTarget = Pick<Push, 'send' | 'repository' | 'signal'>

/**
 * Asks for the blob of another repository of the registry; an upload where the registry would rather have it sent.
 *
 * @see OCI distribution-spec 1.1 "Mounting a blob from another repository"
 */
export async function mountBlob(
  { send, repository, digest, signal }: UploadTarget & Pick<Push, 'digest'>,
  from: Repository,
): Promise<Upload | undefined> {
  const asked = repositoryUrl(repository, `blobs/uploads/?mount=${digest}&from=${encodeURIComponent(from.repository)}`)
  const response = await send('POST', repository, asked, { push: true, idempotent: true }, signal)
  if (response.status !== 201) return readUpload(response, repository, asked)
  await discard(response)
  return undefined
}

/** Begins an upload; nothing is sent yet. @throws CountersignError whatever the registry refuses it with */
export async function startUpload({ send, repository, signal }: UploadTarget): Promise<Upload> {
  const asked = repositoryUrl(repository, 'blobs/uploads/')
  return readUpload(await send('POST', repository, asked, { push: true, idempotent: true }, signal), repository, asked)
}

async function readUpload(response: Response, repository: Repository, asked: URL): Promise<Upload> {
  if (response.status !== 202) throw await refusalOf(response, `blob upload to ${repositoryName(repository)}`)
  const least = response.headers.get('oci-chunk-min-length') ?? ''
  return { url: await nextLocation(response, asked), leastChunk: /^[0-9]{1,10}$/.test(least) ? Number(least) : 0 }
}

async function sendBlob(push: Push, upload: Upload, chunkBytes: number): Promise<void> {
  const { content, size } = push
  if (content instanceof Uint8Array && size > chunkBytes) return sendChunks(push, upload, chunkBytes)
  const response = await finishUpload(push, upload.url, content)
  if (response.status !== 413 || size <= leastChunk) return checkStored(push, response)
  await discard(response)
  await sendChunks(push, await startUpload(push), leastChunk)
}

async function sendChunks(push: Push, upload: Upload, chunkBytes: number): Promise<void> {
  const { send, repository, digest, signal } = push
  const step = Math.max(chunkBytes, upload.leastChunk)
  const pieces = piecesOf(push.content)[Symbol.asyncIterator]()
  let { url } = upload
  let held: Uint8Array = new Uint8Array()
  for (let start = 0, isAll = false; ; ) {
    const parts = held.length > 0 ? [held] : []
    for (let { length } = held; length < step && !isAll; ) {
      const { done, value } = await pieces.next()
      isAll = done === true
      if (value) parts.push(value)
      length += value?.length ?? 0
    }
    held = parts.length === 1 ? parts[0]! : joinBytes(parts) // once for each chunk: pieces may be a byte each
    if (held.length === 0) break
    const chunk = held.subarray(0, step)
    const end = start + chunk.length
    const headers = { ...contentType, 'content-range': `${start}-${end - 1}` }
    const response = await send('PATCH', repository, url, { push: true, headers, body: chunk }, signal)
    if (response.status !== 202) throw await refusalOf(response, `blob ${digest}, bytes ${start} to ${end}`)
    const taken = takenUpTo(response.headers.get('range'), end)
    if (taken <= start)
      throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `blob ${digest}: the registry takes no bytes after the first ${start}`)
    url = await nextLocation(response, url)
    held = held.subarray(taken - start)
    start = taken
  }
  await checkStored(push, await finishUpload(push, url, new Uint8Array()))
}

async function* piecesOf(content: BlobContent): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) yield content
  else yield* content.open()
}

/** How many bytes a `Range: 0-N` of a PATCH answer says are there; without one, all that were sent. */
function takenUpTo(range: string | null, sent: number): number {
  const last = /^(?:bytes=)?0-([0-9]{1,15})$/.exec(range ?? '')?.[1]
  return last === undefined ? sent : Math.min(Number(last) + 1, sent)
}

function finishUpload({ send, repository, digest, signal }: Push, url: URL, body: BlobContent): Promise<Response> {
  const target = new URL(url)
  target.search += `${target.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}` // as text: the rest of the query is the registry's own
  return send('PUT', repository, target, { push: true, idempotent: true, headers: contentType, body }, signal)
}

async function checkStored(push: Push, response: Response): Promise<void> {
  const what = `blob ${push.digest}`
  if (response.status === 404 && (await hasBlob(push.send, push.repository, push.digest, push.signal))) return discard(response) // a retried PUT whose first answer was lost
  if (response.status !== 201) throw await refusalOf(response, what)
  await discard(response)
  const stored = response.headers.get('docker-content-digest')
  if (stored?.startsWith('sha256:') && stored !== push.digest)
    throw new CountersignError('DIGEST_MISMATCH', `${what}: the registry stored it as another digest, ${quote(stored)}`)
}

/** Whether a repository has a blob. */
export async function hasBlob(send: Send, repository: Repository, digest: OciDigest, signal: AbortSignal): Promise<boolean> {
  const response = await send('HEAD', repository, repositoryUrl(repository, `blobs/${digest}`), {}, signal)
  await discard(response)
  if (response.status === 200) return true
  if (response.status === 404) return false
  throw await refusalOf(response, `blob ${digest}`)
}

async function nextLocation(response: Response, asked: URL): Promise<URL> {
  await discard(response)
  const location = response.headers.get('location')
  if (!location) throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', 'blob upload: the registry names no location for it')
  return sameHostUrl(location, asked, 'blob upload location')
}
