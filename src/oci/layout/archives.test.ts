import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { collectBytes } from '../../codec/bytes.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { hexOf, ociDigestOf } from '../../formats/oci-digest.ts'
import { buildImage } from '../../testing/image-builder.ts'
import { encodeTar, paxHeader, type TarEntry } from '../../testing/tar.ts'
import { parseManifest } from '../manifest.ts'
import { openArchiveFolder } from './archive-folder.ts'
import { openDockerArchive } from './docker-archive.ts'
import type { Folder } from './folder.ts'
import { createLayoutClient } from './layout-client.ts'
import { imagesOf } from './layout-entries.ts'
import { readLayoutIndex } from './layout-index.ts'

const signal = AbortSignal.any([])
const place = { registry: 'oci-archive:a.tar', repository: '' }
const image = buildImage()

function open(archive: Uint8Array): Promise<Folder> {
  const stream = async function* ({ start, end }: { start: number; end: number }) {
    for (const part of [archive.subarray(start, start + 1), archive.subarray(start + 1, end)])
      if (part.length > 0 && end > start) yield part
  }
  return openArchiveFolder({ name: 'a.tar', stream }, signal)
}

const file = (path: string, content: string | Uint8Array): TarEntry => ({ type: 'file', path, content })
const special = (flag: string, content: string | Uint8Array): TarEntry => ({ type: 'special', flag, path: 'special', content })
const long = `${'folder/'.repeat(40)}file`

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString()
}

for (const { name, entries, path = 'a/b', content = 'text' } of [
  { name: 'a file', entries: [file('a/b', 'text')] },
  { name: 'with a dot in front', entries: [{ type: 'directory', path: './' }, file('./a/b', 'text')] },
  { name: 'an empty file', entries: [file('a/b', '')], content: '' },
  { name: 'after a file of one block', entries: [file('first', new Uint8Array(512)), file('a/b', 'text')] },
  { name: 'a long name of pax', entries: [paxHeader({ path: long }), file('cut', 'text'), file('a', 'other')], path: long },
  { name: 'a long name of GNU', entries: [special('L', `${long}\0`), file('cut', 'text'), file('a', 'other')], path: long },
  { name: 'a size of pax', entries: [paxHeader({ size: '4', mtime: '1.5' }), file('a/b', 'text')] },
  { name: 'a global header', entries: [special('g', '19 comment=archive\n'), file('a/b', 'text')] },
  { name: 'a symbolic link', entries: [{ type: 'symlink', path: 'a/b', target: '../c/d' }, file('c/d', 'text')] },
  { name: 'a hard link', entries: [file('c/d', 'text'), { type: 'hardlink', path: 'a/b', target: 'c/d' }] },
  {
    name: 'a link with a long name',
    entries: [file(long, 'text'), paxHeader({ linkpath: long }), { type: 'hardlink', path: 'a/b', target: 'cut' }],
  },
  { name: 'devices between', entries: [special('3', ''), special('6', ''), file('a/b', 'text')] },
] as readonly { name: string; entries: readonly TarEntry[]; path?: string; content?: string }[])
  test(`an archive is read in place: ${name}`, async () => {
    const folder = await open(encodeTar(entries.flatMap(entry => withLongName(entry))))
    assert.equal(textOf(await folder.read(path, 10)), content)
    assert.equal(await folder.size(path), content.length)
    assert.equal(textOf((await collectBytes(folder.stream(path), 10))!), content)
    assert.equal(textOf((await collectBytes(folder.stream(path, { start: 1, end: 3 }), 10))!), content.slice(1, 3))
    assert.equal(await folder.size('a/c'), undefined)
    assert.equal(await folder.read('a/c', 10), undefined)
    await assert.rejects(collectBytes(folder.stream('a/c'), 10), { code: 'FILE_UNREADABLE', message: /there is no file "a\/c"$/ })
  })

/** A name that is longer than ustar holds, by way of pax. */
function withLongName(entry: TarEntry): readonly TarEntry[] {
  return entry.path.length > 255 ? [paxHeader({ path: entry.path }), { ...entry, path: 'cut' }] : [entry]
}

const whole = encodeTar([file('a', 'text')])
const edited = (at: number, byte: number) => Uint8Array.from(whole, (old, index) => (index === at ? byte : old))

