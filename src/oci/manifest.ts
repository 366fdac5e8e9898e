import { CountersignError } from '../codec/error.ts'
import { type JsonObject, parseJson, readArray, readAs, readObject, readSafeInteger, readString, readStringMap } from '../codec/json.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { type OciDigest, parseOciDigest } from '../formats/oci-digest.ts'
import { ociLimits } from './limits.ts'

/** Media types of what registries hold: of the OCI image specification, and Docker's before it. */
export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const

/** Says what content a digest names, OCI image-spec descriptor. */
export type Descriptor = {
  readonly mediaType: string // empty where an index left it out: only the content can tell
  readonly size: number // bytes of the content, as claimed; whoever fetches it checks
  readonly digest: OciDigest
  readonly artifactType?: string
  readonly annotations?: ReadonlyMap<string, string>
  readonly platform?: Platform
  readonly raw: JsonObject // as it was read, every member in its order: what a rewrite serializes, so that it keeps what we do not know
}

export type Platform = { readonly os: string; readonly architecture: string; readonly variant?: string; readonly osVersion?: string }

/** The config of what needs none: two bytes of JSON. Source: OCI image-spec 1.1 manifest.md "Guidance for an Empty Descriptor". */
export const emptyConfig = encodeUtf8('{}')

/** Bytes that a registry serves as a manifest, of whatever kind. */
export type FetchedManifest = {
  readonly mediaType: string // what the document says of itself, else what the registry called it
  readonly bytes: Uint8Array
  readonly digest: OciDigest // of these bytes, computed here
  readonly etag?: string // the registry's tag for conditional requests, when it gave one
}

