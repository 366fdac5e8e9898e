import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { runOk } from './harness/command.ts'
import { openScene, type Scene } from './harness/scene.ts'

// Folders written by save are verified when the registry is gone: formats-and-flows §11 63 and 64, scenarios.md A5.

const saves: readonly { readonly saver: Actor; readonly format: Format }[] = [
  { saver: cosign2, format: 'legacy' },
  { saver: cosign3, format: 'legacy' },
  { saver: cosign3, format: 'bundle' },
  { saver: ours, format: 'legacy' },
  { saver: ours, format: 'bundle' },
]
const folderOf = ({ saver, format }: (typeof saves)[number]) => `${saver.name.replace(' ', '-')}-${format}`

describe('images saved to folders, without a registry', () => {
  let scene: Scene
  before(async () => {
    scene = await openScene()
    for (const save of saves) {
      const image = await scene.copyImage(folderOf(save))
      await scene.sign(save.saver === cosign2 ? cosign2 : cosign3, save.format, scene.a, image)
      await runOk(scene.place, save.saver.command(), ['save', '--dir', folderOf(save), image])
    }
    await runOk(scene.place, ['tar'], ['-C', folderOf(saves[2]!), '-cf', 'saved.tar', '.'])
    await scene.registry.stop()
  })
  after(() => scene.place.remove())

  for (const save of saves)
    test(`${save.saver.name} saved it, ${save.format}: verified by the key that signed, refused by another`, async () => {
      for (const name of [['--local-image', folderOf(save)], [`oci:${folderOf(save)}`]]) {
        const { code, stdout, stderr } = await scene.verify(ours, scene.a, ...name)
        assert.equal(code, 0, stderr)
        assert.equal(JSON.parse(stdout)[0].critical.image['docker-manifest-digest'], scene.digest)
        assert.equal((await scene.verify(ours, scene.b, ...name)).code, save.format === 'legacy' ? 12 : 1)
      }
      if (save.saver === ours) assert.equal((await scene.verify(cosign3, scene.a, '--local-image', folderOf(save))).code, 0)
    })

  test('folders of both formats are verified in one command', async () => {
    const { code, stdout, stderr } = await scene.verify(ours, scene.a, '--local-image', ...saves.map(folderOf))
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim().split('\n\n').length, saves.length)
  })

  test('an archive of such a folder is verified as the folder is', async () => {
    const { code, stdout, stderr } = await scene.verify(ours, scene.a, 'oci-archive:saved.tar')
    assert.equal(code, 0, stderr)
    assert.equal(JSON.parse(stdout)[0].critical.identity['docker-reference'], 'oci-archive:saved.tar')
  })

  test('a byte changed anywhere in a folder never verifies as something else', async () => {
    const folder = scene.place.path(folderOf(saves[2]!))
    const blobs = join(folder, 'blobs/sha256')
    for (const name of readdirSync(blobs).filter(name => statSync(join(blobs, name)).size < 10_000)) {
      const bytes = readFileSync(join(blobs, name))
      const altered = Uint8Array.from(bytes)
      altered[altered.length >> 1]! ^= 1
      writeFileSync(join(blobs, name), altered)
      const { code, stdout } = await scene.verify(ours, scene.a, '--local-image', folder)
      const isUsed = code !== 0 // config and layers of the image take no part
      if (!isUsed) assert.equal(JSON.parse(stdout)[0].critical.image['docker-manifest-digest'], scene.digest)
      writeFileSync(join(blobs, name), bytes)
    }
    assert.equal((await scene.verify(ours, scene.a, '--local-image', folder)).code, 0)
  })
})
