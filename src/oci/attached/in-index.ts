import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { isOciDigest, type OciDigest } from '../../formats/oci-digest.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type ImageIndex, parseManifest } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient, ResolvedImage } from '../registry-client.ts'

/** A statement that BuildKit has put into an index about one of its images. Nobody signed it. */
export type InIndexStatement = {
  readonly image: Descriptor // that it is said to be about: an entry of the index
  readonly source: string // for people: `attestation manifest sha256:… layer 0`
  readonly layer: Descriptor // of the statement's bytes
  readonly declared: string | undefined // predicate type that the layer's annotation states
}

/** What BuildKit writes. Source: docs.docker.com/build/metadata/attestations/attestation-storage */
const annotations = {
  type: 'vnd.docker.reference.type',
  image: 'vnd.docker.reference.digest',
  predicateType: 'in-toto.io/predicate-type',
} as const
const attestationManifest = 'attestation-manifest'

/** Layer media type of a bare in-toto statement. */
const statementMediaType = 'application/vnd.in-toto+json'

/**
 * Finds the statements that BuildKit keeps in an image index: entries that are annotated as attestation manifests of other entries, each
 * layer of one a statement. Their content is not fetched yet.
 *
 * @param onUnknown - told of each layer that is something else, which the format has readers pass over
 * @throws CountersignError `USAGE` for an image that is no index; `MANIFEST_MALFORMED` for an attestation manifest that is of nothing in the
 *   index; `LIMIT_EXCEEDED` for more than can be read; whatever the registry throws
 */
export async function listInIndexStatements(
  client: RegistryClient,
  repository: Repository,
  root: ResolvedImage,
  onUnknown: (source: string, mediaType: string) => void,
  signal: AbortSignal,
): Promise<readonly InIndexStatement[]> {
  const what = `image ${repositoryName(repository)}@${root.digest}`
  const index = parseManifest(root.manifest, what)
  if (index.kind !== 'index')
    throw new CountersignError('USAGE', `${what}: want an image index, as BuildKit writes with attestations, got ${quote(index.mediaType)}`)
  const found: InIndexStatement[] = []
  for (const entry of index.manifests.filter(isAttestation)) {
    const image = imageOf(entry, index, what)
    const source = `attestation manifest ${entry.digest}`
    for (const [number, layer] of (await layersOf(client, repository, entry.digest, image, source, signal)).entries())
      if (layer.mediaType !== statementMediaType) onUnknown(`${source} layer ${number}`, layer.mediaType)
      else found.push({ image, source: `${source} layer ${number}`, layer, declared: layer.annotations?.get(annotations.predicateType) })
  }
  const total = found.reduce((sum, { layer }) => sum + layer.size, 0)
  if (total > ociLimits.attachmentsTotalBytes)
    throw new CountersignError(
      'LIMIT_EXCEEDED',
      `${what}: want statements of at most ${ociLimits.attachmentsTotalBytes} bytes together, got ${total}`,
    )
  return found
}

function isAttestation(entry: Descriptor): boolean {
  return entry.annotations?.get(annotations.type) === attestationManifest
}

function imageOf(entry: Descriptor, index: ImageIndex, what: string): Descriptor {
  const named = entry.annotations?.get(annotations.image) ?? ''
  const image = index.manifests.find(other => other.digest === named && !isAttestation(other))
  if (!isOciDigest(named) || !image)
    throw malformed(`${what}: attestation manifest ${entry.digest}: want one of an image in the index, got ${quote(named)}`)
  return image
}

async function layersOf(
  client: RegistryClient,
  repository: Repository,
  digest: OciDigest,
  image: Descriptor,
  source: string,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const manifest = parseManifest(await client.fetchManifest(repository, digest, signal), source)
  if (manifest.kind !== 'image') throw malformed(`${source}: want an image manifest, got ${quote(manifest.mediaType)}`)
  if (manifest.subject && manifest.subject.digest !== image.digest)
    throw malformed(`${source}: its subject is ${manifest.subject.digest}, the index says it is of ${image.digest}`)
  return manifest.layers
}

function malformed(message: string): CountersignError {
  return new CountersignError('MANIFEST_MALFORMED', message)
}
