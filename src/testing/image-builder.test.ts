import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { encodeUtf8 } from '../codec/text.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { buildImage, buildIndex, imageIndexType, pushBuilt } from './image-builder.ts'
import { encodeTar } from './tar.ts'

const parse = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))

test('an image holds together: digests, sizes, diff ids and history', () => {
  const image = buildImage({ platform: { os: 'linux', architecture: 'arm64', variant: 'v8' }, annotations: { a: 'b' } })
  assert.equal(image.digest, ociDigestOf(image.manifest))
  for (const [digest, bytes] of image.blobs) assert.equal(digest, ociDigestOf(bytes))
  const manifest = parse(image.manifest) as { config: Named; layers: Named[]; annotations: object }
  type Named = { digest: `sha256:${string}`; size: number }
  const blobs = new Map<string, Uint8Array>(image.blobs)
  for (const { digest, size } of [manifest.config, ...manifest.layers]) assert.equal(blobs.get(digest)?.length, size)
  assert.deepEqual(manifest.annotations, { a: 'b' })
  const config = parse(blobs.get(manifest.config.digest)!) as Config
  type Config = { os: string; architecture: string; variant: string; rootfs: { diff_ids: string[] }; history: unknown[] }
  assert.deepEqual([config.os, config.architecture, config.variant], ['linux', 'arm64', 'v8'])
  assert.deepEqual(
    config.rootfs.diff_ids,
    manifest.layers.map(layer => ociDigestOf(gunzipSync(blobs.get(layer.digest)!))),
  )
  assert.equal(config.history.length, manifest.layers.length)
})

test('the same options give the same image, others another', () => {
  assert.equal(buildImage().digest, buildImage().digest)
  assert.notEqual(buildImage().digest, buildImage({ command: ['/other'] }).digest)
})

test('an index names its images with their platforms', () => {
  const image = buildImage()
  const index = buildIndex([image], { a: 'b' })
  assert.deepEqual(parse(index.manifest), {
    schemaVersion: 2,
    mediaType: imageIndexType,
    manifests: [{ mediaType: image.mediaType, digest: image.digest, size: image.manifest.length, platform: image.platform }],
    annotations: { a: 'b' },
  })
})

test('a push that is refused is an error that says which and why', async () => {
  const refuse = async (): Promise<Response> => new Response('read only', { status: 403 })
  await assert.rejects(
    pushBuilt(refuse, new URL('http://registry.test'), 'a', 'v1', buildImage()),
    /^Error: POST \/v2\/a\/blobs.*want 201, got 403: read only$/,
  )
})

test('tar unpacks what encodeTar writes', async () => {
  const long = `${'d'.repeat(90)}/${'e'.repeat(60)}/${'f'.repeat(90)}`
  const archive = encodeTar([
    { type: 'directory', path: 'bin' },
    { type: 'file', path: 'bin/tool', content: 'x'.repeat(513), mode: 0o750 },
    { type: 'file', path: 'empty', content: '' },
    { type: 'file', path: long, content: encodeUtf8('é') },
    { type: 'symlink', path: 'sh', target: 'bin/tool' },
  ])
  assert.equal(archive.length % 512, 0)
  const folder = await mkdtemp(join(tmpdir(), 'tar-'))
  try {
    execFileSync('tar', ['-xpf', '-', '-C', folder], { input: archive })
    const tool = await stat(join(folder, 'bin/tool'))
    assert.deepEqual([tool.size, tool.mode & 0o777, tool.mtimeMs], [513, 0o750, 0])
    assert.equal(await readFile(join(folder, 'empty'), 'utf8'), '')
    assert.equal(await readFile(join(folder, long), 'utf8'), 'é')
    assert.equal(await readlink(join(folder, 'sh')), 'bin/tool')
  } finally {
    await rm(folder, { recursive: true })
  }
})

for (const { name, path } of [
  { name: 'a name of 101 bytes', path: 'x'.repeat(101) },
  { name: 'a path longer than both fields', path: `${'x'.repeat(160)}/${'y'.repeat(90)}` },
])
  test(`encodeTar refuses ${name}`, () =>
    assert.throws(() => encodeTar([{ type: 'file', path, content: '' }]), { name: 'RangeError', message: /^tar: no place to cut/ }))