for (const { name, archive, code = 'LAYOUT_MALFORMED', message } of [
  { name: 'no bytes', archive: new Uint8Array(), message: /got a file that is cut off at byte 0$/ },
  { name: 'compressed', archive: Uint8Array.from(gzipSync(whole)), message: /got one that is compressed$/ },
  { name: 'another format', archive: encodeUtf8('PK'.repeat(512)), message: /checksum|octal/ },
  { name: 'a changed header', archive: edited(0, 0x62), message: /a header whose checksum is wrong$/ },
  { name: 'cut off in a header', archive: whole.subarray(0, 100), message: /cut off at byte 100$/ },
  { name: 'cut off after a file', archive: whole.subarray(0, 1024), message: /cut off at byte 1024$/ },
  { name: 'cut off within a file', archive: whole.subarray(0, 514), message: /cut off at byte 1024$/ },
  { name: 'a file twice', archive: encodeTar([file('a', '1'), file('./a', '2')]), message: /it holds "a" twice$/ },
  {
    name: 'a file and a link of one name',
    archive: encodeTar([file('a', '1'), { type: 'symlink', path: 'a', target: 'b' }]),
    message: /it holds "a" twice$/,
  },
  { name: 'a path that leaves it', archive: encodeTar([file('../a', '1')]), code: 'PATH_ESCAPES', message: /stay in it, got "\.\.\/a"$/ },
  { name: 'an absolute path', archive: encodeTar([file('/etc/passwd', '1')]), code: 'PATH_ESCAPES', message: /got "\/etc\/passwd"$/ },
  {
    name: 'a symbolic link that leaves it (GHSA-8xwf-rjm4-xvhv)',
    archive: encodeTar([{ type: 'symlink', path: 'blobs/sha256/a', target: '../../../secret' }]),
    code: 'PATH_ESCAPES',
    message: /got "\.\.\/\.\.\/\.\.\/secret"$/,
  },
  {
    name: 'an absolute symbolic link (GHSA-8xwf-rjm4-xvhv)',
    archive: encodeTar([{ type: 'symlink', path: 'a', target: '/etc/passwd' }]),
    code: 'PATH_ESCAPES',
    message: /got "\/etc\/passwd"$/,
  },
  {
    name: 'a hard link that leaves it (GHSA-fxhp-mv3v-67qp)',
    archive: encodeTar([{ type: 'hardlink', path: 'a/b', target: '../secret' }]),
    code: 'PATH_ESCAPES',
    message: /got "\.\.\/secret"$/,
  },
  {
    name: 'an escape by pax',
    archive: encodeTar([paxHeader({ path: '../../a' }), file('a', '1')]),
    code: 'PATH_ESCAPES',
    message: /got "\.\.\/\.\.\/a"$/,
  },
  { name: 'a sparse file', archive: encodeTar([special('S', '')]), message: /got a sparse one$/ },
  { name: 'a sparse file of pax', archive: encodeTar([paxHeader({ 'GNU.sparse.major': '1' }), file('a', '1')]), message: /sparse one$/ },
  { name: 'a global path', archive: encodeTar([special('g', '10 path=b\n'), file('a', '1')]), message: /global header has a path/ },
  { name: 'a pax header of a wrong length', archive: encodeTar([special('x', '99 path=b\n')]), message: /extended header: want LENGTH/ },
  { name: 'a negative pax size', archive: encodeTar([paxHeader({ size: '-1' }), file('a', '1')]), message: /size: want a decimal/ },
  {
    name: 'a pax size past the end',
    archive: encodeTar([paxHeader({ size: '999999999999999' }), file('a', '1')]),
    message: /cut off at byte/,
  },
  {
    name: 'a long extended header',
    archive: encodeTar([special('x', new Uint8Array(70_000))]),
    code: 'LIMIT_EXCEEDED',
    message: /at most 65536/,
  },
  {
    name: '20,001 entries',
    archive: encodeTar(Array.from({ length: 20_001 }, (_, at) => ({ type: 'directory', path: `${at}` }))),
    code: 'LIMIT_EXCEEDED',
    message: /want at most 20000 entries$/,
  },
])
  test(`an archive is refused: ${name}`, async () => {
    await assert.rejects(open(archive), { code, message })
  })

test('links that lead to nothing, or to each other, are no files', async () => {
  const folder = await open(
    encodeTar([
      { type: 'symlink', path: 'a', target: 'b' },
      { type: 'symlink', path: 'b', target: 'a' },
      { type: 'hardlink', path: 'c', target: 'nothing' },
    ]),
  )
  for (const path of ['a', 'b', 'c']) assert.equal(await folder.size(path), undefined, path)
})

