import { collectBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { parseJson, readArray, readAs, readObject, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { type OciDigest, ociDigestOf, parseOciDigest } from '../../formats/oci-digest.ts'
import { ociLimits } from '../limits.ts'
import { createDescriptor, type Descriptor, mediaTypes } from '../manifest.ts'
import { parseImageReference } from '../reference.ts'
import { blobPath, blobsFolder, digestOfPieces } from './blob-files.ts'
import type { Folder } from './folder.ts'
import { fullImageName, imageNameAnnotation } from './image-name.ts'
import { refNameAnnotation } from './layout-entries.ts'

/**
 * What `docker save` writes, as an OCI image layout. Since Docker 25 it holds one. Older archives hold configs and layers, and
 * no manifest: it is made here, always the same from the same archive, and has the digest of no registry's image, since
 * layers in there are not compressed as they were when pushed.
 *
 * @throws CountersignError `LAYOUT_MALFORMED` for what `docker load` would not take either; `LIMIT_EXCEEDED`
 * @see moby image-spec v1.2 "Combined Image JSON + Filesystem Changeset Format"
 */
export async function openDockerArchive(archive: Folder, signal: AbortSignal): Promise<Folder> {
  if ((await archive.size('index.json')) !== undefined) return archive
  const what = `archive ${quote(archive.name)}`
  const listing = await archive.read('manifest.json', ociLimits.manifestBytes)
  if (!listing) throw malformed(what, 'want what docker save writes: it has neither index.json nor manifest.json')
  const images = readAs('LAYOUT_MALFORMED', what, () =>
    readArray(
      parseJson(listing, `${what}: manifest.json`, { bytes: ociLimits.manifestBytes }),
      `${what}: manifest.json`,
      ociLimits.descriptors,
      readImage,
    ),
  )
  const layerAt = createLayerReader(archive, what, signal)
  const made = new Map<string, Uint8Array>([['oci-layout', encodeUtf8('{"imageLayoutVersion":"1.0.0"}')]])
  const moved = new Map<string, string>()
  const entries: Descriptor[] = []
  for (const image of images) {
    const manifest = await makeManifest(archive, image, { moved, layerAt }, what)
    const digest = ociDigestOf(manifest)
    made.set(blobPath(digest), manifest)
    const fields = { mediaType: mediaTypes.ociManifest, size: manifest.length, digest }
    if (image.names.length === 0) entries.push(createDescriptor(fields))
    for (const annotations of image.names.map(annotationsOfName)) entries.push(createDescriptor({ ...fields, annotations }))
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries.map(({ raw }) => raw) }
  made.set('index.json', encodeUtf8(serializeGoJson(index)))
  return overlay(archive, made, moved)
}

type ArchivedImage = { readonly config: string; readonly names: readonly string[]; readonly layers: readonly string[] }

function readImage(value: unknown, at: string): ArchivedImage {
  const image = readObject(value, at)
  const limit = ociLimits.descriptors
  return {
    config: readString(image['Config'], `${at}.Config`),
    names: readArray(image['RepoTags'] ?? [], `${at}.RepoTags`, limit, readString),
    layers: readArray(image['Layers'] ?? [], `${at}.Layers`, limit, readString),
  }
}

function annotationsOfName(name: string): ReadonlyMap<string, string> {
  return new Map([
    [imageNameAnnotation, fullImageName(name)],
    [refNameAnnotation, parseImageReference(name).tag ?? 'latest'],
  ])
}

/** The manifest that an image of an older archive would have, and in `moved` the files that hold what it names. */
async function makeManifest(
  archive: Folder,
  image: ArchivedImage,
  { moved, layerAt }: { readonly moved: Map<string, string>; readonly layerAt: LayerReader },
  what: string,
): Promise<Uint8Array> {
  const config = await archive.read(image.config, ociLimits.manifestBytes)
  if (!config) throw malformed(what, `the config ${quote(image.config)} that manifest.json names is not there`)
  const diffIds = readAs('LAYOUT_MALFORMED', what, () => readDiffIds(config, `${what}: ${quote(image.config)}`))
  if (diffIds.length !== image.layers.length)
    throw malformed(what, `want as many layers as config ${quote(image.config)} says, ${diffIds.length}, got ${image.layers.length}`)
  const configDigest = ociDigestOf(config)
  moved.set(blobPath(configDigest), image.config)
  const layers = []
  for (const [index, path] of image.layers.entries()) {
    const { size, compression, digest = diffIds[index]! } = await layerAt(path)
    moved.set(blobPath(digest), path)
    layers.push(createDescriptor({ mediaType: `${layerType}${compression}`, size, digest }).raw)
  }
  const { raw } = createDescriptor({ mediaType: mediaTypes.ociConfig, size: config.length, digest: configDigest })
  return encodeUtf8(serializeGoJson({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: raw, layers }))
}

const layerType = 'application/vnd.oci.image.layer.v1.tar'

/** A layer's file; `digest` of one that is compressed, for others the config tells it. */
type ArchivedLayer = { readonly size: number; readonly compression: string; readonly digest?: OciDigest }
type LayerReader = (path: string) => Promise<ArchivedLayer>

/** Reads each layer once: a small archive can name one a million times. */
function createLayerReader(archive: Folder, what: string, signal: AbortSignal): LayerReader {
  const known = new Map<string, Promise<ArchivedLayer>>()
  const read = async (path: string): Promise<ArchivedLayer> => {
    const size = await archive.size(path)
    if (size === undefined) throw malformed(what, `the layer ${quote(path)} that manifest.json names is not there`)
    const compression = await compressionOf(archive, path)
    return { size, compression, ...(compression !== '' && { digest: await digestOfPieces(archive.stream(path), signal) }) }
  }
  return path => {
    signal.throwIfAborted()
    const layer = known.get(path) ?? read(path)
    known.set(path, layer)
    return layer
  }
}

function readDiffIds(config: Uint8Array, at: string): readonly OciDigest[] {
  const rootfs = readObject(readObject(parseJson(config, at, { bytes: ociLimits.manifestBytes }), at)['rootfs'], `${at}: rootfs`)
  return readArray(rootfs['diff_ids'] ?? [], `${at}: rootfs.diff_ids`, ociLimits.descriptors, (id, path) =>
    parseOciDigest(readString(id, path), path, 'LAYOUT_MALFORMED'),
  )
}

/** Docker's own layers are plain tar archives, whose digests the config holds; other tools leave them compressed. */
async function compressionOf(archive: Folder, path: string): Promise<'' | '+gzip' | '+zstd'> {
  const [a, b, c, d] = (await collectBytes(archive.stream(path, { start: 0, end: 4 }), 4)) ?? []
  if (a === 0x1f && b === 0x8b) return '+gzip'
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return '+zstd'
  return ''
}

/** The folder with files that were made, and files of its own under other paths. */
function overlay(folder: Folder, made: ReadonlyMap<string, Uint8Array>, moved: ReadonlyMap<string, string>): Folder {
  const pathOf = (path: string) => moved.get(path) ?? path
  return {
    ...folder,
    read: async (path, limitBytes) => made.get(path) ?? (await folder.read(pathOf(path), limitBytes)),
    stream: async function* (path, range) {
      const bytes = made.get(path)
      if (bytes) yield bytes.subarray(range?.start, range?.end)
      else yield* folder.stream(pathOf(path), range)
    },
    size: async path => made.get(path)?.length ?? (await folder.size(pathOf(path))),
    list: async path => {
      const own = path === blobsFolder ? [...made.keys(), ...moved.keys()].filter(key => key.startsWith(`${blobsFolder}/`)) : []
      return [...new Set([...(await folder.list(path)), ...own.map(key => key.slice(blobsFolder.length + 1))])]
    },
  }
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('LAYOUT_MALFORMED', `${what}: ${problem}`)
}
