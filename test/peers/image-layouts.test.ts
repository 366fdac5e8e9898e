import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { runOk, tool } from './harness/command.ts'
import { openScene, type Scene } from './harness/scene.ts'

// Images on disk: what one tool saves, the others read. Signatures in there are of cosign 3, in both formats.

describe('image layouts', () => {
  let scene: Scene
  let image = ''
  const formats = ['bundle', 'legacy'] as const
  const savers: readonly Actor[] = [ours, cosign3, cosign2]
  const folderOf = ({ name }: Actor) => name.replace(' ', '-')
  const printed = async (command: Parameters<typeof runOk>[1], ...args: readonly string[]) =>
    (await runOk(scene.place, command, args)).stdout
  const entriesOf = (folder: string): readonly { digest: string; annotations?: Record<string, string> }[] =>
    JSON.parse(readFileSync(join(scene.place.folder, folder, 'index.json'), 'utf8')).manifests

  before(async () => {
    scene = await openScene()
    image = await scene.copyImage('app')
    for (const format of formats) await scene.sign(cosign3, format, scene.a, image)
    for (const saver of savers)
      await runOk(scene.place, saver.command(), ['save', '--dir', folderOf(saver), `${scene.registry.host}/app:v1`])
  })
  after(() => scene.close())

  for (const saver of savers)
    for (const reader of savers)
      test(`saved by ${saver.name}, verified by ${reader.name} with the right key and not with another`, async () => {
        const local = ['--local-image', folderOf(saver)]
        const good = await scene.verify(reader, scene.a, ...local)
        assert.equal(good.code, 0, good.stderr)
        assert.notEqual((await scene.verify(reader, scene.b, ...local)).code, 0)
      })

  test('saved by us, it has the entries that cosign marks in its own', () => {
    const kinds = (folder: string) =>
      entriesOf(folder).flatMap(({ digest, annotations }) => (annotations?.['kind'] ? [[digest, annotations['kind']]] : []))
    assert.deepEqual(kinds('countersign'), kinds('cosign-3'))
    assert.deepEqual(kinds('countersign'), kinds('cosign-2'))
  })

  for (const [index, saver] of savers.entries())
    test(`saved by ${saver.name}, loaded by us, verified in the registry by both cosigns`, async () => {
      const loaded = `${scene.registry.host}/loaded-${index}:v1`
      await printed(ours.command(), 'load', '--dir', folderOf(saver), loaded)
      for (const reader of savers) {
        const { code, stderr } = await scene.verify(reader, scene.a, loaded)
        assert.equal(code, 0, stderr)
      }
    })

  test('saved by us, loaded by cosign 2, and by cosign 3 as far as it loads its own layouts', async () => {
    for (const loader of [cosign2, cosign3]) {
      const loaded = `${scene.registry.host}/loaded-by-${folderOf(loader)}:v1`
      await scene.run(loader, ['load', '--dir', 'countersign', loaded]) // cosign 3.1.1 pushes bundles before their layers, which this registry refuses
      const { code, stderr } = await scene.verify(ours, scene.a, loaded)
      assert.equal(code, 0, stderr)
    }
  })

  test('saved by us, oras finds the bundle and copies it with the image', async () => {
    assert.match(
      await printed(tool('oras'), 'discover', '--oci-layout', 'countersign:v1'),
      /application\/vnd\.dev\.sigstore\.bundle\.v0\.3\+json/,
    )
    const copied = `${scene.registry.host}/by-oras:v1`
    await printed(tool('oras'), 'cp', '-r', '--from-oci-layout', 'countersign:v1', '--to-plain-http', copied)
    const { code, stderr } = await scene.verify(cosign3, scene.a, copied)
    assert.equal(code, 0, stderr)
  })

  test('saved by us, umoci names the image and its collection leaves the signatures', async () => {
    cpSync(join(scene.place.folder, 'countersign'), join(scene.place.folder, 'collected'), { recursive: true })
    assert.match(await printed(tool('umoci'), 'ls', '--layout', 'collected'), /^v1$/m)
    await printed(tool('umoci'), 'gc', '--layout', 'collected')
    for (const reader of savers) assert.equal((await scene.verify(reader, scene.a, '--local-image', 'collected')).code, 0, reader.name)
  })

  test('layouts of crane and oras are signed and verified by us where they lie', async () => {
    await printed(tool('crane'), 'pull', '--insecure', '--format', 'oci', image, 'by-crane')
    await printed(tool('oras'), 'cp', '--from-plain-http', image, '--to-oci-layout', 'by-oras:v1')
    for (const name of ['oci:by-crane', 'oci:by-oras:v1']) {
      await scene.sign(ours, 'bundle', scene.a, name)
      const { code, stderr } = await scene.verify(ours, scene.a, name)
      assert.equal(code, 0, stderr)
    }
    const { code, stderr } = await scene.verify(cosign3, scene.a, '--local-image', 'by-oras')
    assert.equal(code, 0, stderr)
  })

  test('archives that crane writes are copied into a registry', async () => {
    for (const format of ['tarball', 'legacy']) {
      await printed(tool('crane'), 'pull', '--insecure', '--format', format, `${scene.registry.host}/app:v1`, `${format}.tar`)
      const copied = `${scene.registry.host}/from-${format}:v1`
      await printed(ours.command(), 'copy', `docker-archive:${format}.tar`, copied)
      await printed(tool('oras'), 'cp', '--from-plain-http', copied, '--to-oci-layout', `from-${format}:v1`) // checks every digest
    }
  })

  test('a blob that is a link to a file elsewhere is not read', async () => {
    const folder = join(scene.place.folder, 'linked')
    cpSync(join(scene.place.folder, 'countersign'), folder, { recursive: true })
    const { digest } = entriesOf('linked')[0]!
    const blob = join('blobs/sha256', digest.slice('sha256:'.length))
    cpSync(join(folder, blob), join(scene.place.folder, 'elsewhere'))
    rmSync(join(folder, blob))
    symlinkSync(join(scene.place.folder, 'elsewhere'), join(folder, blob))
    const { code, stderr } = await scene.verify(ours, scene.a, '--recursive', '--local-image', 'linked')
    assert.equal(code, 1)
    assert.match(stderr, /want a path that stays in folder/)
  })
})