test('oci-archive: an image in a tar of a layout, which nothing is written into', async () => {
  const entry = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length }
  const blobs = [[image.digest, image.manifest] as const, ...image.blobs]
  const folder = await open(
    encodeTar([
      file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
      file('index.json', JSON.stringify({ schemaVersion: 2, manifests: [entry] })),
      ...blobs.map(([digest, bytes]) => file(`blobs/sha256/${hexOf(digest)}`, bytes)),
    ]),
  )
  const client = createLayoutClient(folder)
  const resolved = await client.resolve({ ...place, digest: image.digest }, signal)
  for (const [digest, bytes] of image.blobs)
    assert.equal((await client.fetchBlob(place, { digest, size: bytes.length }, 1 << 20, signal)).length, bytes.length)
  assert.deepEqual((await folder.list('blobs/sha256')).toSorted(), blobs.map(([digest]) => hexOf(digest)).toSorted())
  const refusal = { code: 'CAPABILITY_MISSING', message: /archive "a\.tar": it can be read only; .* goes into a folder, oci:DIR$/ }
  await assert.rejects(client.pushBlob(place, encodeUtf8('new'), signal), refusal)
  await assert.rejects(client.pushManifest(place, 'v1', image.manifest, image.mediaType, signal), refusal)
  await assert.rejects(client.deleteManifest(place, resolved.digest, signal), refusal)
})

const layers = ['first layer', 'second layer'].map(content => encodeTar([file('a', content)]))
const config = encodeUtf8(JSON.stringify({ os: 'linux', rootfs: { type: 'layers', diff_ids: layers.map(ociDigestOf) } }))
const listed = (
  paths: readonly string[],
  names: readonly string[] | null = ['r.example/app:v1', 'busybox:latest'],
  Config = 'config.json',
) => file('manifest.json', JSON.stringify([{ Config, RepoTags: names, Layers: paths }]))

async function openDocker(entries: readonly TarEntry[]) {
  const folder = await openDockerArchive(await open(encodeTar(entries)), signal)
  const index = await readLayoutIndex(folder)
  const client = createLayoutClient(folder)
  const [entry] = imagesOf(index!)
  const manifest = parseManifest(await client.fetchManifest(place, entry!.digest, signal), 'manifest')
  return { folder, index: index!, client, manifest, digest: entry!.digest }
}

test('docker-archive: an older archive has the manifest that it implies, the same each time', async () => {
  const entries = [
    file('config.json', config),
    file('0/layer.tar', layers[0]!),
    file('1/layer.tar', layers[1]!),
    listed(['0/layer.tar', '1/layer.tar']),
  ]
  const { index, client, manifest, digest, folder } = await openDocker(entries)
  assert.equal((await openDocker(entries.toReversed())).digest, digest)
  assert.ok(manifest.kind === 'image')
  assert.equal(manifest.config.mediaType, 'application/vnd.oci.image.config.v1+json')
  assert.deepEqual(
    manifest.layers.map(layer => [layer.mediaType, layer.digest]),
    layers.map(layer => ['application/vnd.oci.image.layer.v1.tar', ociDigestOf(layer)]),
  )
  for (const [at, layer] of manifest.layers.entries())
    assert.deepEqual(Buffer.from((await collectBytes(client.streamBlob(place, layer, signal), 1 << 20))!), Buffer.from(layers[at]!))
  assert.equal((await client.fetchBlob(place, manifest.config, 1 << 20, signal)).length, config.length)
  assert.deepEqual(
    index.entries.map(entry => Object.fromEntries(entry.annotations ?? [])),
    [
      { 'io.containerd.image.name': 'r.example/app:v1', 'org.opencontainers.image.ref.name': 'v1' },
      { 'io.containerd.image.name': 'index.docker.io/library/busybox:latest', 'org.opencontainers.image.ref.name': 'latest' },
    ],
  )
  assert.equal((await folder.list('blobs/sha256')).length, 4)
})

