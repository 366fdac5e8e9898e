import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ociDigestOf } from '../src/formats/oci-digest.ts'
import { createRegistry, memoryStore } from '../src/services/registry/registry.ts'
import { assertRefused, createRig, good, type Rig, rigHost } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../src/testing/image-builder.ts'
import { createHand, signatureTagOf } from '../src/testing/registry-hand.ts'

// Copying, saving and loading images, as formats-and-flows §11 63-65 and 69 tell it. Flags on their own: flags/moving.ts.

const image = buildImage()
const child = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const index = buildIndex([image, child])
const signing = 'sign --key team.key --tlog-upload=false'
const trusting = 'verify --key team.pub --insecure-ignore-tlog'
const legacy = '--new-bundle-format=false'

/** A rig that knows a second registry as far.test. */
function twoRegistries(referrers: { readonly near: boolean; readonly far: boolean }) {
  const rig = createRig({ referrers: referrers.near })
  const world = {
    now: () => new Date('2026-01-02T03:04:05Z'),
    randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
  }
  const far = createRegistry(memoryStore(), world, { referrers: referrers.far, deletes: true })
  rig.hosts.set('far.test', far)
  return { ...rig, near: createHand(rig.registry), far: createHand(far) }
}

/** An index, signed with all its images in both layouts. */
async function signedIndex({ cs, push }: Rig): Promise<string> {
  const name = await push('app', index)
  for (const format of ['', legacy]) await good(cs(`${signing} ${format} -r ${name}`))
  return name
}

const everything = [index.digest, image.digest, child.digest]

async function verifiesWhole({ cs }: Rig, repository: string): Promise<void> {
  for (const format of ['', legacy]) await good(cs(`${trusting} ${format} -r ${repository}:v1`))
}

for (const near of [true, false])
  for (const far of [true, false]) {
    const kinds = `from a registry ${near ? 'with' : 'without'} referrers API to one ${far ? 'with' : 'without'}`
    test(`a copy of an index verifies in both layouts, child by child, ${kinds}; a second one writes nothing`, async () => {
      const rig = twoRegistries({ near, far })
      const name = await signedIndex(rig)
      const { stdout } = await good(rig.cs(`copy -o json ${name} far.test/app:v1`))
      const report = JSON.parse(stdout)
      assert.deepEqual([report.digest, report.images, report.attached], [index.digest, 3, { sig: 6, att: 0, sbom: 0, other: 0 }])
      await verifiesWhole(rig, 'far.test/app')
      const again = await good(rig.cs(`copy ${name} far.test/app:v1`))
      assert.deepEqual(
        again.requests.filter(request => !/^(?:GET|HEAD) /.test(request)),
        [],
      )
      assert.match(again.stderr, /manifests: 0 sent, 6 there already/)
      assert.equal(again.stdout, '')
    })

    test(`what is saved ${near ? 'with' : 'without'} referrers API and loaded ${far ? 'with' : 'without'} verifies in both layouts`, async () => {
      const rig = twoRegistries({ near, far })
      await signedIndex(rig)
      await good(rig.cs(`save --dir saved ${rigHost}/app:v1`))
      await good(rig.cs('load --dir saved far.test/other:v1'))
      await verifiesWhole(rig, 'far.test/other')
      const again = await good(rig.cs('load --dir saved far.test/other:v1'))
      assert.deepEqual(
        again.requests.filter(request => !/^(?:GET|HEAD) /.test(request)),
        [],
      )
    })
  }

test('a fallback tag is never written with an image', async () => {
  const rig = twoRegistries({ near: false, far: false })
  await good(rig.cs(`copy ${await rig.push('app', index)} far.test/app:v1`))
  assert.deepEqual(await rig.far.tags('app'), ['v1'])
  await good(rig.cs(`copy ${await signedIndex(rig)} far.test/app:v1`))
  for (const digest of everything) {
    const { manifests } = (await rig.far.manifest('app', digest.replace(':', '-'))) as { manifests: { digest: string }[] }
    assert.ok(manifests.every(entry => !everything.includes(entry.digest as typeof image.digest)))
  }
})

for (const ending of ['', '.sig', '.att', '.sbom'])
  test(`an image is not put under the tag sha256-HEX${ending} of its own, where its signatures are looked for`, async () => {
    const rig = twoRegistries({ near: true, far: false })
    const name = await signedIndex(rig)
    for (const [digest, force] of [
      [index.digest, ''],
      [index.digest, '--force'],
      [child.digest, '--force'],
    ] as const)
      assertRefused(await rig.cs(`copy --output json ${force} ${name} far.test/app:${digest.replace(':', '-')}${ending}`), {
        exit: 1,
        code: 'USAGE',
        message: /^destination: want a tag for an image, got sha256-[0-9a-f]{64}[.a-z]*, the place of what is attached to one$/,
      })
    await assert.rejects(rig.far.tags('app'), /404/) // nothing was written
  })

