import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { parseAttachedTag } from '../../oci/attached/attached-tag.ts'
import { listImageTree } from '../../oci/image-tree.ts'
import { inParallel } from '../../oci/in-parallel.ts'
import { ociLimits } from '../../oci/limits.ts'
import { createDescriptor, type Descriptor, kindOf } from '../../oci/manifest.ts'
import { type ImageReference, type Repository, repositoryName } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'

/** An image that may have been signed, known by its digest. */
export type FoundImage = {
  readonly repository: Repository
  readonly descriptor: Descriptor
  readonly tags: readonly string[] // that lead to it directly, in the registry's order; none of an image that is only in an index
}

/** Images to look at: all of a repository, or one by its name. */
export type Place =
  | { readonly kind: 'repository'; readonly repository: Repository }
  | { readonly kind: 'image'; readonly reference: ImageReference }

/**
 * The images of a place, each digest once, and with an index every manifest in it: whatever `sign --recursive` signs. Of a repository those that
 * a tag leads to, and those that have no tag but a signature in the layout of cosign 2. Tags that are made of a digest are what is attached,
 * and no images.
 *
 * @param width - how many tags are looked up at once
 * @throws CountersignError `IMAGE_NOT_FOUND` for an image that is not there; whatever the registry answers; `LIMIT_EXCEEDED`
 */
export async function listImages(client: RegistryClient, place: Place, width: number, signal: AbortSignal): Promise<readonly FoundImage[]> {
  const { repository, roots } =
    place.kind === 'image' ? await namedRoot(client, place.reference, signal) : await allRoots(client, place.repository, width, signal)
  const trees = await inParallel([...roots.values()], width, async ({ descriptor, tags }) => {
    if (kindOf(descriptor.mediaType) !== 'index') return [{ repository, descriptor, tags }]
    const root = await client.resolve({ ...repository, digest: descriptor.digest }, signal)
    const [first, ...nodes] = await listImageTree(client, repository, root, signal)
    return [first!, ...nodes].map(node => ({ repository, descriptor: node.descriptor, tags: node === first ? tags : [] }))
  })
  const images = new Map<OciDigest, FoundImage>()
  for (const image of trees.flat())
    if (image.tags.length > 0 || !images.has(image.descriptor.digest)) images.set(image.descriptor.digest, image)
  if (images.size > ociLimits.tags)
    throw new CountersignError('LIMIT_EXCEEDED', `${repositoryName(repository)}: want at most ${ociLimits.tags} images, got ${images.size}`)
  return [...images.values()]
}

type Root = { readonly descriptor: Descriptor; readonly tags: readonly string[] }
type Roots = { readonly repository: Repository; readonly roots: ReadonlyMap<OciDigest, Root> }

async function namedRoot(client: RegistryClient, reference: ImageReference, signal: AbortSignal): Promise<Roots> {
  const { registry, repository, tag } = reference
  const { digest, mediaType, size } = await client.resolve(reference, signal)
  return {
    repository: { registry, repository },
    roots: new Map([[digest, { descriptor: createDescriptor({ mediaType, size, digest }), tags: tag === undefined ? [] : [tag] }]]),
  }
}

async function allRoots(client: RegistryClient, repository: Repository, width: number, signal: AbortSignal): Promise<Roots> {
  const tags = await client.listTags(repository, signal)
  const attached = tags.map(parseAttachedTag)
  const roots = new Map<OciDigest, Root>()
  const add = (descriptor: Descriptor | undefined, own: readonly string[]) => {
    if (descriptor) roots.set(descriptor.digest, { descriptor, tags: [...(roots.get(descriptor.digest)?.tags ?? []), ...own] })
  }
  const named = tags.filter((_, index) => !attached[index])
  const found = await inParallel(named, width, tag => lookUp(client, repository, tag, signal))
  for (const [index, descriptor] of found.entries()) add(descriptor, [named[index]!])
  const subjects = new Set(attached.flatMap(tag => (tag?.suffix === 'sig' ? [tag.subject] : [])))
  const untagged = [...subjects].filter(digest => !roots.has(digest))
  for (const descriptor of await inParallel(untagged, width, digest => lookUp(client, repository, digest, signal))) add(descriptor, [])
  return { repository, roots }
}

/** What a tag or digest leads to, by a request that counts as no pull where that is enough; nothing where it is gone by now. */
async function lookUp(
  client: RegistryClient,
  repository: Repository,
  reference: OciDigest | string,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  const head = await client.headManifest(repository, reference, signal)
  if (!head) return undefined
  const { digest, mediaType, size } = head
  if (digest !== undefined && size !== undefined && kindOf(mediaType) !== undefined) return createDescriptor({ digest, mediaType, size })
  const fetched = await client.fetchManifest(repository, reference, signal)
  return createDescriptor({ digest: fetched.digest, mediaType: fetched.mediaType, size: fetched.bytes.length })
}
