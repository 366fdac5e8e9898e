import type { ByteSource } from '../codec/byte-source.ts'
import { type OciDigest, ociDigestOf } from '../formats/oci-digest.ts'

/** Where the bytes of a blob come from, with the digest they are to have. */
export type BlobSource = ByteSource & { readonly digest: OciDigest }

/** A blob to push: its bytes, or where they come from. */
export type BlobContent = Uint8Array | BlobSource

/** What a descriptor says of a blob. */
export function describeBlob(content: BlobContent): { readonly digest: OciDigest; readonly size: number } {
  if (content instanceof Uint8Array) return { digest: ociDigestOf(content), size: content.length }
  return { digest: content.digest, size: content.size }
}
