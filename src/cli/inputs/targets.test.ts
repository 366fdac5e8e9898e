import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hexOf } from '../../formats/oci-digest.ts'
import { createLayoutClient } from '../../oci/layout/layout-client.ts'
import { formatReference } from '../../oci/reference.ts'
import { createTestContext } from '../../testing/command-context.ts'
import { type Built, buildImage } from '../../testing/image-builder.ts'
import { type MemoryFile, memoryFolder } from '../../testing/memory-folder.ts'
import { encodeTar } from '../../testing/tar.ts'
import { signatureRepository } from './image-options.ts'
import { openLocalImage, openTargets } from './targets.ts'

const flags = {
  allowHttpRegistry: false,
  allowInsecureRegistry: false,
  registryCacert: '',
  registryClientCert: '',
  registryClientKey: '',
  registryServerName: '',
  registryUsername: '',
  registryPassword: '',
  registryToken: '',
}
const signal = AbortSignal.any([])
const [first, second] = [buildImage(), buildImage({ platform: { os: 'linux', architecture: 'arm64' } })]
const refName = 'org.opencontainers.image.ref.name'

/** The files of a layout that some tool made, with these entries. */
function layoutOf(entries: readonly { readonly image: Built; readonly annotations?: Readonly<Record<string, string>> }[]) {
  const manifests = entries.map(({ image, annotations }) => ({
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.manifest.length,
    ...(annotations && { annotations }),
  }))
  return {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify({ schemaVersion: 2, manifests }),
    ...Object.fromEntries(entries.map(({ image }) => [`blobs/sha256/${hexOf(image.digest)}`, image.manifest])),
  }
}

function under(folder: string, files: Readonly<Record<string, string | Uint8Array>>) {
  return Object.fromEntries(Object.entries(files).map(([path, data]) => [`${folder}/${path}`, data]))
}

function tarOf(files: Readonly<Record<string, string | Uint8Array>>): Uint8Array {
  return encodeTar(Object.entries(files).map(([path, content]) => ({ type: 'file', path, content })))
}

const marked = layoutOf([
  { image: first, annotations: { kind: 'dev.cosignproject.cosign/image' } },
  { image: second, annotations: { kind: 'dev.cosignproject.cosign/sigs' } },
])
const two = layoutOf([
  { image: first, annotations: { [refName]: 'v1' } },
  { image: second, annotations: { [refName]: 'r.example/app:v2' } },
])
const docker = layoutOf([
  { image: first, annotations: { 'io.containerd.image.name': 'docker.io/library/busybox:latest', [refName]: 'latest' } },
  { image: second, annotations: { 'io.containerd.image.name': 'r.example/app:latest', [refName]: 'latest' } },
])
const files = {
  ...under('saved', marked),
  ...under('two', two),
  ...under('bare', layoutOf([{ image: first }])),
  ...under('5000', layoutOf([{ image: first }])),
  ...under('a:b', layoutOf([{ image: first }])),
  'saved.tar': tarOf(marked),
  'two.tar': tarOf(two),
  'docker.tar': tarOf(docker),
}

for (const { name, reference } of [
  { name: 'oci:saved', reference: `oci:saved@${first.digest}` },
  { name: 'oci:bare', reference: `oci:bare@${first.digest}` },
  { name: 'oci:./bare/', reference: `oci:./bare/@${first.digest}` },
  { name: 'oci:two:v1', reference: 'oci:two:v1' },
  { name: 'oci:two:r.example/app:v2', reference: `oci:two@${second.digest}` },
  { name: `oci:two@${second.digest}`, reference: `oci:two@${second.digest}` },
  { name: `oci:two:v1@${second.digest}`, reference: `oci:two@${second.digest}` },
  { name: 'oci-archive:saved.tar', reference: `oci-archive:saved.tar@${first.digest}` },
  { name: 'oci-archive:two.tar:v1', reference: 'oci-archive:two.tar:v1' },
  { name: 'docker-archive:docker.tar:busybox', reference: `docker-archive:docker.tar@${first.digest}` },
  { name: 'docker-archive:docker.tar:r.example/app:latest', reference: `docker-archive:docker.tar@${second.digest}` },
])
  test(`openTargets: ${name}`, async () => {
    const context = createTestContext({ files })
    const [target] = await openTargets(context, flags, [name], { willPush: false })
    assert.equal(target!.name, name)
    assert.ok(target!.isLocal)
    assert.equal(formatReference(target!.reference), reference)
    const { digest } = await target!.client.resolve(target!.reference, signal)
    assert.equal(digest, reference.includes(second.digest) ? second.digest : first.digest)
  })

