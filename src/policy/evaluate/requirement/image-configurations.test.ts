import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../../codec/text.ts'
import { type OciDigest, ociDigestOf } from '../../../formats/oci-digest.ts'
import { type Built, buildImage, buildIndex, imageIndexType } from '../../../testing/image-builder.ts'
import { containerImage, createPolicyRig, type PolicyRig } from '../../../testing/policy/policy-rig.ts'
import { createInquiry } from '../inquiry.ts'
import { fetchConfigurations } from './image-configurations.ts'

const live = new AbortController().signal
const arm = buildImage({ platform: { os: 'linux', architecture: 'arm', variant: 'v7' } })

async function configurations(rig: PolicyRig, digest: OciDigest) {
  return await fetchConfigurations(createInquiry(rig.access, live), containerImage('r.test/app:v1'), digest, live)
}

type Child = Pick<Built, 'mediaType' | 'digest' | 'manifest'> & { readonly platform?: object }

/** Puts an index over what is there already. */
async function putIndex({ hand }: PolicyRig, manifests: readonly Child[]): Promise<Child> {
  const descriptors = manifests.map(({ mediaType, digest, manifest, platform }) => ({
    ...{ mediaType, digest, size: manifest.length },
    ...(platform && { platform }),
  }))
  const index = encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: imageIndexType, manifests: descriptors }))
  await hand.putManifest('app', ociDigestOf(index), index, imageIndexType)
  return { mediaType: imageIndexType, digest: ociDigestOf(index), manifest: index }
}

test('an image has one, an index those of its images, through indexes in it', async () => {
  const rig = await createPolicyRig()
  assert.deepEqual([...(await configurations(rig, rig.digest)).keys()], ['linux/amd64'])
  const index = buildIndex([rig.image, arm])
  await rig.push('multi', index)
  const found = await configurations(rig, index.digest)
  assert.deepEqual([...found.keys()], ['linux/amd64', 'linux/arm/v7'])
  assert.deepEqual((found.get('linux/arm/v7') as { readonly config: unknown }).config, {
    Cmd: ['/app/hello'],
    Env: ['PATH=/usr/bin:/bin'],
    WorkingDir: '/',
  })
  const nested = await putIndex(rig, [index])
  assert.deepEqual([...(await configurations(rig, nested.digest)).keys()], ['linux/amd64', 'linux/arm/v7'])
})

test('depth and number are bounded, and what is no image is refused', async () => {
  const rig = await createPolicyRig()
  let deep: Child = rig.image
  for (let level = 0; level < 4; level++) deep = await putIndex(rig, [deep])
  await assert.rejects(configurations(rig, deep.digest), { code: 'LIMIT_EXCEEDED', message: /at most 4 indexes in one another/ })
  const wide = await putIndex(
    rig,
    Array.from({ length: 101 }, () => rig.image),
  )
  await assert.rejects(configurations(rig, wide.digest), { code: 'LIMIT_EXCEEDED', message: /at most 100 images, got 101/ })
  await assert.rejects(configurations(rig, ociDigestOf(encodeUtf8('nothing'))), { code: 'IMAGE_NOT_FOUND', message: /./ })
})

const amd = { os: 'linux', architecture: 'amd64' }
const asRoot = (platform: typeof amd) => buildImage({ platform, command: ['/as-root'] })
for (const { name, images, message } of [
  {
    name: 'a second image of a platform, which a node may take in place of the first',
    images: [asRoot(amd), buildImage()],
    message: /want one image of a platform, got several of "linux\/amd64"/,
  },
  {
    name: 'an image that the index calls another platform than it calls itself',
    images: [{ ...asRoot({ os: 'linux', architecture: 's390x' }), platform: amd }],
    message: /want platform "linux\/amd64" as the index says, got "linux\/s390x"/,
  },
  { name: 'an image that says nothing', images: [asRoot({ os: '', architecture: '' })], message: /want os and architecture, got none/ },
])
  test(`configurations are refused of ${name}`, async () => {
    const rig = await createPolicyRig()
    for (const image of images) await rig.push(image.digest.slice(-8), image)
    const index = await putIndex(rig, images)
    await assert.rejects(configurations(rig, index.digest), { code: 'MANIFEST_MALFORMED', message })
  })

test('attestations of BuildKit, which run nowhere, may be several', async () => {
  const rig = await createPolicyRig()
  const nowhere = { os: 'unknown', architecture: 'unknown' }
  const images = [rig.image, buildImage({ platform: nowhere }), buildImage({ platform: nowhere, command: ['/b'] })]
  await rig.push('multi', buildIndex(images))
  assert.deepEqual([...(await configurations(rig, buildIndex(images).digest)).keys()], ['linux/amd64', 'unknown/unknown'])
})