type ManifestFields = {
  readonly mediaType: string
  readonly artifactType?: string
  readonly subject?: Descriptor
  readonly annotations?: ReadonlyMap<string, string>
  readonly raw: JsonObject
}
export type ImageManifest = ManifestFields & { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
export type ImageIndex = ManifestFields & { readonly kind: 'index'; readonly manifests: readonly Descriptor[] }

/**
 * Reads an OCI or Docker image manifest or index: strict JSON of at most 4 MiB, at most 1000 layers or entries. What it
 * is follows from its media type, and its members must agree: a document that is both image and index says different
 * things to different readers (CVE-2021-41190). Members unknown to us are kept in `raw`.
 *
 * @param what - begins every message: `manifest r.io/app@sha256:…`
 * @throws CountersignError `MANIFEST_MALFORMED` or `LIMIT_EXCEEDED`
 * @see OCI image-spec 1.1 manifest.md, image-index.md
 */
export function parseManifest(fetched: Pick<FetchedManifest, 'mediaType' | 'bytes'>, what: string): ImageManifest | ImageIndex {
  return readAs('MANIFEST_MALFORMED', what, () => {
    const { mediaType, raw } = readDocument(fetched.bytes, fetched.mediaType, what)
    const kind = kindOf(mediaType)
    if (!kind) throw malformed(what, `want an image manifest or index, got media type ${quote(mediaType)}`)
    if (raw['schemaVersion'] !== 2)
      throw malformed(what, `schemaVersion: want 2, got ${quote(JSON.stringify(raw['schemaVersion']) ?? 'nothing')}`)
    for (const stranger of kind === 'image' ? ['manifests'] : ['layers', 'config', 'fsLayers'])
      if (Object.hasOwn(raw, stranger)) throw malformed(what, `an ${kind} must have no member "${stranger}"`)
    const artifactType = readOptional(raw['artifactType'], `${what}: artifactType`, readString)
    const subject = readOptional(raw['subject'], `${what}: subject`, readDescriptor)
    const annotations = readOptional(raw['annotations'], `${what}: annotations`, readStringMap)
    const fields = {
      mediaType,
      raw,
      ...(artifactType && { artifactType }),
      ...(subject && { subject }),
      ...(annotations && { annotations }),
    }
    if (kind === 'index')
      return {
        kind,
        ...fields,
        manifests: readArray(nullAsEmpty(raw['manifests']), `${what}: manifests`, ociLimits.descriptors, readDescriptor),
      }
    const config = readDescriptor(raw['config'], `${what}: config`)
    return {
      kind,
      ...fields,
      config,
      layers: readArray(nullAsEmpty(raw['layers']), `${what}: layers`, ociLimits.descriptors, readDescriptor),
    }
  })
}

/**
 * The media type of a document a registry serves as a manifest, of a kind known to us or not. The document's own word and
 * the registry's must be the same; the document's is the one its digest covers.
 *
 * @param contentType - the registry's word, empty where it has none
 * @throws CountersignError `MANIFEST_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function manifestMediaType(bytes: Uint8Array, contentType: string, what: string): string {
  return readAs('MANIFEST_MALFORMED', what, () => readDocument(bytes, contentType, what).mediaType)
}

/** Whether a media type is that of an image manifest or of an index; nothing for any other. */
export function kindOf(mediaType: string): 'image' | 'index' | undefined {
  if (mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest) return 'image'
  if (mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList) return 'index'
  return undefined
}

/** Reads a descriptor. A missing media type is tolerated, as cosign's readers do: fallback indexes in the wild lack them. */
export function readDescriptor(value: unknown, at: string): Descriptor {
  const raw = readObject(value, at)
  const artifactType = readOptional(raw['artifactType'], `${at}.artifactType`, readString)
  const annotations = readOptional(raw['annotations'], `${at}.annotations`, readStringMap)
  const platform = readOptional(raw['platform'], `${at}.platform`, readPlatform)
  return {
    mediaType: readOptional(raw['mediaType'], `${at}.mediaType`, readString) ?? '',
    size: readSafeInteger(raw['size'], `${at}.size`),
    digest: readDigest(raw['digest'], `${at}.digest`),
    ...(artifactType && { artifactType }),
    ...(annotations && { annotations }),
    ...(platform && { platform }),
    raw,
  }
}

/** A descriptor of our own making, members in the order cosign writes them. */
export function createDescriptor(fields: {
  readonly mediaType: string
  readonly size: number
  readonly digest: OciDigest
  readonly annotations?: ReadonlyMap<string, string>
  readonly artifactType?: string
}): Descriptor {
  const { mediaType, size, digest, annotations, artifactType } = fields
  const raw = {
    mediaType,
    size,
    digest,
    ...(annotations?.size && { annotations: Object.fromEntries([...annotations].sort(([a], [b]) => (a < b ? -1 : 1))) }),
    ...(artifactType && { artifactType }),
  }
  return { mediaType, size, digest, ...(annotations && { annotations }), ...(artifactType && { artifactType }), raw }
}

function readDocument(bytes: Uint8Array, contentType: string, what: string): { mediaType: string; raw: JsonObject } {
  const raw = readObject(parseJson(bytes, what, { bytes: ociLimits.manifestBytes }), what)
  const own = readOptional(raw['mediaType'], `${what}: mediaType`, readString) ?? ''
  const named = generic.has(contentType) ? '' : contentType
  if (own !== '' && named !== '' && own !== named)
    throw malformed(what, `the registry serves it as ${quote(named)}, but it calls itself ${quote(own)}`)
  return { mediaType: own || named, raw }
}

/** Content types that say nothing of what a document is. */
const generic = new Set(['', 'application/json', 'application/octet-stream', 'text/plain'])

function readPlatform(value: unknown, at: string): Platform {
  const object = readObject(value, at)
  const variant = readOptional(object['variant'], `${at}.variant`, readString)
  const osVersion = readOptional(object['os.version'], `${at}["os.version"]`, readString)
  return {
    os: readOptional(object['os'], `${at}.os`, readString) ?? '',
    architecture: readOptional(object['architecture'], `${at}.architecture`, readString) ?? '',
    ...(variant && { variant }),
    ...(osVersion && { osVersion }),
  }
}

function readDigest(value: unknown, at: string): OciDigest {
  return parseOciDigest(readString(value, at), at, 'MANIFEST_MALFORMED')
}

/** Go writes an empty slice as `null`; a list that is not there at all is an error. */
function nullAsEmpty(value: unknown): unknown {
  return value === null ? [] : value
}

/** Go writes an absent pointer or map as `null` where a struct has no `omitempty`; both mean that there is none. */
function readOptional<T>(value: unknown, at: string, read: (value: unknown, at: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value, at)
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('MANIFEST_MALFORMED', `${what}: ${problem}`)
}
