import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { attachReferrer } from '../attached/attach-referrer.ts'
import { fallbackTag, signatureTag } from '../attached/attached-tag.ts'
import { createBundleReferrer } from '../attached/bundle-referrer.ts'
import { listReferrers } from '../attached/referrers.ts'
import { appendSignatureLayer, fetchSignatureLayers } from '../attached/signature-tag.ts'
import { readTag } from '../attached/tag.ts'
import { type Descriptor, mediaTypes } from '../manifest.ts'
import { parseRepository } from '../reference.ts'
import { createRegistryClient } from '../registry-client.ts'
import { digestOfText, manifestText, memoryRig, pushImage, type Rig, repository, signal, stillWorld } from '../registry-rig.test.ts'
import { type MirrorOptions, mirror } from './mirror.ts'

const world = stillWorld()
const far = parseRepository('s.example/demo/app')
const writes = ({ log }: Rig) => log.filter(line => !/^(?:GET|HEAD) /.test(line))

/** Copies an image from one registry in memory to another. */
async function copy(from: Rig, to: Rig, options: Partial<MirrorOptions> & { readonly name?: string } = {}) {
  const { name = 'v1', ...rest } = options
  const image = await from.client.resolve({ ...repository, tag: name }, signal)
  to.log.splice(0)
  return await mirror(
    { client: from.client, repository },
    { client: to.client, repository: far },
    { world, image, tag: 'v1', force: false, replaceSubjects: false, kinds: 'all', tagPrefix: '', maxWorkers: 4, ...rest },
    signal,
  )
}

async function attachBundle(
  { client }: Rig,
  subject: Pick<Descriptor, 'mediaType' | 'size' | 'digest'>,
  text: string,
  predicateType = signPredicateType,
) {
  const referrer = createBundleReferrer(subject, { bytes: encodeUtf8(text), content: 'dsse-envelope', predicateType }, world.now())
  return await attachReferrer(client, world, repository, referrer, signal)
}

async function addLayer({ client }: Rig, place: typeof repository, tag: string, text: string) {
  const annotations = new Map([['dev.cosignproject.cosign/signature', text]])
  const layer = { bytes: encodeUtf8(`payload ${text}`), mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', annotations }
  await appendSignatureLayer(client, world, place, tag, layer, {}, signal)
}

async function pushIndex({ client }: Rig, tag: string, manifests: readonly Descriptor['raw'][]) {
  const bytes = encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }))
  const { digest } = await client.pushManifest(repository, tag, bytes, mediaTypes.ociIndex, signal)
  return { mediaType: mediaTypes.ociIndex, size: bytes.length, digest }
}

/** An index of an index of two images; a bundle on a child, an SBOM on the root with a bundle on itself, and older signatures. */
async function stock(rig: Rig) {
  const [one, two] = [await pushImage(rig.client, 'a', 'one'), await pushImage(rig.client, 'b', 'two')]
  const inner = await pushIndex(rig, 'inner', [one])
  const root = await pushIndex(rig, 'v1', [inner, two])
  await attachBundle(rig, one, 'signature of a child')
  const sbom = await attachBundle(rig, root, 'SBOM', 'https://spdx.dev/Document')
  await attachBundle(rig, sbom, 'signature of the SBOM')
  await addLayer(rig, repository, signatureTag(root.digest, 'sig'), 'old')
  await addLayer(rig, repository, signatureTag(two.digest, 'att'), 'older')
  return { one, two, inner, root, sbom }
}

const layersAt = async ({ client }: Rig, tag: string) =>
  (await fetchSignatureLayers(client, far, tag, signal)).map(({ annotations }) => annotations.get('dev.cosignproject.cosign/signature'))

for (const from of [true, false])
  for (const to of [true, false])
    test(`everything travels ${from ? 'with' : 'without'} referrers API to ${to ? 'with' : 'without'}, and again it is no write`, async () => {
      const [source, destination] = [memoryRig({ referrers: from }), memoryRig({ referrers: to })]
      const { one, root, sbom, two } = await stock(source)
      const report = await copy(source, destination)
      assert.deepEqual(report.attached, { sig: 3, att: 2, sbom: 0, other: 0 })
      assert.deepEqual([report.images, report.referrers, report.manifests], [4, 3, { sent: 7, present: 0 }])
      assert.deepEqual(report.leftBehind, [])
      const { client } = destination
      assert.equal((await client.headManifest(far, 'v1', signal))?.digest, root.digest)
      for (const subject of [one, root, sbom]) {
        const [listed, ...others] = await listReferrers(client, far, subject.digest, signal)
        assert.ok(listed && others.length === 0)
        assert.ok(await client.headManifest(far, listed.digest, signal))
      }
      assert.deepEqual(await layersAt(destination, signatureTag(root.digest, 'sig')), ['old'])
      assert.deepEqual(await layersAt(destination, signatureTag(two.digest, 'att')), ['older'])
      assert.equal((await client.listTags(far, signal)).includes(fallbackTag(root.digest)), !to)
      assert.match(writes(destination).at(-1)!, /^PUT .*manifests\/v1$/)

      const again = await copy(source, destination)
      assert.deepEqual(writes(destination), [])
      assert.deepEqual([again.bytesSent, again.manifests], [0, { sent: 0, present: 7 }])
      assert.deepEqual(again.attached, report.attached)
    })

