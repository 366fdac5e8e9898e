import { CountersignError } from '../../codec/error.ts'
import { type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { checkedPieces } from '../checked-pieces.ts'
import type { Descriptor } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import { bodyPieces, readBody, refusalOf, repositoryUrl, type Send } from '../registry-exchange.ts'

/** What of a descriptor says which bytes are wanted. */
type Wanted = Pick<Descriptor, 'digest' | 'size'>

/** A blob in memory. @see RegistryClient.fetchBlob */
export async function downloadBlob(
  send: Send,
  repository: Repository,
  { digest, size }: Wanted,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const what = nameOfBlob(repository, digest)
  if (size > limitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitBytes} bytes, its descriptor says ${size}`)
  const response = await getBlob(send, repository, digest, signal)
  const tooMuch = () => new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, the registry sends more`)
  const bytes = await readBody(response, size, what, signal, tooMuch)
  if (bytes.length !== size)
    throw new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, the registry sends ${bytes.length}`)
  const received = ociDigestOf(bytes)
  if (received !== digest) throw new CountersignError('DIGEST_MISMATCH', `${what}: the registry serves bytes with digest ${received}`)
  return bytes
}

/** A blob of any size, piece by piece. @see RegistryClient.streamBlob */
export async function* streamBlob(send: Send, repository: Repository, wanted: Wanted, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const what = nameOfBlob(repository, wanted.digest)
  const response = await getBlob(send, repository, wanted.digest, signal)
  yield* checkedPieces(bodyPieces(response, what, signal), wanted, what, signal)
}

async function getBlob(send: Send, repository: Repository, digest: OciDigest, signal: AbortSignal): Promise<Response> {
  const response = await send('GET', repository, repositoryUrl(repository, `blobs/${digest}`), {}, signal)
  if (response.status !== 200) throw await refusalOf(response, nameOfBlob(repository, digest), { 404: 'BLOB_NOT_FOUND' })
  return response
}

function nameOfBlob(repository: Repository, digest: OciDigest): string {
  return `blob ${repositoryName(repository)}@${digest}`
}
