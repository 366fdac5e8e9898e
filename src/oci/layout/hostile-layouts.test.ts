import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectBytes } from '../../codec/bytes.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { hexOf, type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { buildImage } from '../../testing/image-builder.ts'
import { type MemoryFile, memoryFolder } from '../../testing/memory-folder.ts'
import { listReferrers } from '../attached/referrers.ts'
import { listImageTree } from '../image-tree.ts'
import { createLayoutClient } from './layout-client.ts'

const signal = AbortSignal.any([])
const place = { registry: 'oci:layout', repository: '' }
const image = buildImage()
const [blobDigest, blob] = [...image.blobs][0]!
const entry = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length }
const tagged = (tag: string) => ({ annotations: { 'org.opencontainers.image.ref.name': tag } })
const marker = '{"imageLayoutVersion":"1.0.0"}'

type Files = Readonly<Record<string, string | Uint8Array>>

/** A layout with the image under `v1`, and other files in place of its own. */
function clientOf(files: Files = {}, entries: readonly object[] = [{ ...entry, ...tagged('v1') }]) {
  const all: Files = {
    'oci-layout': marker,
    'index.json': JSON.stringify({ schemaVersion: 2, manifests: entries }),
    [pathOf(image.digest)]: image.manifest,
    ...Object.fromEntries([...image.blobs].map(([digest, bytes]) => [pathOf(digest), bytes])),
    ...files,
  }
  const disk = new Map<string, MemoryFile>()
  for (const [path, data] of Object.entries(all))
    disk.set(`layout/${path}`, { data: typeof data === 'string' ? encodeUtf8(data) : data, mode: 0o644 })
  return createLayoutClient(memoryFolder(disk, 'layout'))
}

function pathOf(digest: OciDigest): string {
  return `blobs/sha256/${hexOf(digest)}`
}

for (const { name, files, entries, code, message } of [
  {
    name: 'a tag of two manifests, of which some tools take the first and some the last',
    entries: [
      { ...entry, ...tagged('v1') },
      { ...entry, digest: blobDigest, ...tagged('v1') },
    ],
    code: 'LAYOUT_MALFORMED',
    message: /^index\.json: want one manifest of tag v1, got sha256:[0-9a-f]{64} and sha256:[0-9a-f]{64}$/,
  },
  { name: 'no file oci-layout', files: { 'oci-layout': '' }, code: 'LAYOUT_MALFORMED', message: /oci-layout: not JSON/ },
  {
    name: 'another version',
    files: { 'oci-layout': '{"imageLayoutVersion":"2.0.0"}' },
    code: 'LAYOUT_MALFORMED',
    message: /want an OCI image layout of version 1\.0\.0, got "2\.0\.0"$/,
  },
  {
    name: 'no version',
    files: { 'oci-layout': '{}' },
    code: 'LAYOUT_MALFORMED',
    message: /imageLayoutVersion: want a string, got nothing$/,
  },
  {
    name: 'a marker without end',
    files: { 'oci-layout': ' '.repeat(5000) },
    code: 'LIMIT_EXCEEDED',
    message: /oci-layout": want at most 4096 bytes$/,
  },
  { name: 'an index that is no JSON', files: { 'index.json': '{' }, code: 'MANIFEST_MALFORMED', message: /index\.json: not JSON/ },
  {
    name: 'an image manifest in place of the index',
    files: { 'index.json': image.manifest },
    code: 'LAYOUT_MALFORMED',
    message: /index\.json: want an index, got "application\/vnd\.oci\.image\.manifest/,
  },
  {
    name: 'an index that is image and index',
    files: { 'index.json': JSON.stringify({ schemaVersion: 2, manifests: [], layers: [] }) },
    code: 'MANIFEST_MALFORMED',
    message: /an index must have no member "layers"$/,
  },
  {
    name: 'an index of 5 MiB',
    files: { 'index.json': ' '.repeat(5 << 20) },
    code: 'LIMIT_EXCEEDED',
    message: /index\.json": want at most 4194304 bytes$/,
  },
  {
    name: 'an index of 1001 entries',
    entries: Array.from({ length: 1001 }, () => entry),
    code: 'LIMIT_EXCEEDED',
    message: /manifests: want at most 1000 items, got 1001$/,
  },
  {
    name: 'a digest that leaves the folder',
    entries: [{ ...entry, digest: 'sha256:../../../../../../../etc/passwd', ...tagged('v1') }],
    code: 'MANIFEST_MALFORMED',
    message: /digest: want sha256: and 64 hex digits, got "sha256:\.\.\/\.\./,
  },
  {
    name: 'a digest of another algorithm',
    entries: [{ ...entry, digest: `sha512:${'a'.repeat(128)}`, ...tagged('v1') }],
    code: 'MANIFEST_MALFORMED',
    message: /digest: want sha256:/,
  },
  {
    name: 'a wrong size',
    entries: [{ ...entry, size: 1, ...tagged('v1') }],
    code: 'SIZE_MISMATCH',
    message: /index\.json says 1 bytes, the file has \d+$/,
  },
  {
    name: 'a wrong media type',
    entries: [{ ...entry, mediaType: 'application/vnd.oci.image.index.v1+json', ...tagged('v1') }],
    code: 'MANIFEST_MALFORMED',
    message: /listed as "application\/vnd\.oci\.image\.index\.v1\+json", but calls itself/,
  },
  {
    name: 'a manifest of other bytes',
    files: { [pathOf(image.digest)]: buildImage({ layers: [] }).manifest },
    code: 'DIGEST_MISMATCH',
    message: /the file holds bytes with digest sha256:/,
  },
  {
    name: 'a manifest of 5 MiB',
    files: { [pathOf(image.digest)]: new Uint8Array(5 << 20) },
    code: 'LIMIT_EXCEEDED',
    message: /want at most 4194304 bytes$/,
  },
  { name: 'a tag that nothing has', entries: [], code: 'IMAGE_NOT_FOUND', message: /layout:v1: index\.json names no such tag$/ },
] as readonly { name: string; files?: Files; entries?: readonly object[]; code: string; message: RegExp }[])
  test(`a hostile layout is refused: ${name}`, async () => {
    await assert.rejects(clientOf(files, entries).resolve({ ...place, tag: 'v1' }, signal), { code, message })
  })

