import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { startDigest } from '../../crypto/digest.ts'
import { hexOf, type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import type { Folder } from './folder.ts'

/** Where a layout keeps all content. */
export const blobsFolder = 'blobs/sha256'

/** Where a layout keeps the content of a digest. */
export function blobPath(digest: OciDigest): string {
  return `${blobsFolder}/${hexOf(digest)}`
}

/**
 * The content of a digest, checked against it; nothing where there is no such file.
 *
 * @throws CountersignError `DIGEST_MISMATCH`, `LIMIT_EXCEEDED`
 */
export async function readBlob(folder: Folder, digest: OciDigest, limitBytes: number, what: string): Promise<Uint8Array | undefined> {
  const bytes = await folder.read(blobPath(digest), limitBytes)
  if (!bytes) return undefined
  const found = ociDigestOf(bytes)
  if (found !== digest) throw new CountersignError('DIGEST_MISMATCH', `${what}: the file holds bytes with digest ${found}`)
  return bytes
}

/** The digest of content that is read piece by piece. */
export async function digestOfPieces(pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<OciDigest> {
  const state = startDigest('sha256')
  for await (const piece of pieces) {
    signal.throwIfAborted()
    state.update(piece)
  }
  return `sha256:${encodeHex(state.finish())}` as OciDigest
}