test('blobs that many manifests share are sent once, and mounted within one registry', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  await stock(source)
  const report = await copy(source, destination)
  assert.equal(writes(destination).filter(line => line.startsWith('POST')).length, report.blobs.sent)
  const image = await source.client.resolve({ ...repository, tag: 'v1' }, signal)
  const beside = { ...repository, repository: 'demo/other' }
  const options = { world, image, tag: 'v1', force: false, replaceSubjects: false, kinds: 'all', tagPrefix: '', maxWorkers: 4 } as const
  const mounted = await mirror({ client: source.client, repository }, { client: source.client, repository: beside }, options, signal)
  assert.deepEqual([mounted.blobs.sent, mounted.blobs.mounted], [0, report.blobs.sent])
})

test('a tag that holds another image is refused before anything is written, and put with force', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  await pushImage(source.client, 'v1', 'old')
  await copy(source, destination)
  const { digest } = await pushImage(source.client, 'v1', 'new')
  await assert.rejects(copy(source, destination), {
    code: 'TAG_TAKEN',
    message: 'image "s.example/demo/app:v1" already exists. Use `-f` to overwrite',
  })
  assert.deepEqual(writes(destination), [])
  await copy(source, destination, { force: true })
  assert.equal((await destination.client.headManifest(far, 'v1', signal))?.digest, digest)
})

test('an image that somebody tags meanwhile is not overwritten', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  await pushImage(source.client)
  const { digest } = await pushImage(source.client, 'other', 'theirs')
  await copy(source, destination, { name: 'other', kinds: new Set() })
  const theirs = await source.client.fetchManifest(repository, digest, signal)
  const pushManifest: Rig['client']['pushManifest'] = async (place, reference, ...rest) => {
    if (reference === 'mine') await destination.client.pushManifest(place, reference, theirs.bytes, theirs.mediaType, signal)
    return await destination.client.pushManifest(place, reference, ...rest)
  }
  const racing = { ...destination, client: { ...destination.client, pushManifest } }
  await assert.rejects(copy(source, racing, { tag: 'mine' }), {
    code: 'MANIFEST_CHANGED',
    message: /:mine: it no longer holds what this replaces/,
  })
  assert.equal((await destination.client.headManifest(far, 'mine', signal))?.digest, digest)
})

test('signatures that the destination has already stay, and ours come after them, none twice', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  const { digest } = await pushImage(source.client)
  const tag = signatureTag(digest, 'sig')
  for (const name of ['a', 'b']) await addLayer(source, repository, tag, name)
  await addLayer(destination, far, tag, 'theirs')
  await addLayer(destination, far, tag, 'b')
  await copy(source, destination)
  assert.deepEqual(await layersAt(destination, tag), ['theirs', 'b', 'a'])
  await copy(source, destination)
  assert.deepEqual(writes(destination), [])
})

test('a tag whose beginning is there gets the same bytes as at the source', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  const { digest } = await pushImage(source.client)
  const tag = signatureTag(digest, 'sig')
  await addLayer(source, repository, tag, 'a')
  await copy(source, destination)
  await addLayer(source, repository, tag, 'b')
  await copy(source, destination)
  const [ours, theirs] = [await readTag(source.client, repository, tag, signal), await readTag(destination.client, far, tag, signal)]
  assert.equal(ours?.digest, theirs?.digest)
})