test('a layout without oci-layout, or without anything, is refused', async () => {
  const disk = new Map([['layout/index.json', { data: encodeUtf8('{"schemaVersion":2,"manifests":[]}'), mode: 0o644 }]])
  const client = createLayoutClient(memoryFolder(disk, 'layout'))
  await assert.rejects(client.resolve({ ...place, tag: 'v1' }, signal), {
    code: 'LAYOUT_MALFORMED',
    message: /it has index\.json, but no file oci-layout/,
  })
  await assert.rejects(createLayoutClient(memoryFolder(new Map(), 'empty')).listTags(place, signal), {
    code: 'IMAGE_NOT_FOUND',
    message: /layout "empty": there is no image layout/,
  })
})

for (const { name, bytes, code, message } of [
  { name: 'other bytes', bytes: blob.map(byte => byte ^ 1), code: 'DIGEST_MISMATCH', message: /digest sha256:/ },
  { name: 'fewer bytes', bytes: blob.subarray(1), code: 'SIZE_MISMATCH', message: /descriptor says \d+ bytes/ },
  { name: 'more bytes', bytes: Buffer.concat([blob, blob]), code: 'SIZE_MISMATCH', message: /descriptor says \d+ bytes/ },
])
  test(`a blob of ${name} than its digest says is refused, whole and in pieces`, async () => {
    const client = clientOf({ [pathOf(blobDigest)]: Uint8Array.from(bytes) })
    const descriptor = { digest: blobDigest, size: blob.length }
    await assert.rejects(client.fetchBlob(place, descriptor, 1 << 20, signal), { code, message })
    await assert.rejects(collectBytes(client.streamBlob(place, descriptor, signal), 1 << 20), { code, message })
  })

test('a blob that is not there, or is larger than it may be, is refused before it is read', async () => {
  const client = clientOf()
  const missing = { digest: ociDigestOf(encodeUtf8('missing')), size: 7 }
  await assert.rejects(client.fetchBlob(place, missing, 10, signal), { code: 'BLOB_NOT_FOUND', message: /there is no file blobs\/sha256/ })
  await assert.rejects(collectBytes(client.streamBlob(place, missing, signal), 10), {
    code: 'BLOB_NOT_FOUND',
    message: /there is no file blobs\/sha256\/[0-9a-f]{64}$/,
  })
  await assert.rejects(client.fetchBlob(place, { digest: blobDigest, size: blob.length }, 10, signal), {
    code: 'LIMIT_EXCEEDED',
    message: /want at most 10 bytes, its descriptor says \d+$/,
  })
})

test('a push repairs a file that has other bytes than its name says', async () => {
  const client = clientOf({ [pathOf(blobDigest)]: blob.map(byte => byte ^ 1), [pathOf(image.digest)]: image.manifest.subarray(1) })
  await client.pushBlob(place, blob, signal)
  await client.pushManifest(place, 'v1', image.manifest, image.mediaType, signal)
  assert.equal((await client.fetchBlob(place, { digest: blobDigest, size: blob.length }, 1 << 20, signal)).length, blob.length)
  assert.equal((await client.resolve({ ...place, tag: 'v1' }, signal)).digest, image.digest)
})