test('where `cosign copy` left images at the fallback tags, a forced copy puts the indexes in their place, and signing works again', async () => {
  const rig = twoRegistries({ near: false, far: false })
  const name = await signedIndex(rig)
  await good(rig.cs(`copy --only sbom ${name} far.test/app:v1`))
  const kinds = new Map<string, typeof index>([index, image, child].map(built => [built.digest, built]))
  for (const [digest, { manifest, mediaType }] of kinds) await rig.far.putManifest('app', digest.replace(':', '-'), manifest, mediaType)
  await rig.far.putManifest('app', 'v1', index.manifest, index.mediaType)
  const taken = await rig.cs(`copy -o json ${name} far.test/app:v1`)
  assertRefused(taken, { exit: 1, code: 'REFERRERS_TAG_TAKEN', message: /want an index of referrers there, it holds/ })
  assert.match(taken.stderr, /^Try: .*countersign copy --force/m)
  // without a tag of the copy's own, the fallback tag may be all that keeps the image
  const untagged = await rig.cs(`copy --force -o json ${name} far.test/app@${index.digest}`)
  assertRefused(untagged, { exit: 1, code: 'REFERRERS_TAG_TAKEN', message: /want an index of referrers there, it holds/ })
  await good(rig.cs(`copy --force ${name} far.test/app:v1`))
  await verifiesWhole(rig, 'far.test/app')
  await good(rig.cs(`${signing.replace('team', 'stranger')} far.test/app@${index.digest}`))
})

test('what `cosign copy` left at a fallback tag of the source is no hindrance', async () => {
  const source = twoRegistries({ near: false, far: true })
  const other = await source.push('app', image)
  await source.push('app', image, image.digest.replace(':', '-'))
  await good(source.cs(`${signing} ${legacy} ${other}`))
  await good(source.cs(`copy ${other} far.test/app:v1`))
  await good(source.cs(`${trusting} far.test/app:v1`))
})

test('signatures of the destination are kept beside ours', async () => {
  const rig = twoRegistries({ near: true, far: false })
  const name = await rig.push('app', image)
  for (const format of ['', legacy]) await good(rig.cs(`${signing} ${format} ${name}`))
  await good(rig.cs(`copy ${await rig.push('bare', image)} far.test/app:v1`))
  for (const format of ['', legacy]) await good(rig.cs(`${signing.replace('team', 'stranger')} ${format} far.test/app@${image.digest}`))
  await good(rig.cs(`copy ${name} far.test/app:v1`))
  for (const format of ['', legacy])
    for (const key of ['team', 'stranger']) await good(rig.cs(`${trusting.replace('team', key)} ${format} far.test/app:v1`))
})

test('signatures kept by COSIGN_REPOSITORY are found, and land beside the copy; a load puts them there', async () => {
  const rig = twoRegistries({ near: true, far: true })
  const name = await rig.push('app', image)
  const environment = { COSIGN_REPOSITORY: `${rigHost}/signatures` }
  for (const format of ['', legacy]) await good(rig.cs(`${signing} ${format} ${name}`, { environment }))
  await good(rig.cs(`copy ${name} far.test/without:v1`))
  assert.equal((await rig.cs(`${trusting} far.test/without:v1`)).code, 10)
  await good(rig.cs(`copy ${name} far.test/app:v1`, { environment }))
  for (const format of ['', legacy]) await good(rig.cs(`${trusting} ${format} far.test/app:v1`))

  await good(rig.cs(`save --dir saved ${name}`, { environment }))
  const elsewhere = { COSIGN_REPOSITORY: 'far.test/elsewhere' }
  await good(rig.cs('load --dir saved far.test/loaded:v1', { environment: elsewhere }))
  assert.deepEqual(await rig.far.tags('loaded'), ['v1'])
  assert.equal((await rig.cs(`${trusting} far.test/loaded:v1`)).code, 10)
  for (const format of ['', legacy]) await good(rig.cs(`${trusting} ${format} far.test/loaded:v1`, { environment: elsewhere }))
})

test('layouts are sources and destinations of a copy', async () => {
  const rig = twoRegistries({ near: true, far: false })
  const name = await signedIndex(rig)
  await good(rig.cs(`copy ${name} oci:disk:v7`))
  await good(rig.cs('copy oci:disk:v7 far.test/app:v1'))
  await verifiesWhole(rig, 'far.test/app')
  await good(rig.cs('copy oci:disk:v7 oci:other'))
  await good(rig.cs(`copy --platform linux/arm64 oci:other far.test/child:v1`))
  for (const format of ['', legacy]) await good(rig.cs(`${trusting} ${format} far.test/child@${child.digest}`))
})