test('another SBOM under its tag is replaced with force alone', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  const { digest } = await pushImage(source.client)
  const tag = signatureTag(digest, 'sbom')
  await addLayer(source, repository, tag, 'ours')
  await addLayer(destination, far, tag, 'theirs')
  await assert.rejects(copy(source, destination), { code: 'TAG_TAKEN', message: /sbom" already exists/ })
  assert.equal(await destination.client.headManifest(far, 'v1', signal), undefined)
  await copy(source, destination, { force: true })
  assert.deepEqual(await layersAt(destination, tag), ['ours'])
})

test('what `cosign copy` left at fallback tags is read as no listing, and replaced only when asked for', async () => {
  const [source, destination] = [memoryRig({ referrers: false }), memoryRig({ referrers: false })]
  const image = await pushImage(source.client)
  await copy(source, destination)
  const { bytes, mediaType } = await destination.client.fetchManifest(far, 'v1', signal)
  await destination.client.pushManifest(far, fallbackTag(image.digest), bytes, mediaType, signal)
  await attachBundle(source, image, 'signature')
  await assert.rejects(copy(source, destination), { code: 'REFERRERS_TAG_TAKEN', message: /want an index of referrers there/ })
  await copy(source, destination, { replaceSubjects: true })
  assert.equal((await listReferrers(destination.client, far, image.digest, signal)).length, 1)

  const broken = memoryRig({ referrers: false })
  await pushImage(broken.client)
  await broken.client.pushManifest(repository, fallbackTag(image.digest), bytes, mediaType, signal)
  const report = await copy(broken, memoryRig())
  assert.deepEqual([report.referrers, report.leftBehind], [0, []])
})

test('a fallback index that holds something else than its subject is never replaced', async () => {
  const [source, destination] = [memoryRig({ referrers: false }), memoryRig({ referrers: false })]
  const image = await pushImage(source.client)
  await attachBundle(source, image, 'signature')
  const other = await pushImage(destination.client, 'x', 'stranger')
  await copy(source, destination, { name: 'v1', kinds: new Set(['other']) })
  const blobs = manifestText({ annotations: { stranger: other.digest } })
  await destination.client.pushBlob(far, encodeUtf8('{}'), signal)
  await destination.client.pushManifest(far, fallbackTag(image.digest), encodeUtf8(blobs), mediaTypes.ociManifest, signal)
  await assert.rejects(copy(source, destination, { replaceSubjects: true, force: true }), {
    code: 'REFERRERS_TAG_TAKEN',
    message: /want an index of referrers there, it holds/,
  })
})

test('listed manifests and layers that are missing at the source stay behind by name, the rest travels', async () => {
  const [source, destination] = [memoryRig({ referrers: false }), memoryRig({ referrers: false })]
  const image = await pushImage(source.client)
  const kept = await attachBundle(source, image, 'kept')
  const gone = digestOfText('gone')
  const tag = fallbackTag(image.digest)
  const index = JSON.parse(new TextDecoder().decode((await readTag(source.client, repository, tag, signal))!.bytes))
  index.manifests.push({ mediaType: mediaTypes.ociManifest, size: 7, digest: gone })
  await source.client.pushManifest(repository, tag, encodeUtf8(JSON.stringify({ ...index, manifests: [] })), mediaTypes.ociIndex, signal)
  const hollow = {
    client: { ...source.client, fetchManifest: lying(source, tag, encodeUtf8(JSON.stringify(index))) },
    log: [],
    fetch: source.fetch,
  }
  const report = await copy(hollow, destination)
  assert.deepEqual(
    report.leftBehind.map(({ what, of }) => [what, of]),
    [[gone, image.digest]],
  )
  assert.match(report.leftBehind[0]!.reason, /sha256:/)
  const listed = await listReferrers(destination.client, far, image.digest, signal)
  assert.deepEqual(
    listed.map(({ digest }) => digest),
    [kept.digest],
  )
})

test('of an image index that cosign 3 signed into at the fallback tag, the signature travels as a referrer and the images do not', async () => {
  const [source, destination] = [memoryRig({ referrers: false }), memoryRig({ referrers: false })]
  const one = await pushImage(source.client, 'a', 'one')
  const stranger = await pushImage(source.client, 'b', 'two')
  const root = await pushIndex(source, 'v1', [one])
  const signature = await attachBundle(source, root, 'signature')
  await pushIndex(source, fallbackTag(root.digest), [signature.raw, one, stranger])
  const report = await copy(source, destination)
  assert.deepEqual([report.images, report.referrers, report.attached.sig], [2, 1, 1])
  assert.deepEqual(
    report.leftBehind.map(({ what }) => what),
    [stranger.digest],
  )
  assert.match(report.leftBehind[0]!.reason, /its subject is not there, not sha256:/)
  const listed = await listReferrers(destination.client, far, root.digest, signal)
  assert.deepEqual(
    listed.map(({ digest }) => digest),
    [signature.digest],
  )
})

test('a bundle whose layer is absent at the source is not listed at the destination', async () => {
  const [source, destination] = [memoryRig(), memoryRig({ referrers: false })]
  const image = await pushImage(source.client)
  const { digest } = await attachBundle(source, image, 'hollow')
  const layer = digestOfText('hollow')
  const fetchBlob: Rig['client']['fetchBlob'] = (place, descriptor, ...rest) =>
    source.client.fetchBlob(place, descriptor.digest === layer ? { ...descriptor, digest: digestOfText('nowhere') } : descriptor, ...rest)
  const report = await copy({ ...source, client: { ...source.client, fetchBlob } }, destination)
  assert.deepEqual(
    report.leftBehind.map(({ what }) => what),
    [digest],
  )
  assert.deepEqual(await listReferrers(destination.client, far, image.digest, signal), [])
  assert.equal((await destination.client.headManifest(far, 'v1', signal))?.digest, image.digest)
})

test('a child or blob of the image itself that is missing at the source fails the copy, its tag unwritten', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  await stock(source)
  const fetchManifest: Rig['client']['fetchManifest'] = async (place, reference, ...rest) => {
    const fetched = await source.client.fetchManifest(place, reference, ...rest)
    return reference === child ? await source.client.fetchManifest(place, digestOfText('gone'), ...rest) : fetched
  }
  const child = (await source.client.headManifest(repository, 'b', signal))!.digest
  await assert.rejects(copy({ ...source, client: { ...source.client, fetchManifest } }, destination), {
    code: 'IMAGE_NOT_FOUND',
    message: /^manifest r\.example\/demo\/app@sha256:\S+: not found: /,
  })
  assert.deepEqual(writes(destination), [])
})

