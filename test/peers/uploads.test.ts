import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Actor, actors, cosign3, ours } from './harness/actor.ts'
import { runOk, tool } from './harness/command.ts'
import { digestOf } from './harness/image.ts'
import { once } from './harness/once.ts'
import { readManifest } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// `upload blob` and `upload wasm`: what ours puts into a registry is, byte for byte, what both cosigns put there.

const text = (words: string) => Buffer.from(words)
const files: Readonly<Record<string, Uint8Array>> = {
  'plain.txt': text('a release\n'),
  'data.json': text('{"release":1}\n'),
  'page.html': text('<!DOCTYPE html><html><body>release</body></html>\n'),
  'report.pdf': text('%PDF-1.7\n'),
  'archive.gz': gzipSync('a release\n', { level: 9 }),
  'archive.zip': text('PK\x03\x04\x14\x00\x00\x00'),
  'picture.png': Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  'module.wasm': Buffer.from('0061736d01000000', 'hex'),
  'zeros.bin': new Uint8Array(4096),
  'bom.txt': Buffer.from('efbbbf72656c65617365', 'hex'),
  nothing: new Uint8Array(),
}

// One after the other: docker-registry writes links in place, and a manifest pushed anew can be read while it has none.
for (const { name, start } of registryKinds)
  describe(name, () => {
    let scene: Scene
    before(async () => {
      scene = await openScene(start)
      for (const [file, bytes] of Object.entries(files)) writeFileSync(scene.place.path(file), bytes)
    })
    after(() => scene.close())

    const repositoryOf = (actor: Actor) => `by-${actor.name.replace(' ', '')}`
    const named = (actor: Actor, tag: string) => `${scene.registry.host}/${repositoryOf(actor)}:${tag}`

    /** Uploads by each actor under one tag; gives what each printed, with the name of its repository left out. */
    async function upload(tag: string, ...args: readonly string[]): Promise<readonly string[]> {
      const printed = []
      for (const actor of actors) {
        const { stdout } = await runOk(scene.place, actor.command(), ['upload', ...args, named(actor, tag)])
        printed.push(stdout.replaceAll(repositoryOf(actor), 'REPOSITORY'))
      }
      return printed
    }

    /** The digest of what ours put under a tag, which is what the others put there too. */
    async function sameDigest(tag: string): Promise<string> {
      const [own, ...theirs] = await Promise.all(actors.map(actor => digestOf(scene.place, named(actor, tag))))
      assert.deepEqual(theirs, [own, own])
      return own!
    }

    for (const file of Object.keys(files))
      test(`upload blob -f ${file}: stdout and digest are those of both cosigns`, async () => {
        const tag = file.replaceAll('.', '-')
        const printed = await upload(tag, 'blob', '-f', file)
        const digest = await sameDigest(tag)
        const line = `${scene.registry.host}/REPOSITORY@${digest}\n`
        assert.deepEqual(printed, [line, line, line])
        const served = await readManifest(scene.registry.host, repositoryOf(ours), tag)
        assert.equal(served!.layers[0]!.digest, `sha256:${createHash('sha256').update(files[file]!).digest('hex')}`)
      })

    for (const { what, tag, flags } of [
      { what: 'annotations', tag: 'annotated', flags: ['-f', 'plain.txt', '-a', 'version=3', '-a', 'about=<a & b>,more=2'] },
      { what: '--ct', tag: 'typed', flags: ['-f', 'plain.txt', '--ct', 'application/vnd.example.rules'] },
      { what: 'one file with a platform', tag: 'platform', flags: ['-f', 'plain.txt:linux/amd64'] },
      { what: 'two platforms', tag: 'index', flags: ['-f', 'plain.txt:linux/amd64', '-f', 'picture.png:darwin/arm64'] },
      { what: 'two platforms without architectures', tag: 'systems', flags: ['-f', 'plain.txt:linux', '-f', 'picture.png:darwin'] },
      {
        what: 'two platforms with annotations and --ct',
        tag: 'annotated-index',
        flags: ['-f', 'plain.txt:linux/amd64', '-f', 'data.json:windows/amd64', '-a', 'version=3', '--ct', 'application/vnd.example.rules'],
      },
    ])
      test(`upload blob: ${what}: stdout and digest are those of both cosigns`, async () => {
        const [own, ...theirs] = await upload(tag, 'blob', ...flags)
        assert.deepEqual(theirs, [own, own])
        await sameDigest(tag)
      })

    test('upload wasm: stdout and digest are those of both cosigns', async () => {
      const [own, ...theirs] = await upload('wasm', 'wasm', '-f', 'module.wasm')
      assert.deepEqual(theirs, [own, own])
      await sameDigest('wasm')
    })

    test('upload wasm of a file that is no module: ours refuses it, both cosigns take it', async () => {
      for (const actor of actors) {
        const { code, stderr } = await scene.run(actor, ['upload', 'wasm', '-f', 'plain.txt', named(actor, 'no-module')])
        assert.equal(code, actor === ours ? 1 : 0, stderr)
        if (actor === ours) assert.match(stderr, /want a WebAssembly module, got text\/plain/)
      }
      assert.equal(await readManifest(scene.registry.host, repositoryOf(ours), 'no-module'), undefined)
    })

    for (const { what, args } of [
      { what: 'two files, one without a platform', args: ['blob', '-f', 'plain.txt', '-f', 'data.json:linux/amd64'] },
      { what: 'no file', args: ['blob'] },
      { what: 'a file that is not there', args: ['blob', '-f', 'nowhere'] },
      { what: 'wasm without a file', args: ['wasm'] },
    ])
      test(`upload ${what}: refused by all three, and nothing is tagged`, async () => {
        for (const actor of actors) assert.equal((await scene.run(actor, ['upload', ...args, named(actor, 'refused')])).code, 1, actor.name)
        assert.equal(await readManifest(scene.registry.host, repositoryOf(ours), 'refused'), undefined)
      })

    const uploaded = once(async tag => {
      const kinds: Readonly<Record<string, readonly string[]>> = {
        'read-one': ['blob', '-f', 'archive.gz'],
        'read-two': ['blob', '-f', 'plain.txt:linux/amd64', '-f', 'picture.png:darwin/arm64'],
        'read-wasm': ['wasm', '-f', 'module.wasm'],
      }
      await runOk(scene.place, ours.command(), ['upload', ...kinds[tag]!, named(ours, tag)])
      return named(ours, tag)
    })

    for (const [tag, count] of Object.entries({ 'read-one': 1, 'read-two': 2, 'read-wasm': 1 })) {
      test(`${tag}: crane reads what ours uploaded`, async () => {
        const manifest = JSON.parse((await runOk(scene.place, tool('crane'), ['manifest', '--insecure', await uploaded(tag)])).stdout)
        assert.equal((manifest.manifests ?? manifest.layers).length, count)
      })

      test(`${tag}: oras copies what ours uploaded, with its content`, async () => {
        const layout = scene.place.path(`copy-of-${tag}`)
        await runOk(scene.place, tool('oras'), ['cp', '--from-plain-http', '--to-oci-layout', await uploaded(tag), `${layout}:v1`])
        const [entry] = JSON.parse(readFileSync(`${layout}/index.json`, 'utf8')).manifests
        assert.equal(entry.digest, await digestOf(scene.place, await uploaded(tag)))
      })

      test(`${tag}: cosign 3 signs what ours uploaded, and ours verifies it`, async () => {
        const image = (await uploaded(tag)).replace(/:[^:]*$/, `@${await digestOf(scene.place, await uploaded(tag))}`)
        await scene.sign(cosign3, 'bundle', scene.a, image)
        assert.equal((await scene.verify(ours, scene.a, image)).code, 0)
      })
    }
  })
