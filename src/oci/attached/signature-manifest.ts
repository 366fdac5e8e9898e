import { serializeGoJson } from '../../codec/go-json.ts'
import type { JsonObject } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { type Descriptor, type ImageManifest, mediaTypes } from '../manifest.ts'

/** Config media type that marks a referrer as legacy signatures. */
export const legacyReferrerType = 'application/vnd.dev.cosign.artifact.sig.v1+json'

/** The same of legacy attestations. */
export const legacyAttestationReferrerType = 'application/vnd.dev.cosign.artifact.att.v1+json'

const zeroTime = '0001-01-01T00:00:00Z' // Go's zero time, what cosign records unless asked for the time

/**
 * A legacy signature manifest with more layers, and its config, byte for byte as cosign writes them: layers and other
 * members that are there stay as they were, the config is made anew from the layers.
 *
 * With `subject` it is the manifest of `--registry-referrers-mode oci-1-1`: the same config bytes under another media type.
 *
 * @see formats-and-flows §2.2
 */
export function createSignatureManifest(
  existing: ImageManifest | undefined,
  added: readonly Descriptor[],
  options: {
    readonly created?: Date
    readonly dockerMediaTypes?: boolean
    readonly subject?: Pick<Descriptor, 'mediaType' | 'size' | 'digest'>
  },
): { readonly manifest: Uint8Array; readonly mediaType: string; readonly config: Uint8Array } {
  const layers = [...(existing?.layers ?? []), ...added]
  const config = encodeLayersConfig(layers, options.created)
  const docker = existing ? existing.mediaType === mediaTypes.dockerManifest : options.dockerMediaTypes
  const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest
  const configType = options.subject ? legacyReferrerType : docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig
  const fields = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: existing?.config.mediaType ?? configType, size: config.length, digest: ociDigestOf(config) },
    layers: layers.map(({ raw }) => raw),
  }
  const { mediaType: subjectType = '', size = 0, digest = '' } = options.subject ?? {}
  const manifest = serializeGoJson({
    ...fields,
    ...(existing && otherMembers(existing, Object.keys(fields))),
    ...(options.subject && { subject: { mediaType: subjectType, size, digest } }),
  })
  return { manifest: encodeUtf8(manifest), mediaType, config }
}

/** The config that cosign gives layers which are no file system: their digests as `diff_ids`, and nothing of an image. */
export function encodeLayersConfig(layers: readonly Descriptor[], created?: Date): Uint8Array {
  return encodeUtf8(
    serializeGoJson({
      architecture: '',
      created: created ? `${created.toISOString().slice(0, 19)}Z` : zeroTime,
      history: layers.map(() => ({ created: zeroTime })),
      os: '',
      rootfs: { type: 'layers', diff_ids: layers.map(layer => layer.digest) },
      config: {},
    }),
  )
}

/** Members that others have put there: annotations and the like. */
function otherMembers(existing: ImageManifest, known: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(existing.raw).filter(([name]) => !known.includes(name)))
}
