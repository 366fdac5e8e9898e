import type { CountersignError } from '../../codec/error.ts'
import { predicateTypeAnnotation } from '../../formats/bundle.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { createByteBudget } from '../byte-budget.ts'
import { isAboutContent } from '../content-failure.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import type { Descriptor } from '../manifest.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { bundleLayer, createdAnnotation } from './bundle-referrer.ts'
import { listReferrers, parseReferrer } from './referrers.ts'

/** A bundle that is attached to an image; its content is not fetched yet. */
export type BundleReferrer = {
  readonly source: string // for people: `referrer sha256:…`
  readonly layer: Descriptor // of the bundle's bytes
  readonly declared?: string // predicate type that the manifest states; unsigned
  readonly created?: string // when it was attached, as the manifest states it; RFC 3339
}

const maxWorkers = 10

/**
 * Finds the bundles among an image's referrers, in the registry's order; referrers of other kinds are left aside. Nothing of
 * a bundle is verified but, once it is fetched, its digest.
 *
 * @param onUnreadable - told of each listed manifest that is not there, is broken or is about another image, and of nothing
 *   else: a registry that does not answer is an error
 * @throws CountersignError from the registry, `LIMIT_EXCEEDED` for manifests of more than 64 MiB together
 */
export async function listBundleReferrers(
  client: RegistryClient,
  repository: Repository,
  image: OciDigest,
  onUnreadable: (error: CountersignError) => void,
  signal: AbortSignal,
): Promise<readonly BundleReferrer[]> {
  const referrers = await listReferrers(client, repository, image, signal)
  const count = createByteBudget(ociLimits.referrersTotalBytes, `referrers of ${image}`)
  const orTold = async <T>(read: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await read()
    } catch (error) {
      if (!isAboutContent(error)) throw error
      onUnreadable(error)
      return undefined
    }
  }
  const found = await inParallel(referrers, maxWorkers, async ({ digest }): Promise<readonly BundleReferrer[]> => {
    const source = `referrer ${digest}`
    const fetched = await orTold(() => client.fetchManifest(repository, digest, signal))
    if (!fetched) return []
    count(fetched.bytes)
    const manifest = await orTold(() => parseReferrer(fetched, image, source))
    const layer = manifest && bundleLayer(manifest)
    const declared = manifest?.annotations?.get(predicateTypeAnnotation)
    const created = manifest?.annotations?.get(createdAnnotation)
    return layer ? [{ source, layer, ...(declared !== undefined && { declared }), ...(created !== undefined && { created }) }] : []
  })
  return found.flat()
}

/**
 * Fetches a bundle's bytes.
 *
 * @param maxBytes - of one bundle, `COSIGN_MAX_ATTACHMENT_SIZE`; 128 MiB unless told
 */
export async function fetchBundleBytes(
  client: RegistryClient,
  repository: Repository,
  { layer }: BundleReferrer,
  signal: AbortSignal,
  { maxBytes = ociLimits.attachmentBytes }: { readonly maxBytes?: number } = {},
): Promise<Uint8Array> {
  return await client.fetchBlob(repository, layer, maxBytes, signal)
}
