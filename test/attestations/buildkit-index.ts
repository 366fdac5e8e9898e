import { encodeUtf8 } from '../../src/codec/text.ts'
import { ociDigestOf } from '../../src/formats/oci-digest.ts'
import { type Built, type BuiltImage, imageIndexType, imageManifestType } from '../../src/testing/image-builder.ts'

/** A statement in the layer of an attestation manifest. */
export type InIndexLayer = {
  readonly statement: Uint8Array
  readonly predicateType?: string // what the layer's annotation declares
  readonly mediaType?: string // of a bare statement unless told
}

/** What is different about an attestation manifest or its entry in the index. */
export type InIndexEdit = {
  readonly manifest?: Readonly<Record<string, unknown>>
  readonly entry?: Readonly<Record<string, unknown>>
}

const statementMediaType = 'application/vnd.in-toto+json'

/**
 * Builds an index as docker buildx writes it with `--sbom` and `--provenance`: each image, then for each a manifest whose layers are
 * statements about it, as an entry of platform unknown/unknown. Byte for byte as BuildKit 0.13 and 0.25 do: test/buildkit-indexes.test.ts.
 *
 * @see docs.docker.com/build/metadata/attestations/attestation-storage
 */
export function buildKitIndex(
  images: readonly { readonly image: BuiltImage; readonly layers: readonly InIndexLayer[]; readonly edit?: InIndexEdit }[],
): Built {
  const attested = images.map(({ image, layers, edit = {} }) => {
    const manifest = attestationManifest(layers, edit)
    const entry = {
      mediaType: imageManifestType,
      digest: manifest.digest,
      size: manifest.manifest.length,
      annotations: { 'vnd.docker.reference.digest': image.digest, 'vnd.docker.reference.type': 'attestation-manifest' },
      platform: { architecture: 'unknown', os: 'unknown' },
      ...edit.entry,
    }
    return { manifest, entry }
  })
  const manifest = encodeIndented({
    schemaVersion: 2,
    mediaType: imageIndexType,
    manifests: [
      ...images.map(({ image: { mediaType, digest, manifest, platform } }) => ({ mediaType, digest, size: manifest.length, platform })),
      ...attested.map(({ entry }) => entry),
    ],
  })
  return {
    mediaType: imageIndexType,
    manifest,
    digest: ociDigestOf(manifest),
    blobs: new Map(),
    images: [...images.map(({ image }) => image), ...attested.map(({ manifest }) => manifest)],
  }
}

function attestationManifest(layers: readonly InIndexLayer[], edit: InIndexEdit): BuiltImage {
  const platform = { architecture: 'unknown', os: 'unknown' }
  const config = encodeJson({
    ...platform,
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ statement }) => ociDigestOf(statement)) },
  })
  const manifest = encodeIndented({
    schemaVersion: 2,
    mediaType: imageManifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: ociDigestOf(config), size: config.length },
    layers: layers.map(({ statement, predicateType, mediaType = statementMediaType }) => ({
      mediaType,
      digest: ociDigestOf(statement),
      size: statement.length,
      ...(predicateType !== undefined && { annotations: { 'in-toto.io/predicate-type': predicateType } }),
    })),
    ...edit.manifest,
  })
  const blobs = new Map([[ociDigestOf(config), config], ...layers.map(({ statement }) => [ociDigestOf(statement), statement] as const)])
  return { mediaType: imageManifestType, manifest, digest: ociDigestOf(manifest), blobs, images: [], platform }
}

/** As BuildKit writes manifests. */
function encodeIndented(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value, null, 2))
}

function encodeJson(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value))
}
