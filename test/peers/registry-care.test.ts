import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { cosign3, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { listTags } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// gc beside what real cosign wrote, and the table of registries beside the registries themselves.

for (const { name, start } of registryKinds)
  describe(name, () => {
    let scene: Scene
    before(async () => {
      scene = await openScene(start)
    })
    after(() => scene.close())

    const signaturesIn = async (repository: string) =>
      (await listTags(scene.registry.host, repository)).filter(tag => tag.endsWith('.sig')).length
    const deleteImage = async (repository: string) => {
      const { host } = scene.registry
      const { status } = await fetch(`http://${host}/v2/${repository}/manifests/${scene.digest}`, { method: 'DELETE' })
      assert.equal(status, 202)
    }
    const gc = async (...args: readonly string[]) => {
      const { stdout } = await runOk(scene.place, ours.command(), ['gc', '--yes', '--output', 'json', ...args])
      return JSON.parse(stdout) as {
        readonly counts: Readonly<Record<string, number>>
        readonly kept: readonly { readonly reason: string }[]
      }
    }

    test('gc collects what cosign 3 signed once the image is gone, not before', async () => {
      const image = await scene.copyImage('gone')
      await scene.sign(cosign3, 'legacy', scene.a, image)
      const repository = `${scene.registry.host}/gone`
      assert.equal((await gc(repository)).counts['planned'], 0)
      await deleteImage('gone')
      assert.equal((await gc(repository)).counts['removed'], 1)
      assert.equal(await signaturesIn('gone'), 0)
    })

    test('gc of a shared COSIGN_REPOSITORY keeps the signatures of repositories that were not named', async () => {
      const { host } = scene.registry
      const env = { COSIGN_REPOSITORY: `${host}/store` }
      const image = await scene.copyImage('shared')
      const { key } = scene.a
      await runOk(scene.place, cosign3.command(), ['sign', ...cosign3.signs('legacy'), '--key', key, image], { env })
      const alone = await gc('--exclusive', `${host}/store`)
      assert.equal(alone.counts['removed'], 0)
      assert.equal(alone.kept[0]?.reason, `it is about "${host}/shared", which was not looked in`)
      assert.equal((await gc('--exclusive', `${host}/store`, `${host}/shared`)).counts['planned'], 0)
      assert.equal(await signaturesIn('store'), 1)
    })
  })

test('docs/registries.md says what the doctor sees of each registry today', async () => {
  const script = join(import.meta.dirname, '../../scripts/registries-table.ts')
  const place = createPlace()
  after(place.remove)
  const { code, stderr } = await run(place, [process.execPath, script], ['--check'], { timeoutMs: 120_000 })
  assert.equal(code, 0, stderr)
})
