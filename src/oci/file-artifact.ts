import { serializeGoJson } from '../codec/go-json.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { encodeLayersConfig } from './attached/signature-manifest.ts'
import { createDescriptor, type Descriptor, mediaTypes, type Platform } from './manifest.ts'

/** A manifest of our own making, with the config it names where it has one. */
export type MadeManifest = { readonly descriptor: Descriptor; readonly manifest: Uint8Array; readonly config?: Uint8Array }

/**
 * An image of one file, byte for byte as cosign's `upload` and `attach sbom` make it: the file as it is for a layer, and a
 * config that says nothing.
 *
 * @param options - `configType`: media type of the config, an image's unless told; `subject`: what the manifest is to refer to
 * @see formats-and-flows §10
 */
export function createFileArtifact(
  file: Descriptor,
  options: {
    readonly annotations?: ReadonlyMap<string, string>
    readonly configType?: string
    readonly subject?: Pick<Descriptor, 'mediaType' | 'size' | 'digest'>
  } = {},
): MadeManifest {
  const { annotations, configType = mediaTypes.ociConfig, subject } = options
  const config = encodeLayersConfig([file])
  const manifest = encodeUtf8(
    serializeGoJson({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: configType, size: config.length, digest: ociDigestOf(config) },
      layers: [file.raw],
      ...(annotations?.size && { annotations }),
      ...(subject && { subject: { mediaType: subject.mediaType, size: subject.size, digest: subject.digest } }),
    }),
  )
  return { ...made(mediaTypes.ociManifest, manifest), config }
}

/** An index of images for different platforms, as cosign's `upload blob` makes it of several files. */
export function createPlatformIndex(
  images: readonly { readonly image: Descriptor; readonly platform: Platform }[],
  annotations: ReadonlyMap<string, string>,
): MadeManifest {
  const manifests = images.map(({ image: { mediaType, size, digest }, platform: { architecture, os } }) => ({
    mediaType,
    size,
    digest,
    platform: { architecture, os },
  }))
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, ...(annotations.size && { annotations }) }
  return made(mediaTypes.ociIndex, encodeUtf8(serializeGoJson(index)))
}

function made(mediaType: string, manifest: Uint8Array): MadeManifest {
  return { descriptor: createDescriptor({ mediaType, size: manifest.length, digest: ociDigestOf(manifest) }), manifest }
}
