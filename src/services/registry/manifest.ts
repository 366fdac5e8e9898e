import { CountersignError } from '../../codec/error.ts'
import { parseJson, readArray, readObject, readSafeInteger, readString, readStringMap } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { isOciDigest, type OciDigest } from '../../formats/oci-digest.ts'
import { Refusal } from './refusal.ts'

export type Descriptor = { readonly mediaType: string; readonly digest: OciDigest; readonly size: number }

/** What a registry needs to know of a manifest or index. */
export type StoredManifest = {
  readonly mediaType: string
  readonly blobs: readonly Descriptor[] // config and layers that must be in the repository
  readonly manifests: readonly Descriptor[] // children of an index
  readonly subject: OciDigest | undefined
  readonly artifactType: string | undefined // as the referrers API states it
  readonly annotations: ReadonlyMap<string, string> | undefined
}

const kinds = new Map<string, 'image' | 'index'>([
  ['application/vnd.oci.image.manifest.v1+json', 'image'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'image'],
  ['application/vnd.oci.image.index.v1+json', 'index'],
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
])

/**
 * Reads a pushed manifest. Member names that appear twice, two kinds in one document and unknown kinds are refused:
 * a registry that stores what clients read differently is the middle of an attack.
 *
 * @param contentType - of the request; empty is taken from the document
 * @see OCI image spec 1.1 "manifest.md", "image-index.md"; GHSA-mc8v-mgrf-8f4m (ambiguous manifests)
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string,
  limits: { readonly bytes: number; readonly descriptors: number },
): StoredManifest {
  try {
    const manifest = readObject(parseJson(bytes, 'manifest', { bytes: limits.bytes }), 'manifest')
    const stated = manifest['mediaType'] === undefined ? '' : readMediaType(manifest['mediaType'], 'manifest.mediaType')
    const mediaType = contentType || stated
    if (stated && stated !== mediaType) throw invalid(`Content-Type ${quote(mediaType)} is not its mediaType ${quote(stated)}`)
    const kind = kinds.get(mediaType)
    if (!kind) throw invalid(`want an OCI or docker manifest or index, got ${quote(mediaType)}`)
    if (manifest['schemaVersion'] !== 2) throw invalid('schemaVersion: want 2')
    for (const name of kind === 'image' ? ['manifests'] : ['layers', 'config', 'fsLayers'])
      if (name in manifest) throw invalid(`${name}: not a member of ${quote(mediaType)}`)

    const subject = manifest['subject'] === undefined ? undefined : readDescriptor(manifest['subject'], 'manifest.subject').digest
    const common = { mediaType, subject, annotations: optional(manifest['annotations'], 'manifest.annotations', readStringMap) }
    const artifactType = optional(manifest['artifactType'], 'manifest.artifactType', readArtifactType)
    if (kind === 'index')
      return {
        ...common,
        blobs: [],
        manifests: readArray(manifest['manifests'], 'manifest.manifests', limits.descriptors, readDescriptor),
        artifactType: artifactType || undefined,
      }
    const config = readDescriptor(manifest['config'], 'manifest.config')
    const layers = readArray(manifest['layers'], 'manifest.layers', limits.descriptors, readDescriptor)
    return {
      ...common,
      blobs: [config, ...layers.filter(layer => !isForeign(layer))],
      manifests: [],
      artifactType: artifactType || config.mediaType,
    }
  } catch (cause) {
    if (cause instanceof CountersignError) throw new Refusal('MANIFEST_INVALID', cause.message)
    throw cause
  }
}

/** Layers whose licence forbids pushing them: they lie elsewhere by design. */
function isForeign(layer: Descriptor): boolean {
  return (
    layer.mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.') ||
    layer.mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.')
  )
}

function readDescriptor(value: unknown, at: string): Descriptor {
  const descriptor = readObject(value, at)
  const digest = readString(descriptor['digest'], `${at}.digest`)
  if (!isOciDigest(digest)) throw invalid(`${at}.digest: want sha256: and 64 hex digits, got ${quote(digest)}`)
  return {
    mediaType: readMediaType(descriptor['mediaType'], `${at}.mediaType`),
    digest,
    size: readSafeInteger(descriptor['size'], `${at}.size`),
  }
}

function readMediaType(value: unknown, at: string): string {
  const text = readString(value, at)
  if (text.length > 255 || !/^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(; ?[ -~]*)?$/.test(text))
    throw invalid(`${at}: want a media type, got ${quote(text)}`)
  return text
}

/** An empty artifactType counts as none, OCI distribution spec 1.1 "Listing Referrers". */
function readArtifactType(value: unknown, at: string): string {
  return value === '' ? '' : readMediaType(value, at)
}

function optional<T>(value: unknown, at: string, read: (value: unknown, at: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value, at)
}

function invalid(message: string): Refusal {
  return new Refusal('MANIFEST_INVALID', `manifest: ${message.replace(/^manifest\./, '')}`)
}
