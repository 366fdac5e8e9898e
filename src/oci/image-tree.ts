import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import { ociLimits } from './limits.ts'
import { type Descriptor, type FetchedManifest, kindOf, parseManifest } from './manifest.ts'
import { type Repository, repositoryName } from './reference.ts'
import type { RegistryClient, ResolvedImage } from './registry-client.ts'

/** One manifest of an image. */
export type ImageNode = {
  readonly descriptor: Descriptor
  readonly parents: readonly OciDigest[] // the indexes it was reached through, outermost first; empty for the root
}

/**
 * The manifests of an image: the root, then for an index each entry, depth first and in the index's order, as `sign
 * --recursive` visits them. Each digest comes once. Only indexes are fetched; an entry that names no media type is fetched
 * to see what it is.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` past 4 levels of indexes or 1000 manifests
 */
export async function listImageTree(
  client: RegistryClient,
  repository: Repository,
  root: ResolvedImage,
  signal: AbortSignal,
): Promise<readonly ImageNode[]> {
  const nodes = new Map<OciDigest, ImageNode>()
  const visit = async (descriptor: Descriptor, parents: readonly OciDigest[], known?: FetchedManifest): Promise<void> => {
    if (nodes.has(descriptor.digest)) return
    const what = `manifest ${repositoryName(repository)}@${descriptor.digest}`
    if (nodes.size === ociLimits.treeManifests)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.treeManifests} manifests in one image`)
    nodes.set(descriptor.digest, { descriptor, parents })
    if (descriptor.mediaType !== '' && kindOf(descriptor.mediaType) !== 'index') return
    const fetched = known ?? (await client.fetchManifest(repository, descriptor.digest, signal))
    if (descriptor.mediaType === '') nodes.set(descriptor.digest, { descriptor: { ...descriptor, mediaType: fetched.mediaType }, parents })
    else if (fetched.mediaType !== descriptor.mediaType)
      throw new CountersignError(
        'MANIFEST_MALFORMED',
        `${what}: its parent calls it ${quote(descriptor.mediaType)}, it calls itself ${quote(fetched.mediaType)}`,
      )
    if (kindOf(fetched.mediaType) !== 'index') return
    if (parents.length === ociLimits.indexDepth)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want indexes at most ${ociLimits.indexDepth} deep`)
    const parsed = parseManifest(fetched, what)
    if (parsed.kind === 'index') for (const entry of parsed.manifests) await visit(entry, [...parents, descriptor.digest])
  }
  await visit(root, [], root.manifest)
  return [...nodes.values()]
}