test('indexes inside each other end: no digest can be its own', async () => {
  const depths: OciDigest[] = []
  const files: Record<string, Uint8Array> = {}
  let inner: object = entry
  for (let depth = 0; depth < 6; depth++) {
    const bytes = encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [inner] }))
    depths.push(ociDigestOf(bytes))
    files[pathOf(depths.at(-1)!)] = bytes
    inner = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: depths.at(-1)!, size: bytes.length }
  }
  const circle = encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [inner] }))
  const client = clientOf({ ...files, [pathOf(depths[0]!)]: circle }, [])
  const deep = await client.resolve({ ...place, digest: depths.at(-1)! }, signal)
  await assert.rejects(listImageTree(client, place, deep, signal), { code: 'LIMIT_EXCEEDED', message: /indexes at most 4 deep$/ })
  await assert.rejects(client.resolve({ ...place, digest: depths[0]! }, signal), {
    code: 'DIGEST_MISMATCH',
    message: /the file holds bytes with digest sha256:/,
  })
})

test('a search for referrers passes over what is no manifest, and reports what lies about its digest when it is fetched', async () => {
  const referrer = { schemaVersion: 2, config: entry, layers: [], subject: entry }
  const lie = ociDigestOf(encodeUtf8('a lie'))
  const client = clientOf({
    'blobs/sha256/not-a-digest': '{"subject":1}',
    [pathOf(ociDigestOf(encodeUtf8('1')))]: '{"subject":',
    [pathOf(ociDigestOf(encodeUtf8('2')))]: `{"subject":${JSON.stringify(entry)}}`,
    [pathOf(ociDigestOf(encodeUtf8('3')))]: new Uint8Array(5 << 20).fill(0x7b),
    [pathOf(ociDigestOf(encodeUtf8('4')))]: '',
    [pathOf(lie)]: JSON.stringify(referrer),
  })
  const found = await listReferrers(client, place, image.digest, signal)
  assert.deepEqual(
    found.map(({ digest }) => digest),
    [lie],
  )
  await assert.rejects(client.fetchManifest(place, lie, signal), { code: 'DIGEST_MISMATCH', message: /the file holds bytes with digest/ })
})

test('a search for referrers is bounded', async () => {
  const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, at) => [pathOf(ociDigestOf(encodeUtf8(`${at}`))), '']))
  await assert.rejects(listReferrers(clientOf(many), place, image.digest, signal), {
    code: 'LIMIT_EXCEEDED',
    message: /want at most 20000 files to look for referrers in, got \d+$/,
  })
  const large = encodeUtf8(`{${' '.repeat((4 << 20) - 1)}`)
  const heavy = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [pathOf(ociDigestOf(encodeUtf8(`${at}`))), large]))
  await assert.rejects(listReferrers(clientOf(heavy), place, image.digest, signal), {
    code: 'LIMIT_EXCEEDED',
    message: /want at most 268435456 bytes to look for referrers in$/,
  })
})

for (const { name, reference, code, message } of [
  {
    name: 'a tag that is a path',
    reference: '../../x',
    code: 'REFERENCE_MALFORMED',
    message: /want a tag or digest, got "\.\.\/\.\.\/x"$/,
  },
  { name: 'another digest', reference: blobDigest, code: 'DIGEST_MISMATCH', message: /the bytes to push have digest sha256:/ },
])
  test(`a push under ${name} is refused`, async () => {
    const client = clientOf()
    await assert.rejects(client.pushManifest(place, reference, image.manifest, image.mediaType, signal), { code, message })
    if (reference !== blobDigest) await assert.rejects(client.fetchManifest(place, reference, signal), { code, message })
  })

test('a push into a layout of another version writes nothing', async () => {
  const client = clientOf({ 'oci-layout': '{"imageLayoutVersion":"1.1.0"}' })
  const other = buildImage({ layers: [] })
  await assert.rejects(client.pushManifest(place, 'v2', other.manifest, other.mediaType, signal), {
    code: 'LAYOUT_MALFORMED',
    message: /want an OCI image layout of version 1\.0\.0, got "1\.1\.0"$/,
  })
  assert.equal(await client.hasBlob(place, other.digest, signal), false)
})

test('a push into a layout with 1000 entries leaves it readable', async () => {
  const entries = Array.from({ length: 1000 }, (_, at) => ({ ...entry, ...tagged(`v${at + 1}`) }))
  const client = clientOf({}, entries)
  await assert.rejects(client.pushManifest(place, 'v1001', image.manifest, image.mediaType, signal), {
    code: 'LIMIT_EXCEEDED',
    message: /index\.json: want at most 1000 entries/,
  })
  assert.equal((await client.resolve({ ...place, tag: 'v1000' }, signal)).digest, image.digest)
})
