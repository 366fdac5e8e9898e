import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { appendToTag, type Draft, type WriterWorld } from '../attached/append-to-tag.ts'
import { createSignatureManifest } from '../attached/signature-manifest.ts'
import { readSignatureManifest, recordedTime, sameAnnotations } from '../attached/signature-tag.ts'
import { nameOfTag, readTag, tagInRegistry } from '../attached/tag.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type FetchedManifest, kindOf } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import type { SourceTag } from './attachment-finder.ts'

/** One tag of cosign's older layout, on its way. */
export type TagDelivery = {
  readonly source: SourceTag
  readonly absent: ReadonlySet<OciDigest> // of its layers, those the source does not have
  readonly force: boolean
}

/** What of a tag is to be brought, given what the destination's tag holds: nothing where that holds all of it. */
export function lackingBlobs(
  { tag, kind, manifest, blobs, repository }: SourceTag,
  current: FetchedManifest | undefined,
): readonly Descriptor[] {
  if (current?.digest === manifest.digest) return []
  if (!current || !isList(kind, manifest) || !isList(kind, current)) return blobs
  const what = nameOfTag(repository, tag)
  const [config, ...layers] = blobs
  const lacking = lackedBy(readSignatureManifest(current, what).layers, layers)
  return lacking.length === 0 ? [] : [config!, ...lacking]
}

/**
 * Puts a tag of cosign's older layout at the destination. Signatures and attestations that are there stay, ours come after
 * them, none twice: a `.sig` or `.att` tag is a list that many write (`cosign copy` overwrites it). An SBOM tag holds one
 * document; another one there is replaced with `force` alone.
 *
 * @returns whether anything was written
 * @throws CountersignError `TAG_TAKEN` for another SBOM, or what is no image manifest; `LIMIT_EXCEEDED` past 1000 layers;
 *   `REFERRERS_CONTENDED`
 */
export async function deliverTag(
  client: RegistryClient,
  world: WriterWorld,
  repository: Repository,
  delivery: TagDelivery,
  signal: AbortSignal,
): Promise<boolean> {
  const { source, absent } = delivery
  const { tag, manifest, kind } = source
  if (!isList(kind, manifest)) return await replaceTag(client, repository, delivery, signal)
  const what = nameOfTag(repository, tag)
  const ours = readSignatureManifest(manifest, what).layers.filter(({ digest }) => !absent.has(digest))
  const merge = async (current: FetchedManifest | undefined): Promise<Draft> => {
    const theirs = current && readSignatureManifest(current, what)
    const isBeginning = (theirs?.layers ?? []).every((layer, index) => ours[index] !== undefined && isSame(layer, ours[index]))
    if (isBeginning && absent.size === 0) return manifest // the same bytes, so the same digest, wherever it can be
    const added = lackedBy(theirs?.layers ?? [], ours)
    if (added.length + (theirs?.layers.length ?? 0) > ociLimits.descriptors)
      throw new CountersignError(
        'LIMIT_EXCEEDED',
        `${what}: its signatures and ours are more than the ${ociLimits.descriptors} that any client reads`,
      )
    const created = theirs && (await recordedTime(client, repository, theirs.config, signal))
    const made = createSignatureManifest(theirs, added, { ...(created && { created }) })
    const prepare = async () => void (await client.pushBlob(repository, made.config, signal))
    return { bytes: made.manifest, mediaType: made.mediaType, prepare }
  }
  if (ours.length === 0) return false
  const holds = (current: FetchedManifest) => lackedBy(readSignatureManifest(current, what).layers, ours).length === 0
  return (await appendToTag(world, { ...tagInRegistry(client, repository, tag), holds, merge }, signal)).added
}

async function replaceTag(
  client: RegistryClient,
  repository: Repository,
  { source, force }: TagDelivery,
  signal: AbortSignal,
): Promise<boolean> {
  const { tag, manifest } = source
  const current = await readTag(client, repository, tag, signal)
  if (current?.digest === manifest.digest) return false
  if (current && !force) throw tagTaken(repository, tag)
  await client.pushManifest(repository, tag, manifest.bytes, manifest.mediaType, signal, current ? undefined : 'absent')
  return true
}

/** cosign's own words for a tag that holds something else. */
export function tagTaken(repository: Repository, tag: string): CountersignError {
  return new CountersignError('TAG_TAKEN', `image "${repositoryName(repository)}:${tag}" already exists. Use \`-f\` to overwrite`)
}

/** Whether what a tag holds is a list of signatures or attestations, which others may add to. */
function isList(kind: SourceTag['kind'], { mediaType }: FetchedManifest): boolean {
  return kind !== 'sbom' && kindOf(mediaType) === 'image'
}

function lackedBy(theirs: readonly Descriptor[], ours: readonly Descriptor[]): readonly Descriptor[] {
  const known = Map.groupBy(theirs, ({ digest }) => digest)
  return ours.filter(layer => !known.get(layer.digest)?.some(other => isSame(layer, other)))
}

function isSame(a: Descriptor, b: Descriptor): boolean {
  return a.digest === b.digest && a.mediaType === b.mediaType && sameAnnotations(a.annotations, b.annotations ?? new Map())
}
