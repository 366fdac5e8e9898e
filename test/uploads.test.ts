import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readUploadFile } from '../src/cli/inputs/upload-file.ts'
import { encodeHex } from '../src/codec/hex.ts'
import { startDigest } from '../src/crypto/digest.ts'
import { createTestContext } from '../src/testing/command-context.ts'
import { assertRefused, createRig, rigHost } from '../src/testing/command-rig.ts'
import { createHand } from '../src/testing/registry-hand.ts'

// Digests of manifests are those that cosign 3.1.1 printed for the same files.
const foo = 'hello\n'
const elf = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0)
const wasm = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)

function createScene() {
  const rig = createRig()
  rig.disk.set('foo', foo)
  rig.disk.set('sub/na me', foo)
  rig.disk.set('elf', elf)
  rig.disk.set('m.wasm', wasm)
  return { ...rig, hand: createHand(rig.registry) }
}

for (const { name, flags, digest } of [
  { name: 'one file', flags: ['-f', 'foo'], digest: '58e5ad0966f26e37881bf955d9a675d9e74b49e3b94b882a9d7f686447f7eede' },
  { name: 'a path with a space', flags: ['-f', 'sub/na me'], digest: '58e5ad0966f26e37881bf955d9a675d9e74b49e3b94b882a9d7f686447f7eede' },
  {
    name: 'annotations',
    flags: ['-f', 'foo', '-a', 'k=v', '-a', 'a=b'],
    digest: 'db2737a8e33b041ca1dc339925a777dbd5069978b0193db81dc17e4a5c38a551',
  },
  {
    name: 'a forced type',
    flags: ['-f', 'foo', '--ct', 'application/x-y'],
    digest: 'c1b8fc2d30239e75581a48f63fd03800c9cab021fea06c9d0b2666ae2fb5d169',
  },
])
  test(`scenario 71: upload blob: ${name} makes the manifest that cosign makes`, async () => {
    const { cs, hand } = createScene()
    const { code, stdout, stderr } = await cs(['upload', 'blob', ...flags, `${rigHost}/file:v1`])
    assert.equal(code, 0, stderr)
    assert.equal(stdout, `${rigHost}/file@sha256:${digest}\n`)
    assert.match(
      stderr,
      /^Uploading file from \[.*\] to \[registry\.test\/file:v1\] with media type \[[a-z/-]+\]\nFile \[.*\] is available directly at \[registry\.test\/v2\/file\/blobs\/sha256:5891b5b5[0-9a-f]{56}\]\nUploaded image to:\n$/,
    )
    const { layers } = (await hand.manifest('file', 'v1')) as { layers: { digest: string }[] }
    assert.equal(new TextDecoder().decode(await hand.blob('file', layers[0]!.digest)), foo)
  })

for (const { name, flags, digest } of [
  {
    name: 'two platforms',
    flags: '-f foo:linux/amd64 -f elf:darwin/arm64 -a k=v',
    digest: 'e1ca9c3a80d44cfbfa9969820cacc3dc74a4a72a5ac05a7d3a703205ce1ae049',
  },
  { name: 'two systems', flags: '-f foo:linux,elf:MYOS', digest: 'da22a31faa8cb94397089ba3d0b5eff65617894fa65ca289ea98a3d64478d4e5' },
  {
    name: 'a forced type',
    flags: '-f foo:linux -f elf:aix --ct a/b',
    digest: '9ddf3e0fafca79d212d3e945dc75c78fa7a35f4d5a46eec45144b776b96eb77f',
  },
  {
    name: 'one file for two systems',
    flags: '-f foo:linux -f foo:aix',
    digest: '5be07a1a39113c35719f49c3fae6e59a0f7d1658b84d90d96f5a70bc4259f8ab',
  },
])
  test(`scenario 71: upload blob: ${name} make the index that cosign makes, its tag last`, async () => {
    const { cs, hand } = createScene()
    const { code, stdout, stderr, requests } = await cs(`upload blob ${flags} ${rigHost}/files:v1`)
    assert.equal(code, 0, stderr)
    assert.equal(stdout, '')
    assert.match(stderr, new RegExp(`^Uploading multi-platform index to registry\\.test/files@sha256:${digest}$`, 'm'))
    await hand.manifest('files', `sha256:${digest}`)
    const puts = requests.filter(request => request.includes('/manifests/') && request.startsWith('PUT'))
    assert.deepEqual(
      puts.map(request => request.endsWith('/v1')),
      puts.map((_, at) => at === puts.length - 1),
    )
  })

test('upload blob says that the platform of a single file is recorded nowhere', async () => {
  const { cs } = createScene()
  const { stderr } = await cs(`upload blob -f foo:linux/amd64 ${rigHost}/file`)
  assert.match(stderr, /^WARNING: the platform of foo is not recorded: only an index/m)
})

test('scenario 71: upload wasm makes the manifest that cosign makes', async () => {
  const { cs, hand } = createScene()
  const { code, stdout, stderr } = await cs(`upload wasm -f m.wasm ${rigHost}/module:v1`)
  assert.deepEqual([code, stdout, stderr], [0, '', `Uploading wasm file from [m.wasm] to [${rigHost}/module:v1].\n`])
  await hand.manifest('module', 'sha256:eb47c8a3dd1d463b74e605b11a9a8d1ed2889136c2631c2e7e8195a6f9221a17')
})

for (const command of ['upload blob -f foo', 'upload wasm -f m.wasm'])
  test(`${command} puts nothing under a digest that somebody else chose`, async () => {
    const { cs } = createScene()
    const outcome = await cs(`${command} ${rigHost}/file@sha256:${'0'.repeat(64)} -o json`)
    assertRefused(outcome, { exit: 1, code: 'USAGE', message: /want a tag to upload to, got a digest$/ })
    assert.deepEqual(outcome.requests, [])
  })

test('what was uploaded is signed and verified like any image', async () => {
  const { cs } = createScene()
  const name = (await cs(`upload blob -f foo ${rigHost}/file`)).stdout.trim()
  assert.equal((await cs(`sign --key team.key --tlog-upload=false ${name}`)).code, 0)
  assert.equal((await cs(`verify --key team.pub --insecure-ignore-tlog ${name}`)).code, 0)
})

test('a file is read as a stream, twice, and what is sent has the digest of the first reading', async () => {
  const context = createTestContext()
  let readings = 0
  async function* stream(): AsyncGenerator<Uint8Array> {
    readings++
    for (let at = 0; at < 3000; at++) yield new Uint8Array(1024).fill(at === 0 ? 0 : at)
  }
  const file = await readUploadFile({ ...context, files: { ...context.files, stream } }, 'large')
  assert.deepEqual([file.size, file.mediaType, readings], [3000 * 1024, 'application/octet-stream', 1])
  const state = startDigest('sha256')
  for await (const chunk of file.open()) state.update(chunk)
  assert.deepEqual([file.digest, readings], [`sha256:${encodeHex(state.finish())}`, 2])
})
