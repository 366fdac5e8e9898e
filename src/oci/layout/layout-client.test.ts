import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFolder } from '../../cli/process/folder.ts'
import { collectBytes } from '../../codec/bytes.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { hexOf, type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { type Built, buildImage, buildIndex, imageManifestType } from '../../testing/image-builder.ts'
import { type MemoryFile, memoryFolder } from '../../testing/memory-folder.ts'
import { attachReferrer } from '../attached/attach-referrer.ts'
import { signatureTag } from '../attached/attached-tag.ts'
import { listReferrers } from '../attached/referrers.ts'
import { appendSignatureLayer, fetchSignatureLayers } from '../attached/signature-tag.ts'
import { listImageTree } from '../image-tree.ts'
import type { RegistryClient } from '../registry-client.ts'
import type { Folder } from './folder.ts'
import { createLayoutClient } from './layout-client.ts'

const root = mkdtempSync(join(tmpdir(), 'countersign-layout-'))
after(() => rmSync(root, { recursive: true }))

let names = 0
const kinds: readonly { readonly where: string; readonly make: () => Folder }[] = [
  { where: 'on disk', make: () => createFolder(join(root, `layout-${names++}`), () => `temporary-${names++}`) },
  { where: 'in memory', make: () => memoryFolder(new Map<string, MemoryFile>(), 'layout') },
]
const signal = AbortSignal.any([])
const place = { registry: 'oci:layout', repository: '' }
const world = {
  now: () => new Date(0),
  sleep: async () => {},
  randomBytes: (length: number) => new Uint8Array(length),
}
const image = buildImage()
const arm = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const index = buildIndex([image, arm])

/** Pushes what was built as a copier does: blobs, children, then the manifest by digest, and under a tag. */
async function push(client: RegistryClient, built: Built, tag?: string): Promise<void> {
  for (const child of built.images) await push(client, child)
  for (const blob of built.blobs.values()) await client.pushBlob(place, blob, signal)
  await client.pushManifest(place, built.digest, built.manifest, built.mediaType, signal)
  if (tag !== undefined) await client.pushManifest(place, tag, built.manifest, built.mediaType, signal)
}

type Listed = { readonly digest: OciDigest; readonly artifactType?: string; readonly annotations?: Readonly<Record<string, string>> }

async function listing(folder: Folder): Promise<readonly Listed[]> {
  return JSON.parse(Buffer.from((await folder.read('index.json', 1 << 20))!).toString()).manifests
}

/** A manifest that refers to another, as bundles are. */
function referrerOf(built: Built, type = 'application/vnd.example.note') {
  const config = encodeUtf8('{}')
  const descriptor = { mediaType: 'application/vnd.oci.empty.v1+json', digest: ociDigestOf(config), size: 2 }
  const subject = { mediaType: built.mediaType, digest: built.digest, size: built.manifest.length }
  const document = { schemaVersion: 2, mediaType: imageManifestType, artifactType: type, config: descriptor, layers: [descriptor], subject }
  return { subject, manifest: encodeUtf8(JSON.stringify(document)), blobs: [config] }
}

const layer = (text: string) => ({
  bytes: encodeUtf8(text),
  mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
  annotations: new Map([['dev.cosignproject.cosign/signature', 'AA==']]),
})

