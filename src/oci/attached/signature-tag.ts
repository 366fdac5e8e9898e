import { CountersignError } from '../../codec/error.ts'
import { parseJson, readObject, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { type BlobContent, describeBlob } from '../blob-content.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import { createDescriptor, type Descriptor, type FetchedManifest, type ImageManifest, parseManifest } from '../manifest.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { appendToTag, type WriterWorld } from './append-to-tag.ts'
import { attachReferrer } from './attach-referrer.ts'
import { createSignatureManifest } from './signature-manifest.ts'
import { nameOfTag, readTag, tagInRegistry } from './tag.ts'

/** One layer of a legacy `.sig`, `.att` or `.sbom` manifest with its content. Nothing of it is verified but its digest. */
export type SignatureLayer = {
  readonly descriptor: Descriptor
  readonly annotations: ReadonlyMap<string, string>
  readonly bytes: Uint8Array
}

/** A layer to be. */
export type NewSignatureLayer = {
  readonly bytes: BlobContent
  readonly mediaType: string
  readonly annotations: ReadonlyMap<string, string>
}

export type FetchLayersOptions = {
  readonly maxBytes?: number // of each payload, `COSIGN_MAX_ATTACHMENT_SIZE`; 128 MiB unless told
  readonly maxWorkers?: number // payloads fetched at once; 10 unless told
  /** Told of each layer whose payload cannot be had, which is then left out. Without it, the first such failure is thrown. */
  readonly onUnreadable?: (descriptor: Descriptor, error: CountersignError) => void
  /** Layers that are left out, unfetched. */
  readonly isWanted?: (descriptor: Descriptor) => boolean
}

export type AppendLayerOptions = {
  /** Asked of each layer with our payload, where that is held in memory, and media type that is there already; yes means that nothing need be added. */
  readonly isDuplicate?: (existing: SignatureLayer) => boolean | Promise<boolean>
  readonly created?: Date // `--record-creation-timestamp`: recorded in the config
  readonly dockerMediaTypes?: boolean // `COSIGN_DOCKER_MEDIA_TYPES`, where nothing is there yet
  readonly subject?: Pick<Descriptor, 'mediaType' | 'size' | 'digest'> // `--registry-referrers-mode oci-1-1`: a referrer of this image instead of a tag
}

/**
 * The layers under a legacy tag with their payloads, in order; none where there is no such tag. A payload that several layers
 * share is fetched once.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` above 1000 layers, or payloads above `maxBytes` each or 1 GiB together;
 *   `MANIFEST_MALFORMED`; whatever `fetchBlob` throws
 */
export async function fetchSignatureLayers(
  client: RegistryClient,
  repository: Repository,
  tag: string,
  signal: AbortSignal,
  options: FetchLayersOptions = {},
): Promise<readonly SignatureLayer[]> {
  const fetched = await readTag(client, repository, tag, signal)
  if (!fetched) return []
  const what = nameOfTag(repository, tag)
  return fetchLayers(client, repository, readSignatureManifest(fetched, what).layers, what, signal, options)
}

/** The layers of signature manifests that are at hand, as of a referrer in oci-1-1 mode. Limits as of `fetchSignatureLayers`. */
export async function fetchLayers(
  client: RegistryClient,
  repository: Repository,
  layers: readonly Descriptor[],
  what: string,
  signal: AbortSignal,
  options: FetchLayersOptions = {},
): Promise<readonly SignatureLayer[]> {
  const limit = options.maxBytes ?? ociLimits.attachmentBytes
  const wanted = layers.filter(layer => options.isWanted?.(layer) ?? true)
  const keyOf = ({ digest, size }: Descriptor) => `${size} ${digest}` // a layer that lies about the size must not hide one that does not
  const distinct = [...new Map(wanted.map(layer => [keyOf(layer), layer])).values()]
  const total = distinct.reduce((sum, layer) => sum + Math.min(layer.size, limit), 0)
  const totalLimit = Math.max(ociLimits.attachmentsTotalBytes, limit)
  if (total > totalLimit)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want payloads of at most ${totalLimit} bytes together, got ${total}`)
  const contents = new Map<string, Uint8Array | CountersignError>()
  await inParallel(distinct, options.maxWorkers ?? 10, async layer => {
    const content = client.fetchBlob(repository, layer, limit, signal)
    contents.set(keyOf(layer), await (options.onUnreadable ? content.catch(asCountersignError) : content))
  })
  return wanted.flatMap(descriptor => {
    const bytes = contents.get(keyOf(descriptor))!
    if (bytes instanceof Uint8Array) return [{ descriptor, annotations: descriptor.annotations ?? new Map<string, string>(), bytes }]
    options.onUnreadable?.(descriptor, bytes)
    return []
  })
}

/**
 * Adds a layer to a legacy tag, after those that are there; concurrent additions survive as `appendToTag` describes. A
 * layer that is there to the last annotation is not added again, so a retry after a lost answer changes nothing. With
 * `subject` it becomes a manifest of its own that refers to the image.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` when the tag holds 1000 layers; `REFERRERS_CONTENDED`
 */
export async function appendSignatureLayer(
  client: RegistryClient,
  world: WriterWorld,
  repository: Repository,
  tag: string,
  layer: NewSignatureLayer,
  options: AppendLayerOptions,
  signal: AbortSignal,
): Promise<{ readonly added: boolean; readonly digest: OciDigest | undefined }> {
  const { bytes, mediaType, annotations } = layer
  const descriptor = createDescriptor({ mediaType, ...describeBlob(bytes), annotations })
  if (options.subject) {
    const { manifest, config } = createSignatureManifest(undefined, [descriptor], options)
    const referrer = { subject: options.subject, manifest, blobs: [config, bytes] }
    return { added: true, digest: (await attachReferrer(client, world, repository, referrer, signal)).digest }
  }
  await client.pushBlob(repository, bytes, signal)
  const what = nameOfTag(repository, tag)
  const sameContent = (other: Descriptor) => other.digest === descriptor.digest && other.mediaType === mediaType
  return appendToTag(
    world,
    {
      ...tagInRegistry(client, repository, tag),
      holds: current =>
        readSignatureManifest(current, what).layers.some(other => sameContent(other) && sameAnnotations(other.annotations, annotations)),
      merge: async current => {
        const existing = current && readSignatureManifest(current, what)
        for (const other of existing?.layers ?? [])
          if (
            bytes instanceof Uint8Array &&
            sameContent(other) &&
            (await options.isDuplicate?.({ descriptor: other, annotations: other.annotations ?? new Map(), bytes }))
          )
            return undefined
        if (existing?.layers.length === ociLimits.descriptors)
          throw new CountersignError('LIMIT_EXCEEDED', `${what}: it holds ${ociLimits.descriptors} layers, as many as any client reads`)
        const created = options.created ?? (existing && (await recordedTime(client, repository, existing.config, signal)))
        const {
          manifest,
          config,
          mediaType: manifestType,
        } = createSignatureManifest(existing, [descriptor], {
          ...options,
          ...(created && { created }),
        })
        const prepare = async () => void (await client.pushBlob(repository, config, signal))
        return { bytes: manifest, mediaType: manifestType, prepare }
      },
    },
    signal,
  )
}

/** The time of signing that an earlier writer recorded; a config that cannot be had or read has none worth keeping. */
export async function recordedTime(
  client: RegistryClient,
  repository: Repository,
  config: Descriptor,
  signal: AbortSignal,
): Promise<Date | undefined> {
  try {
    const bytes = await client.fetchBlob(repository, config, ociLimits.manifestBytes, signal)
    const created = new Date(readString(readObject(parseJson(bytes, 'config', { bytes: bytes.length }), 'config')['created'], 'created'))
    return created.getTime() > 0 ? created : undefined // Go's zero time, like any before 1970, says that none was recorded
  } catch (error) {
    if (error instanceof CountersignError && error.kind !== 'denied' && error.code !== 'REGISTRY_UNAVAILABLE') return undefined
    throw error
  }
}

/**
 * Reads what a legacy tag holds.
 *
 * @throws CountersignError `MANIFEST_MALFORMED`, also for an index
 */
export function readSignatureManifest(fetched: FetchedManifest, what: string): ImageManifest {
  const parsed = parseManifest(fetched, what)
  if (parsed.kind !== 'image')
    throw new CountersignError('MANIFEST_MALFORMED', `${what}: want an image manifest, got ${quote(parsed.mediaType)}`)
  return parsed
}

/** Whether two layers say the same about themselves. */
export function sameAnnotations(a: ReadonlyMap<string, string> = new Map(), b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value)
}

function asCountersignError(error: unknown): CountersignError {
  if (error instanceof CountersignError) return error
  throw error
}