test('what is chosen by kind travels without the tag', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  const image = await pushImage(source.client)
  const signature = await attachBundle(source, image, 'signature')
  await attachBundle(source, image, 'attestation', 'https://slsa.dev/provenance/v1')
  await addLayer(source, repository, signatureTag(image.digest, 'att'), 'a')
  const resolved = await source.client.resolve({ ...repository, tag: 'v1' }, signal)
  const options = {
    world,
    image: resolved,
    force: false,
    replaceSubjects: false,
    kinds: new Set(['sig'] as const),
    tagPrefix: '',
    maxWorkers: 4,
  }
  await mirror({ client: source.client, repository }, { client: destination.client, repository: far }, options, signal)
  const listed = await listReferrers(destination.client, far, image.digest, signal)
  assert.deepEqual(
    listed.map(({ digest }) => digest),
    [signature.digest],
  )
  assert.deepEqual(await destination.client.listTags(far, signal), [])
})

test('a large blob streams, and one that breaks at the source is told as such', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  const large = new Uint8Array((4 << 20) + 1).fill(7)
  const layer = await source.client.pushBlob(repository, large, signal)
  await source.client.pushBlob(repository, encodeUtf8('{}'), signal)
  const text = manifestText({ layers: [{ mediaType: 'application/octet-stream', ...layer }] })
  await source.client.pushManifest(repository, 'v1', encodeUtf8(text), mediaTypes.ociManifest, signal)
  const streamBlob: Rig['client']['streamBlob'] = async function* () {
    yield large.subarray(0, 100)
    throw new Error('cable pulled')
  }
  await assert.rejects(copy({ ...source, client: { ...source.client, streamBlob } }, destination), /cable pulled/)
  assert.equal(await destination.client.headManifest(far, 'v1', signal), undefined)
  const report = await copy(source, destination)
  assert.equal(report.bytesSent, large.length + 2 + text.length)
})

test('a stray 404 for an image of an index hides the bundles of no other', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  const { root, one } = await stock(source)
  const client = createRegistryClient(async request => {
    const isStray = request.url.pathname.endsWith(`/referrers/${root.digest}`)
    return isStray ? new Response('404 page not found', { status: 404 }) : await source.fetch(request)
  })
  await copy({ ...source, client }, destination)
  assert.equal((await listReferrers(destination.client, far, one.digest, signal)).length, 1)
})

test('requests under way stay within the workers', async () => {
  const [source, destination] = [memoryRig(), memoryRig()]
  const image = await pushImage(source.client)
  for (let count = 0; count < 12; count++) await attachBundle(source, image, `signature ${count}`)
  let [underWay, most] = [0, 0]
  const watched = (client: Rig['client']): Rig['client'] => {
    const watch =
      <A extends unknown[], R>(task: (...args: A) => Promise<R>) =>
      async (...args: A) => {
        most = Math.max(most, ++underWay)
        await new Promise(setImmediate)
        return await task(...args).finally(() => void underWay--)
      }
    return {
      ...client,
      fetchManifest: watch(client.fetchManifest),
      fetchBlob: watch(client.fetchBlob),
      pushBlob: watch(client.pushBlob),
      pushManifest: watch(client.pushManifest),
    }
  }
  await copy({ ...source, client: watched(source.client) }, { ...destination, client: watched(destination.client) }, { maxWorkers: 3 })
  assert.equal(most, 3)
})

/** Serves other bytes under one tag. */
function lying({ client }: Rig, tag: string, bytes: Uint8Array): Rig['client']['fetchManifest'] {
  return async (place, reference, ...rest) => {
    const fetched = await client.fetchManifest(place, reference as OciDigest, ...rest)
    return reference === tag ? { ...fetched, bytes } : fetched
  }
}
