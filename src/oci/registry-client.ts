import { CountersignError } from '../codec/error.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import type { BlobContent } from './blob-content.ts'
import type { Descriptor, FetchedManifest } from './manifest.ts'
import { type ImageReference, type Repository, repositoryName } from './reference.ts'
import { createReferrersApiMemory } from './referrers-api.ts'
import { createSend } from './registry-exchange.ts'
import type { RegistryFetch } from './registry-fetch.ts'
import { downloadBlob, streamBlob } from './requests/blob-download.ts'
import { hasBlob, type PushBlobOptions, uploadBlob } from './requests/blob-upload.ts'
import { getReferrersPage, listTags, type ReferrersPage } from './requests/listings.ts'
import {
  deleteManifest,
  getManifest,
  headManifest,
  type ManifestHead,
  type Precondition,
  type PushedManifest,
  putManifest,
} from './requests/manifests.ts'

/** An image whose name was looked up once. Whatever is asked later goes by its digest. */
export type ResolvedImage = Descriptor & { readonly digest: OciDigest; readonly manifest: FetchedManifest }

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
   * @throws CountersignError `LIMIT_EXCEEDED` above 100,000 tags or 2000 pages
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
  readonly chunkBytes?: number // blobs in memory above this size are sent in chunks of it; 64 MiB unless told
}

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
    fetchBlob: (repository, descriptor, limitBytes, signal) => downloadBlob(send, repository, descriptor, limitBytes, signal),
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
