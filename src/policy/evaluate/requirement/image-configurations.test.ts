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

type Child = Pick<Built, 'mediaType' | 'digest' | 'manifest'>

/** Puts an index over what is there already. */
async function putIndex({ hand }: PolicyRig, manifests: readonly Child[]): Promise<Child> {
  const descriptors = manifests.map(({ mediaType, digest, manifest }) => ({ mediaType, digest, size: manifest.length }))
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
