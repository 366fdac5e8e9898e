import { decodeUtf8, encodeUtf8 } from '../../../src/codec/text.ts'
import { ociDigestOf } from '../../../src/formats/oci-digest.ts'
import { type Built, type BuiltImage, buildImage, buildIndex } from '../../../src/testing/image-builder.ts'

/** An image of one platform. */
export const plainImage: BuiltImage = buildImage()

/** An image of the two platforms that upstream's policies look at, which runs as this user on both. */
export function multiArchImage(user: string): Built {
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm', variant: 'v7' },
  ]
  return buildIndex(platforms.map(platform => runningAs(buildImage({ platform }), user)))
}

function runningAs(image: BuiltImage, user: string): BuiltImage {
  const manifest = JSON.parse(decodeUtf8(image.manifest, 'manifest'))
  const blobs = new Map(image.blobs)
  const json = JSON.parse(decodeUtf8(blobs.get(manifest.config.digest)!, 'configuration'))
  const configuration = encodeUtf8(JSON.stringify({ ...json, config: { ...json.config, User: user } }))
  blobs.delete(manifest.config.digest)
  blobs.set(ociDigestOf(configuration), configuration)
  const config = { ...manifest.config, digest: ociDigestOf(configuration), size: configuration.length }
  const bytes = encodeUtf8(JSON.stringify({ ...manifest, config }))
  return { ...image, manifest: bytes, digest: ociDigestOf(bytes), blobs }
}