for (const { name, willPush = false, code, message } of [
  {
    name: 'oci:two',
    code: 'USAGE',
    message: new RegExp(
      `^image "oci:two": want one by its name or digest, several are there: "v1" ${first.digest}, "r.example/app:v2" ${second.digest}$`,
    ),
  },
  { name: 'oci:two:no/such:v1', code: 'IMAGE_NOT_FOUND', message: /^image "oci:two:no\/such:v1": no such image is there: "v1" sha256:/ },
  {
    name: 'oci:nothing',
    code: 'LAYOUT_NOT_FOUND',
    message: /^image "oci:nothing": there is no image layout: neither oci-layout nor index\.json$/,
  },
  { name: 'oci:nothing:v1', code: 'LAYOUT_NOT_FOUND', message: /^image "oci:nothing": there is no image layout/ },
  { name: 'oci-archive:nothing.tar', code: 'FILE_UNREADABLE', message: /^file "nothing\.tar": no such file or folder$/ },
  {
    name: 'docker-archive:docker.tar',
    code: 'USAGE',
    message: /several are there: "docker\.io\/library\/busybox:latest" sha256:/,
  },
  { name: 'docker-archive:docker.tar:alpine', code: 'IMAGE_NOT_FOUND', message: /no such image is there/ },
  {
    name: 'oci-archive:saved.tar',
    willPush: true,
    code: 'CAPABILITY_MISSING',
    message: /^image "oci-archive:saved\.tar": an archive can be read only; what is to be written goes into a folder, oci:DIR$/,
  },
  { name: 'docker-archive:new.tar:x', willPush: true, code: 'CAPABILITY_MISSING', message: /an archive can be read only/ },
  { name: 'Not/An/Image', code: 'REFERENCE_MALFORMED', message: /^image "Not\/An\/Image"/ },
])
  test(`openTargets: refused: ${name}${willPush ? ' to push to' : ''}`, async () => {
    await assert.rejects(openTargets(createTestContext({ files }), flags, [name], { willPush }), { code, message })
  })

test('openTargets: images of registries share a client, images in one place another, in the order of their names', async () => {
  const names = ['r.example/a', 'oci:two:v1', 'oci:5000/b', 'oci:two:v2', 'oci:bare']
  const targets = await openTargets(createTestContext({ files }), flags, names, { willPush: false })
  assert.deepEqual(
    targets.map(({ name, isLocal }) => [name, isLocal]),
    names.map((name, at) => [name, [1, 3, 4].includes(at)]),
  )
  const clients = targets.map(target => target.client)
  assert.equal(clients[0], clients[2])
  assert.equal(clients[1], clients[3])
  assert.equal(new Set(clients).size, 3)
  assert.equal(targets[2]!.reference.registry, 'oci:5000')
})

test('openTargets: a folder to be is written under a tag, latest unless named', async () => {
  const context = createTestContext()
  const [unnamed, named] = await openTargets(context, flags, ['oci:new', 'oci:new:v1'], { willPush: true })
  assert.equal(formatReference(unnamed!.reference), 'oci:new:latest')
  const { client, reference } = named!
  for (const blob of first.blobs.values()) await client.pushBlob(reference, blob, signal)
  await client.pushManifest(reference, reference.tag!, first.manifest, first.mediaType, signal)
  const [again] = await openTargets(context, flags, ['oci:new'], { willPush: true })
  assert.equal(formatReference(again!.reference), `oci:new@${first.digest}`)
})

test('openLocalImage: the whole text is the path of a folder', async () => {
  for (const dir of ['5000', 'a:b', './bare', 'saved']) {
    const { name, client, reference, isLocal } = await openLocalImage(createTestContext({ files }), dir)
    assert.deepEqual([name, isLocal, (await client.resolve(reference, signal)).digest], [dir, true, first.digest])
    assert.notEqual(reference.registry, 'oci:5000') // which is a host
  }
  await assert.rejects(openLocalImage(createTestContext({ files }), 'nothing'), { code: 'LAYOUT_NOT_FOUND' })
  const saved = await openLocalImage(createTestContext(), '5000/app', { willPush: true, tag: 'v1' })
  assert.equal(formatReference(saved.reference), 'oci:./5000/app:v1')
})

test('signatures of an image on the disk are in its layout, whatever COSIGN_REPOSITORY says', async () => {
  const context = createTestContext({ files, environment: { COSIGN_REPOSITORY: 'r.example/signatures' } })
  const [local, remote] = await openTargets(context, flags, ['oci:saved', 'r.example/app'], { willPush: false })
  assert.deepEqual(signatureRepository(context, local!.reference), { registry: 'oci:saved', repository: '' })
  assert.deepEqual(signatureRepository(context, remote!.reference), { registry: 'r.example', repository: 'signatures' })
})

test('what cosign saved without a tag keeps its image when another one takes its place', async () => {
  const disk = new Map<string, MemoryFile>()
  for (const [path, data] of Object.entries(marked))
    disk.set(`saved/${path}`, { data: typeof data === 'string' ? Buffer.from(data) : data, mode: 0o644 })
  const client = createLayoutClient(memoryFolder(disk, 'saved'))
  const place = { registry: 'oci:saved', repository: '' }
  const tag = `${first.digest.replace(':', '-')}.sig`
  assert.equal((await client.fetchManifest(place, tag, signal)).digest, second.digest)
  const third = buildImage({ layers: [] })
  await client.pushManifest(place, 'v2', third.manifest, third.mediaType, signal)
  await client.deleteManifest(place, first.digest, signal)
  assert.deepEqual(await client.listTags(place, signal), ['v2', tag])
  await assert.rejects(client.fetchManifest(place, `${third.digest.replace(':', '-')}.sig`, signal), { code: 'IMAGE_NOT_FOUND' })
})
