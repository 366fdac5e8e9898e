import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { fetchEvidence } from '../../../oci/attached/image-evidence.ts'
import { type ImageNode, listImageTree } from '../../../oci/image-tree.ts'
import { kindOf } from '../../../oci/manifest.ts'
import { type Candidate, memberCandidate } from '../../../verify/evidence.ts'
import type { IndexChain } from '../../../verify/membership.ts'
import type { Subject } from './subject.ts'
import { complete, evidenceQuery, type Search } from './verify-image.ts'

/** The signatures of an index, as evidence for the images in it: `--via-index`. */
export type IndexEvidence = {
  readonly digest: OciDigest
  /**
   * The signatures of the index, each with the manifests that lead from it to the image. Where it does not contain the image
   * they come with the index alone, for the engine to refuse by name.
   */
  readonly candidatesFor: (image: OciDigest, signal: AbortSignal) => Promise<readonly Candidate[]>
}

/**
 * Looks an index up, once for all images: its name to a digest, what is in it, and its signatures.
 *
 * @throws CountersignError `USAGE` for an image that is no index; whatever the registry and `listImageTree` throw
 */
export async function openIndexEvidence(search: Omit<Search, 'index'>, subject: Subject): Promise<IndexEvidence> {
  const { client, reference } = subject
  const { signal } = search.context
  const root = await client.resolve(reference, signal)
  if (kindOf(root.mediaType) !== 'index')
    throw new CountersignError('USAGE', `--via-index: want an image index, ${subject.name} is ${quote(root.mediaType)}`)
  const [nodes, signatures] = await Promise.all([
    listImageTree(client, reference, root, signal),
    fetchEvidence(client, evidenceQuery(search, subject, root.digest), signal).then(found => complete(search, found, root.digest)),
  ])
  const nodeOf = new Map(nodes.map(node => [node.descriptor.digest, node]))
  const chainTo = async (node: ImageNode | undefined, signal: AbortSignal): Promise<IndexChain> => {
    const [, ...between] = node?.parents ?? []
    const inner = await Promise.all(between.map(async digest => (await client.fetchManifest(reference, digest, signal)).bytes))
    return [root.manifest.bytes, ...inner]
  }
  return {
    digest: root.digest,
    candidatesFor: async (image, signal) => {
      if (signatures.length === 0) return []
      const chain = await chainTo(nodeOf.get(image), signal)
      return signatures.map(candidate => memberCandidate(candidate, chain))
    },
  }
}
