import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { describeBlob } from '../blob-content.ts'
import { checkTotalSize } from '../byte-budget.ts'
import { ociLimits } from '../limits.ts'
import { createDescriptor, type Descriptor, type ImageManifest } from '../manifest.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { appendToTag, type WriterWorld } from './append-to-tag.ts'
import { createSignatureManifest } from './signature-manifest.ts'
import { type AppendLayerOptions, type NewSignatureLayer, readSignatureManifest, recordedTime, sameAnnotations } from './signature-tag.ts'
import { nameOfTag, tagInRegistry } from './tag.ts'

export type ReplaceLayersOptions = Pick<AppendLayerOptions, 'created' | 'dockerMediaTypes'> & {
  /** Which of the layers that were there at first make way for the new one. Asked of each once. */
  readonly isReplaced: (existing: Descriptor) => Promise<boolean>
  readonly maxBytes?: number // of each layer that `isReplaced` fetches
}

/**
 * Puts a layer under a legacy tag, in front of those that it does not replace, as cosign does. Only layers that were there when this began
 * are replaced: what others add meanwhile stays, also what says the same, for nobody has seen it when this was asked for. Concurrent
 * additions survive as `appendToTag` describes.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` when the tag would hold more than 1000 layers, or holds more than 1 GiB, before `isReplaced` is
 *   asked of any; `REFERRERS_CONTENDED`; what `isReplaced` throws
 * @see formats-and-flows §2.2
 */
export async function replaceLayers(
  client: RegistryClient,
  world: WriterWorld,
  place: { readonly repository: Repository; readonly tag: string },
  layer: NewSignatureLayer,
  options: ReplaceLayersOptions,
  signal: AbortSignal,
): Promise<void> {
  const { repository, tag } = place
  const { bytes, mediaType, annotations } = layer
  const descriptor = createDescriptor({ mediaType, ...describeBlob(bytes), annotations })
  await client.pushBlob(repository, bytes, signal)
  const what = nameOfTag(repository, tag)
  const isOurs = (other: Descriptor) =>
    other.digest === descriptor.digest && other.mediaType === mediaType && sameAnnotations(other.annotations, annotations)
  let replaced: ReadonlySet<OciDigest> | undefined
  await appendToTag(
    world,
    {
      ...tagInRegistry(client, repository, tag),
      holds: current => replaced !== undefined && readSignatureManifest(current, what).layers.some(isOurs),
      merge: async current => {
        const existing = current && readSignatureManifest(current, what)
        replaced ??= await replacedBy(existing?.layers ?? [], what, options)
        const gone = replaced
        const kept = (existing?.layers ?? []).filter(other => !gone.has(other.digest))
        if (kept.length >= ociLimits.descriptors)
          throw new CountersignError('LIMIT_EXCEEDED', `${what}: it holds ${kept.length} layers that stay, as many as any client reads`)
        const created = options.created ?? (existing && (await recordedTime(client, repository, existing.config, signal)))
        const base: ImageManifest | undefined = existing && { ...existing, layers: [] }
        const made = createSignatureManifest(base, [descriptor, ...kept], { ...options, ...(created && { created }) })
        const prepare = async () => void (await client.pushBlob(repository, made.config, signal))
        return { bytes: made.manifest, mediaType: made.mediaType, prepare }
      },
    },
    signal,
  )
}

async function replacedBy(
  layers: readonly Descriptor[],
  what: string,
  { isReplaced, maxBytes }: ReplaceLayersOptions,
): Promise<ReadonlySet<OciDigest>> {
  checkTotalSize(layers, what, maxBytes)
  const replaced = new Set<OciDigest>()
  for (const layer of layers) if (await isReplaced(layer)) replaced.add(layer.digest)
  return replaced
}