for (const { where, make } of kinds) {
  test(`a layout ${where}: an image comes back as it was pushed`, async () => {
    const folder = make()
    await push(createLayoutClient(folder), image, 'v1')
    const client = createLayoutClient(folder)
    for (const reference of [{ tag: 'v1' }, { digest: image.digest }]) {
      const resolved = await client.resolve({ ...place, ...reference }, signal)
      assert.equal(resolved.digest, image.digest)
      assert.deepEqual(Buffer.from(resolved.manifest.bytes), Buffer.from(image.manifest))
    }
    for (const [digest, blob] of image.blobs) {
      const descriptor = { digest, size: blob.length }
      assert.deepEqual(Buffer.from(await client.fetchBlob(place, descriptor, 1 << 20, signal)), Buffer.from(blob))
      assert.equal((await collectBytes(client.streamBlob(place, descriptor, signal), 1 << 20))!.length, blob.length)
      assert.equal(await client.hasBlob(place, digest, signal), true)
    }
    assert.deepEqual(await client.listTags(place, signal), ['v1'])
    assert.deepEqual(await client.headManifest(place, 'v1', signal), {
      digest: image.digest,
      mediaType: image.mediaType,
      size: image.manifest.length,
    })
    assert.equal(await client.headManifest(place, 'v2', signal), undefined)
    assert.equal(Buffer.from((await folder.read('oci-layout', 100))!).toString(), '{"imageLayoutVersion":"1.0.0"}')
  })

  test(`a layout ${where}: a blob of any size passes through, checked on its way in`, async () => {
    const folder = make()
    const client = createLayoutClient(folder)
    const blob = encodeUtf8('a blob in pieces')
    const open = async function* () {
      yield blob.subarray(0, 7)
      yield blob.subarray(7)
    }
    const source = { digest: ociDigestOf(blob), size: blob.length, open }
    assert.deepEqual(await client.pushBlob(place, source, signal), { digest: source.digest, size: blob.length })
    const other = ociDigestOf(encodeUtf8('other'))
    await assert.rejects(client.pushBlob(place, { ...source, digest: other }, signal), {
      code: 'DIGEST_MISMATCH',
      message: /its bytes have digest sha256:/,
    })
    await assert.rejects(client.pushBlob(place, { ...source, digest: other, size: 5 }, signal), {
      code: 'SIZE_MISMATCH',
      message: /descriptor says 5 bytes/,
    })
    assert.deepEqual(await folder.list('blobs/sha256'), [hexOf(source.digest)])
    const untouched = { ...source, open: () => assert.fail('it is there') }
    assert.equal((await client.pushBlob(place, untouched, signal)).size, blob.length)
  })

  test(`a layout ${where}: what has no name is not listed, so a child of an index that did not come never passes for the image`, async () => {
    const folder = make()
    const client = createLayoutClient(folder)
    await push(client, image)
    assert.equal(await folder.read('index.json', 1 << 20), undefined)
    await push(client, index, 'v1')
    assert.deepEqual(
      (await listing(folder)).map(entry => [entry.digest, entry.annotations?.['org.opencontainers.image.ref.name']]),
      [[index.digest, 'v1']],
    )
    const tree = await listImageTree(client, place, await client.resolve({ ...place, digest: index.digest }, signal), signal)
    assert.deepEqual(
      tree.map(node => node.descriptor.digest),
      [index.digest, image.digest, arm.digest],
    )
  })

  test(`a layout ${where}: signatures and attestations of the image have cosign's marks, those of its children none`, async () => {
    const folder = make()
    const client = createLayoutClient(folder)
    await push(client, index)
    const append = (digest: OciDigest, suffix: 'sig' | 'att' | 'sbom') =>
      appendSignatureLayer(client, world, place, signatureTag(digest, suffix), layer(suffix), {}, signal)
    await append(arm.digest, 'sig')
    await append(index.digest, 'sig')
    await client.pushManifest(place, 'v1', index.manifest, index.mediaType, signal)
    await append(index.digest, 'att')
    await append(index.digest, 'sbom')
    const marks = (await listing(folder)).map(({ annotations }) => [
      annotations?.['org.opencontainers.image.ref.name'],
      annotations?.['kind'],
    ])
    assert.deepEqual(marks, [
      ['v1', 'dev.cosignproject.cosign/imageIndex'],
      [signatureTag(arm.digest, 'sig'), undefined],
      [signatureTag(index.digest, 'sig'), 'dev.cosignproject.cosign/sigs'],
      [signatureTag(index.digest, 'att'), 'dev.cosignproject.cosign/atts'],
      [signatureTag(index.digest, 'sbom'), undefined],
    ])
    await append(index.digest, 'sig') // the same again changes nothing
    assert.equal((await fetchSignatureLayers(client, place, signatureTag(index.digest, 'sig'), signal)).length, 1)
  })

  test(`a layout ${where}: referrers are listed where oras looks, and found where cosign leaves them`, async () => {
    const folder = make()
    const client = createLayoutClient(folder)
    await push(client, image, 'v1')
    assert.deepEqual(await listReferrers(client, place, image.digest, signal), [])
    const { digest } = await attachReferrer(client, world, place, referrerOf(image), signal)
    const [found] = await listReferrers(client, place, image.digest, signal)
    assert.deepEqual([found?.digest, found?.artifactType], [digest, 'application/vnd.example.note'])
    assert.deepEqual(
      (await listing(folder)).map(entry => [entry.digest, entry.artifactType, entry.annotations?.['kind']]),
      [
        [image.digest, undefined, 'dev.cosignproject.cosign/image'],
        [digest, 'application/vnd.example.note', undefined],
      ],
    )
    await folder.write('index.json', encodeUtf8(JSON.stringify({ schemaVersion: 2, manifests: [] })))
    assert.equal((await listReferrers(createLayoutClient(folder), place, image.digest, signal)).length, 1)
  })

  test(`a layout ${where}: a tag moves, and its signatures' marks move with it`, async () => {
    const folder = make()
    const client = createLayoutClient(folder)
    await push(client, image, 'v1')
    await appendSignatureLayer(client, world, place, signatureTag(image.digest, 'sig'), layer('a'), {}, signal)
    await push(client, arm, 'v1')
    const marks = (await listing(folder)).map(entry => [entry.digest, entry.annotations?.['kind']])
    assert.deepEqual(marks[0], [arm.digest, 'dev.cosignproject.cosign/image'])
    assert.equal(marks[1]![1], undefined)
    assert.equal((await client.resolve({ ...place, tag: 'v1' }, signal)).digest, arm.digest)
    assert.equal((await client.resolve({ ...place, digest: image.digest }, signal)).digest, image.digest)
  })

  test(`a layout ${where}: a tag or a manifest is deleted`, async () => {
    const folder = make()
    const client = createLayoutClient(folder)
    await push(client, image, 'v1')
    await client.pushManifest(place, 'v2', image.manifest, image.mediaType, signal)
    const { digest } = await attachReferrer(client, world, place, referrerOf(image), signal)
    assert.equal(await client.deleteManifest(place, 'v1', signal), true)
    assert.equal(await client.deleteManifest(place, 'v1', signal), false)
    assert.equal((await client.resolve({ ...place, digest: image.digest }, signal)).digest, image.digest)
    assert.equal((await listReferrers(client, place, image.digest, signal)).length, 1)
    assert.equal(await client.deleteManifest(place, digest, signal), true)
    assert.deepEqual(await listReferrers(client, place, image.digest, signal), [])
    assert.equal(await client.deleteManifest(place, image.digest, signal), true)
    assert.deepEqual(await client.listTags(place, signal), [])
    await assert.rejects(client.fetchManifest(place, image.digest, signal), { code: 'IMAGE_NOT_FOUND', message: /there is no file blobs/ })
  })

  test(`a layout ${where}: a precondition that no longer holds stops a push, and the answer never claims it was atomic`, async () => {
    const client = createLayoutClient(make())
    await push(client, image)
    const put = (built: Built, precondition: Parameters<RegistryClient['pushManifest']>[5]) =>
      client.pushManifest(place, 'v1', built.manifest, built.mediaType, signal, precondition)
    assert.equal((await put(image, 'absent')).conditional, false)
    await assert.rejects(put(arm, 'absent'), { code: 'MANIFEST_CHANGED', message: new RegExp(`it holds ${image.digest} by now`) })
    await assert.rejects(put(arm, { etag: `"${arm.digest}"` }), { code: 'MANIFEST_CHANGED', message: /it holds \S+ by now$/ })
    const { etag } = await client.fetchManifest(place, 'v1', signal)
    await put(arm, { etag: etag! })
    assert.equal((await client.fetchManifest(place, 'v1', signal)).digest, arm.digest)
  })

  test(`a layout ${where}: entries of others keep every member, and pushes at once lose none`, async () => {
    const folder = make()
    const strange = { digest: arm.digest, size: arm.manifest.length, mediaType: arm.mediaType, data: 'e30=', urls: ['https://x'] }
    await folder.write('oci-layout', encodeUtf8('{"imageLayoutVersion": "1.0.0"}'))
    const document = { schemaVersion: 2, annotations: { a: 'b' }, 'x-own': [1], manifests: [strange] }
    await folder.write('index.json', encodeUtf8(JSON.stringify(document)))
    const client = createLayoutClient(folder)
    await Promise.all(['a', 'b', 'c', 'd'].map(tag => client.pushManifest(place, tag, image.manifest, image.mediaType, signal)))
    const written = JSON.parse(Buffer.from((await folder.read('index.json', 1 << 20))!).toString())
    assert.deepEqual(written.annotations, { a: 'b' })
    assert.deepEqual(written['x-own'], [1])
    assert.deepEqual({ ...strange, ...written.manifests[0] }, written.manifests[0])
    assert.deepEqual((await client.listTags(place, signal)).toSorted(), ['a', 'b', 'c', 'd'])
  })
}
