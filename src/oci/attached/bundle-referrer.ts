import { serializeGoJson } from '../../codec/go-json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { bundleMediaType, isBundleMediaType, predicateTypeAnnotation } from '../../formats/bundle.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { type BlobContent, describeBlob } from '../blob-content.ts'
import { type Descriptor, emptyConfig, type ImageIndex, type ImageManifest, mediaTypes } from '../manifest.ts'
import type { Referrer } from './attach-referrer.ts'

/** Annotation that says when a manifest was made. Source: OCI image-spec annotations.md. */
export const createdAnnotation = 'org.opencontainers.image.created'

/**
 * The manifest under which a Sigstore bundle is attached to an image, byte for byte as cosign 3.1.1 writes it: the odd
 * `artifactType` inside the config descriptor is real, and `cosign clean` relies on it.
 *
 * @param subject - descriptor of the image; its media type, size and digest are taken
 * @see formats-and-flows §3
 */
export function createBundleReferrer(
  subject: Pick<Descriptor, 'mediaType' | 'size' | 'digest'>,
  bundle: { readonly bytes: BlobContent; readonly content: 'dsse-envelope' | 'message-signature'; readonly predicateType?: string },
  created: Date,
): Referrer {
  const { mediaType, size, digest } = subject
  const layer = describeBlob(bundle.bytes)
  const annotations = new Map([
    ['dev.sigstore.bundle.content', bundle.content],
    ...(bundle.predicateType === undefined ? [] : [[predicateTypeAnnotation, bundle.predicateType] as const]),
    [createdAnnotation, `${created.toISOString().slice(0, 19)}Z`],
  ])
  const manifest = serializeGoJson({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociEmpty, size: emptyConfig.length, digest: ociDigestOf(emptyConfig), artifactType: bundleMediaType },
    layers: [{ mediaType: bundleMediaType, size: layer.size, digest: layer.digest }],
    annotations,
    subject: { mediaType, size, digest },
    artifactType: bundleMediaType,
  })
  return { subject, manifest: encodeUtf8(manifest), blobs: [emptyConfig, bundle.bytes] }
}

/** The bundle that a manifest attaches: its one layer, of a bundle media type. Its `artifactType` says so too, but some registries drop that. */
export function bundleLayer(manifest: ImageManifest | ImageIndex): Descriptor | undefined {
  const [layer, ...others] = manifest.kind === 'image' ? manifest.layers : []
  return layer && others.length === 0 && isBundleMediaType(layer.mediaType) ? layer : undefined
}