test('docker-archive: compressed layers, as crane leaves them, keep their own digests', async () => {
  const compressed = layers.map(layer => Uint8Array.from(gzipSync(layer)))
  const { manifest, client } = await openDocker([
    listed(['0.tar.gz', '1.tar.gz'], null, 'sha256:config'),
    ...compressed.map((layer, at) => file(`${at}.tar.gz`, layer)),
    file('sha256:config', config),
  ])
  assert.ok(manifest.kind === 'image')
  for (const [at, layer] of manifest.layers.entries()) {
    assert.deepEqual([layer.mediaType, layer.digest], ['application/vnd.oci.image.layer.v1.tar+gzip', ociDigestOf(compressed[at]!)])
    assert.equal((await client.fetchBlob(place, layer, 1 << 20, signal)).length, compressed[at]!.length)
  }
})

test('docker-archive: a layer that is named again and again is read once', async () => {
  const layer = Uint8Array.of(0x1f, 0x8b, ...new Uint8Array(100_000))
  const config = encodeUtf8(JSON.stringify({ rootfs: { diff_ids: Array.from({ length: 500 }, () => ociDigestOf(layer)) } }))
  const listing = encodeUtf8(JSON.stringify([1, 2].map(() => ({ Config: 'c', Layers: Array.from({ length: 500 }, () => 'l') }))))
  const files = { c: config, l: layer, 'manifest.json': listing }
  const tar = encodeTar(Object.entries(files).map(([path, content]) => ({ type: 'file', path, content })))
  let bytesRead = 0
  const stream = async function* ({ start, end }: { readonly start: number; readonly end: number }) {
    const piece = tar.subarray(start, end)
    bytesRead += piece.length
    yield piece
  }
  await openDockerArchive(await openArchiveFolder({ name: 'a.tar', stream }, signal), signal)
  assert.ok(bytesRead < 3 * tar.length, `${bytesRead} bytes were read of ${tar.length}`)
})

test('docker-archive: a layer that two images share is a link in the archive', async () => {
  const { manifest, client } = await openDocker([
    file('config.json', config),
    file('0/layer.tar', layers[0]!),
    file('other/layer.tar', layers[1]!),
    { type: 'symlink', path: '1/layer.tar', target: '../other/layer.tar' },
    listed(['0/layer.tar', '1/layer.tar']),
  ])
  assert.ok(manifest.kind === 'image')
  assert.equal((await client.fetchBlob(place, manifest.layers[1]!, 1 << 20, signal)).length, layers[1]!.length)
})

test('docker-archive: a layer of other bytes than the config says is refused when it is read', async () => {
  const { manifest, client } = await openDocker([
    file('config.json', config),
    file('0/layer.tar', layers[0]!),
    file('1/layer.tar', layers[0]!),
    listed(['0/layer.tar', '1/layer.tar']),
  ])
  assert.ok(manifest.kind === 'image')
  await assert.rejects(client.fetchBlob(place, manifest.layers[1]!, 1 << 20, signal), { code: /^(SIZE|DIGEST)_MISMATCH$/ })
})

test('docker-archive: one of Docker 25 or later is the layout in it', async () => {
  const entry = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length }
  const { digest } = await openDocker([
    file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    file('index.json', JSON.stringify({ schemaVersion: 2, manifests: [entry] })),
    file(`blobs/sha256/${hexOf(image.digest)}`, image.manifest),
    file('manifest.json', '[]'),
  ])
  assert.equal(digest, image.digest)
})

for (const { name, entries, message } of [
  { name: 'neither index nor listing', entries: [file('a', '')], message: /it has neither index\.json nor manifest\.json$/ },
  { name: 'a listing that is no list', entries: [file('manifest.json', '{}')], message: /manifest\.json: want an array/ },
  { name: 'no config', entries: [listed([])], message: /the config "config\.json" that manifest\.json names is not there$/ },
  {
    name: 'a config elsewhere',
    entries: [listed([], [], '../../etc/passwd')],
    message: /the config "\.\.\/\.\.\/etc\/passwd" that manifest\.json names is not there$/,
  },
  {
    name: 'a layer less',
    entries: [listed(['0']), file('0', ''), file('config.json', config)],
    message: /as many layers as config .* 2, got 1$/,
  },
  {
    name: 'no layer',
    entries: [listed(['0', '1']), file('config.json', config)],
    message: /the layer "0" that manifest\.json names is not there$/,
  },
  { name: 'a config without layers', entries: [listed([]), file('config.json', '{}')], message: /rootfs: want an object, got nothing$/ },
])
  test(`docker-archive: refused: ${name}`, async () => {
    await assert.rejects(openDocker(entries), { code: 'LAYOUT_MALFORMED', message })
  })