test('foreign artifacts, and signatures on what is attached, travel', async () => {
  const rig = twoRegistries({ near: false, far: true })
  const name = await rig.push('app', image)
  const config = await rig.near.putBlob('app', new TextEncoder().encode('{}'))
  const layer = new TextEncoder().encode('an SBOM')
  const descriptor = (mediaType: string, digest: string, size: number) => ({ mediaType, digest, size })
  const sbom = {
    schemaVersion: 2,
    mediaType: image.mediaType,
    artifactType: 'application/spdx+json',
    config: descriptor('application/vnd.oci.empty.v1+json', config, 2),
    layers: [descriptor('application/spdx+json', await rig.near.putBlob('app', layer), layer.length)],
    subject: descriptor(image.mediaType, image.digest, image.manifest.length),
  }
  const bytes = new TextEncoder().encode(JSON.stringify(sbom))
  const digest = ociDigestOf(bytes)
  await rig.near.putManifest('app', digest, bytes)
  const listing = { schemaVersion: 2, mediaType: index.mediaType, manifests: [descriptor(image.mediaType, digest, bytes.length)] }
  await rig.near.putManifest('app', image.digest.replace(':', '-'), listing, index.mediaType)
  for (const format of ['', legacy]) await good(rig.cs(`${signing} ${format} ${rigHost}/app@${digest}`))
  const { stdout } = await good(rig.cs(`copy -o json ${name} far.test/app:v1`))
  assert.deepEqual(JSON.parse(stdout).attached, { sig: 2, att: 0, sbom: 1, other: 0 })
  for (const format of ['', legacy]) await good(rig.cs(`${trusting} ${format} far.test/app@${digest}`))
})

test('what a listing names and the source lacks is warned of, reported, and not listed at the destination', async () => {
  const rig = twoRegistries({ near: false, far: false })
  const name = await rig.push('app', image)
  await good(rig.cs(`${signing} ${name}`))
  const tag = image.digest.replace(':', '-')
  const listing = await rig.near.manifest('app', tag)
  const gone = `sha256:${'0'.repeat(64)}`
  // a registry that does not check what an index names, as many do not
  rig.hosts.set(rigHost, async request => {
    if (!request.url.endsWith(`/manifests/${tag}`)) return await rig.registry(request)
    const manifests = [...(listing['manifests'] as object[]), { mediaType: image.mediaType, size: 7, digest: gone }]
    return new Response(JSON.stringify({ ...listing, manifests }), { headers: { 'content-type': index.mediaType } })
  })
  const { stdout, stderr } = await good(rig.cs(`copy -o json ${name} far.test/app:v1`))
  const [left, ...others] = JSON.parse(stdout).leftBehind
  assert.deepEqual([left.what, left.of, others], [gone, image.digest, []])
  assert.match(stderr, new RegExp(`^WARNING: ${gone}, listed as attached to ${image.digest}, stays behind: `, 'm'))
  assert.match(stderr, /1 thing missing or broken at the source/)
  assert.equal(((await rig.far.manifest('app', tag))['manifests'] as object[]).length, 1)
  await good(rig.cs(`${trusting} far.test/app:v1`))
})

test('a destination named by digest must be that of the copy, and gets no tag', async () => {
  const rig = twoRegistries({ near: true, far: true })
  const name = await rig.push('app', image)
  const wrong = await rig.cs(`copy -o json ${name} far.test/app@${child.digest}`)
  assertRefused(wrong, { exit: 1, code: 'USAGE', message: /^destination: want the digest of what is copied/ })
  await good(rig.cs(`${signing} ${legacy} ${name}`))
  await good(rig.cs(`copy ${name} far.test/app@${image.digest}`))
  assert.deepEqual(await rig.far.tags('app'), [signatureTagOf(image.digest)])
})

test('a bundle of one image fails on another image and passes on its copy', async () => {
  const rig = twoRegistries({ near: true, far: true })
  const name = await rig.push('app', image)
  await good(rig.cs(`${signing} --bundle bundle.json ${name}`))
  const other = await rig.push('other', child)
  await rig.near.attachBundle('other', child, rig.disk.get('bundle.json') as Uint8Array)
  assertRefused(await rig.cs(`${trusting} -o json ${other}`), {
    exit: 1,
    code: 'ARTIFACT_MISMATCH',
    message: /^no matching signatures: referrer sha256:\S+: the signature is about sha256:\S+, not sha256:\S+$/,
  })
  await good(rig.cs(`copy --only sbom ${name} far.test/copy:v1`))
  await rig.far.attachBundle('copy', image, rig.disk.get('bundle.json') as Uint8Array)
  await good(rig.cs(`${trusting} far.test/copy@${image.digest}`))
})

test('a registry that says 201 to everything and keeps nothing is found out', async () => {
  const rig = twoRegistries({ near: true, far: true })
  const name = await rig.push('plain', image)
  rig.hosts.set('void.test', async request => {
    if (request.method === 'POST') return new Response(null, { status: 202, headers: { location: '/v2/app/blobs/uploads/1' } })
    return new Response(null, { status: request.method === 'PUT' ? 201 : 404 })
  })
  assertRefused(await rig.cs(`copy -o json ${name} void.test/app:v1`), {
    exit: 1,
    code: 'DIGEST_MISMATCH',
    message: /^tag void\.test\/app:v1: want sha256:[0-9a-f]{64}, which the registry took, it holds nothing$/,
  })
})
