import { gzipSync } from 'node:zlib'
import { encodeUtf8 } from '../codec/text.ts'
import type { Fetch } from '../codec/world.ts'
import { type OciDigest, ociDigestOf } from '../formats/oci-digest.ts'
import { encodeTar, type TarEntry } from './tar.ts'

/** The media type of an image that is built. */
export const imageManifestType = 'application/vnd.oci.image.manifest.v1+json'

/** The media type of an index that is built. */
export const imageIndexType = 'application/vnd.oci.image.index.v1+json'

export type Platform = { readonly os: string; readonly architecture: string; readonly variant?: string }

/** An image or index as plain data: what a registry must hold for it to be pulled. */
export type Built = {
  readonly mediaType: typeof imageManifestType | typeof imageIndexType
  readonly manifest: Uint8Array
  readonly digest: OciDigest // of the manifest
  readonly blobs: ReadonlyMap<OciDigest, Uint8Array> // config and layers; none for an index
  readonly images: readonly BuiltImage[] // of an index; an image has none
}

export type BuiltImage = Built & { readonly mediaType: typeof imageManifestType; readonly platform: Platform }

export type ImageOptions = {
  readonly layers?: readonly (readonly TarEntry[])[]
  readonly platform?: Platform // linux/amd64
  readonly command?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
}

/**
 * Builds an OCI image: one gzipped tar per layer, a config with `diff_ids` and history, a manifest. All times are fixed, so the
 * same options give the same digest on one runtime (two runtimes may compress differently).
 *
 * @see OCI image spec 1.1 "manifest.md", "config.md", "layer.md"
 */
export function buildImage(options: ImageOptions = {}): BuiltImage {
  const platform = options.platform ?? { os: 'linux', architecture: 'amd64' }
  const layers = (options.layers ?? demonstrationLayers).map(entries => {
    const tar = encodeTar(entries)
    const compressed = compress(tar)
    return { diffId: ociDigestOf(tar), compressed, digest: ociDigestOf(compressed) }
  })
  const created = '1970-01-01T00:00:00Z'
  const config = encodeJson({
    created,
    ...platform,
    config: { Cmd: options.command ?? ['/app/hello'], Env: ['PATH=/usr/bin:/bin'], WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: layers.map(layer => layer.diffId) },
    history: layers.map((_, index) => ({ created, created_by: `layer ${index}`, comment: 'countersign image builder' })),
  })
  const manifest = encodeJson({
    schemaVersion: 2,
    mediaType: imageManifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: ociDigestOf(config), size: config.length },
    layers: layers.map(({ digest, compressed }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest,
      size: compressed.length,
    })),
    ...(options.annotations && { annotations: options.annotations }),
  })
  return {
    mediaType: imageManifestType,
    manifest,
    digest: ociDigestOf(manifest),
    blobs: new Map([[ociDigestOf(config), config], ...layers.map(layer => [layer.digest, layer.compressed] as const)]),
    images: [],
    platform,
  }
}

/** Builds an index of images, one per platform. @see OCI image spec 1.1 "image-index.md" */
export function buildIndex(images: readonly BuiltImage[], annotations?: Readonly<Record<string, string>>): Built {
  const manifest = encodeJson({
    schemaVersion: 2,
    mediaType: imageIndexType,
    manifests: images.map(({ mediaType, digest, manifest, platform }) => ({ mediaType, digest, size: manifest.length, platform })),
    ...(annotations && { annotations }),
  })
  return { mediaType: imageIndexType, manifest, digest: ociDigestOf(manifest), blobs: new Map(), images }
}

/**
 * Pushes what was built, children and blobs first, with one request each and no credentials: for demonstrations and tests.
 *
 * @param registry - origin of the registry: `http://127.0.0.1:5000`
 * @param reference - tag or digest of the outermost manifest
 * @throws Error that names the first request that was not answered 201
 */
export async function pushBuilt(fetch: Fetch, registry: URL, repository: string, reference: string, built: Built): Promise<void> {
  for (const image of built.images) await pushBuilt(fetch, registry, repository, image.digest, image)
  const send = async (method: string, path: string, type: string, body: Uint8Array<ArrayBuffer>): Promise<void> => {
    const response = await fetch(new URL(path, registry), { method, headers: { 'content-type': type }, body })
    if (response.status !== 201) throw new Error(`${method} ${path}: want 201, got ${response.status}: ${await response.text()}`)
  }
  for (const [digest, bytes] of built.blobs)
    await send('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, 'application/octet-stream', new Uint8Array(bytes))
  await send('PUT', `/v2/${repository}/manifests/${reference}`, built.mediaType, new Uint8Array(built.manifest))
}

/** A file system of two layers, the upper one replacing a file of the lower; it has no shell, so it is pulled but not run. */
const demonstrationLayers: readonly (readonly TarEntry[])[] = [
  [
    { type: 'directory', path: 'etc' },
    { type: 'file', path: 'etc/os-release', content: 'NAME="Countersign demonstration"\nID=countersign-demo\n' },
    { type: 'file', path: 'etc/passwd', content: 'root:x:0:0:root:/root:/sbin/nologin\n' },
    { type: 'directory', path: 'usr' },
    { type: 'directory', path: 'usr/bin' },
    { type: 'symlink', path: 'bin', target: 'usr/bin' },
  ],
  [
    { type: 'directory', path: 'app' },
    { type: 'file', path: 'app/hello', content: '#!/bin/sh\necho "hello from a signed image"\n', mode: 0o755 },
    { type: 'file', path: 'etc/os-release', content: 'NAME="Countersign demonstration"\nID=countersign-demo\nVERSION_ID=1\n' },
  ],
]

const gzipOsOffset = 9

function compress(bytes: Uint8Array): Uint8Array {
  const compressed = Uint8Array.from(gzipSync(bytes, { level: 9 }))
  compressed[gzipOsOffset] = 255 // "unknown": zlib writes the system it runs on
  return compressed
}

function encodeJson(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value))
}
