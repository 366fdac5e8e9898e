import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { discover } from './harness/attached.ts'
import { type Command, run, runOk, tool } from './harness/command.ts'
import { copyWithEverything } from './harness/everything.ts'
import { listTags } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds, type Server } from './harness/server.ts'

// What `copy`, `save` and `load` of ours bring, seen by both cosigns, oras and crane; and what those wrote, brought by ours.

for (const { name, start } of registryKinds)
  for (const other of registryKinds)
    describe(`from ${name} to ${other.name}`, () => {
      let scene: Scene
      let far: Server
      let image = ''
      before(async () => {
        scene = await openScene(start)
        far = await other.start(scene.place)
        image = await copyWithEverything(scene, 'everything')
      })
      after(async () => {
        await far.stop()
        await scene.close()
      })

      const program = (command: Command, ...args: readonly string[]) => runOk(scene.place, command, args)
      const countersign = (...args: readonly string[]) => program(ours.command(), ...args)
      const tagged = () => image.replace(/@.*/, ':v1')

      /** Everything that was attached is there, for every reader. */
      async function isWhole(repository: string, suffixes: string): Promise<void> {
        const copy = `${far.host}/${repository}@${scene.digest}`
        for (const reader of [ours, cosign3, cosign2] satisfies Actor[])
          assert.equal((await scene.verify(reader, scene.a, copy)).code, 0, reader.name)
        const attestation = [
          'verify-attestation',
          ...cosign3.verifies('bundle', scene.place),
          '--key',
          scene.a.pub,
          '--type',
          'custom',
          copy,
        ]
        await program(cosign3.command(), ...attestation)
        const found = (await listTags(far.host, repository)).flatMap(tag => tag.match(/^sha256-[0-9a-f]+\.(\w+)$/)?.[1] ?? [])
        assert.equal(found.sort().join(' '), suffixes)
        assert.equal((await discover(scene.place, copy)).length, 3)
        await program(tool('crane'), 'validate', '--insecure', '--remote', `${far.host}/${repository}:v1`)
      }

      test('a copy is whole for every reader, and a second one changes nothing', async () => {
        await countersign('copy', tagged(), `${far.host}/copied:v1`)
        await isWhole('copied', 'att sbom sig')
        const { stderr } = await countersign('copy', tagged(), `${far.host}/copied:v1`)
        assert.match(stderr, /manifests: 0 sent, 4 there already; tags: 0 written/)
        assert.match(stderr, /blobs: 0 sent, 0 mounted/)
      })

      test('what ours saved, ours loads whole, and cosign 3 verifies in place', async () => {
        await countersign('save', '--dir', 'saved', tagged())
        const local = ['verify', ...cosign3.verifies('bundle', scene.place), '--key', scene.a.pub, '--local-image', 'saved']
        await program(cosign3.command(), ...local)
        await countersign('load', '--dir', 'saved', `${far.host}/loaded:v1`)
        await isWhole('loaded', 'att sbom sig')
      })

      test('what cosign 3 saved, which its own load pushes in a wrong order, ours loads', async () => {
        await program(cosign3.command(), 'save', '--dir', 'saved-by-cosign', tagged())
        await countersign('load', '--dir', 'saved-by-cosign', `${far.host}/from-cosign:v1`)
        for (const reader of [ours, cosign3, cosign2])
          assert.equal((await scene.verify(reader, scene.a, `${far.host}/from-cosign:v1`)).code, 0, reader.name)
        assert.equal((await discover(scene.place, `${far.host}/from-cosign@${scene.digest}`)).length, 3)
      })

      test('what oras put into a layout, ours loads', async () => {
        await program(tool('oras'), 'cp', '-r', '--from-plain-http', tagged(), '--to-oci-layout', `${scene.place.path('by-oras')}:v1`)
        await countersign('load', '--dir', 'by-oras', `${far.host}/from-oras:v1`)
        assert.equal((await scene.verify(cosign3, scene.a, `${far.host}/from-oras:v1`)).code, 0)
        assert.equal((await discover(scene.place, `${far.host}/from-oras@${scene.digest}`)).length, 3)
      })

      test('what `cosign copy` broke, a forced copy mends, and cosign 3 signs there again', async () => {
        await program(cosign3.command(), 'copy', tagged(), `${far.host}/broken:v1`)
        const signing = ['sign', ...cosign3.signs('bundle'), '--key', scene.b.key, `${far.host}/broken@${scene.digest}`]
        if (other.name === 'docker-registry') {
          const refused = await run(scene.place, ours.command(), ['copy', tagged(), `${far.host}/broken:v1`])
          assert.match(refused.stderr, /want an index of referrers there/)
        }
        await countersign('copy', '--force', tagged(), `${far.host}/broken:v1`)
        await program(cosign3.command(), ...signing)
        for (const key of [scene.a, scene.b]) assert.equal((await scene.verify(cosign3, key, `${far.host}/broken:v1`)).code, 0)
      })
    })
