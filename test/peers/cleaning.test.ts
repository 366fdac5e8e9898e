import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, ours } from './harness/actor.ts'
import { discover, noteType } from './harness/attached.ts'
import { type Ended, runOk } from './harness/command.ts'
import { cloneEverything, copyWithEverything } from './harness/everything.ts'
import { listTags } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds, type Server, startDockerRegistry } from './harness/server.ts'

// `clean` beside that of cosign 3, looked at by both cosigns and by oras: what is gone, and what stays.

/** Ours cleans what each signer left, cosign 3 what ours left. */
const cleanings = actors.flatMap(signer =>
  signer.attaches.flatMap(format =>
    [ours, cosign3].flatMap(cleaner => (cleaner === ours || signer === ours ? [{ signer, format, cleaner }] : [])),
  ),
)

for (const { name, start } of registryKinds)
  describe(name, { concurrency: 2 }, () => {
    let scene: Scene
    let everything = ''
    before(async () => {
      scene = await openScene(start)
      everything = await copyWithEverything(scene, 'everything')
    })
    after(() => scene.close())

    const printed = async (actor: Actor, ...args: readonly string[]) => (await runOk(scene.place, actor.command(), args)).stdout

    /** What is left of everything: suffixes of the tags, and how many bundles and notes oras finds. */
    async function remains(image: string): Promise<{ readonly tags: string; readonly bundles: number; readonly notes: number }> {
      const repository = image.slice(image.indexOf('/') + 1).replace(/@.*/, '')
      const tags = (await listTags(scene.registry.host, repository)).flatMap(tag => tag.match(/^sha256-[0-9a-f]+\.(\w+)$/)?.[1] ?? [])
      const found = await discover(scene.place, image)
      const notes = found.filter(({ artifactType }) => artifactType === noteType).length
      return { tags: tags.join(' '), bundles: found.length - notes, notes }
    }

    /** Where there is no referrers API, cosign 3 does not look what it removes. */
    const peerRemovesNotes = (type: string) => name === 'docker-registry' && ['referrer', 'all'].includes(type)

    for (const [type, left] of Object.entries({
      signature: { tags: 'att sbom', bundles: 2, notes: 1 },
      attestation: { tags: 'sbom sig', bundles: 2, notes: 1 },
      sbom: { tags: 'att sig', bundles: 2, notes: 1 },
      referrer: { tags: 'att sbom sig', bundles: 0, notes: 1 },
      all: { tags: '', bundles: 0, notes: 1 },
    }))
      test(`clean --type ${type}: leaves what cosign 3 leaves${peerRemovesNotes(type) ? ', and what is no bundle' : ''}`, async () => {
        const own = await cloneEverything(scene, everything, `clean-${type}`)
        const theirs = await cloneEverything(scene, everything, `peer-clean-${type}`)
        await printed(ours, 'clean', '--force', '--type', type, own)
        await printed(cosign3, 'clean', '--force', '--type', type, theirs)
        assert.deepEqual(await remains(own), left)
        assert.deepEqual(await remains(theirs), { ...left, notes: peerRemovesNotes(type) ? 0 : 1 })
        for (const verifier of actors) {
          const signs = left.tags.includes('sig') || (verifier !== cosign2 && left.bundles > 0)
          assert.equal((await scene.verify(verifier, scene.a, own)).code, signs ? 0 : 10, verifier.name)
          if (verifier === ours) assert.equal((await scene.verify(ours, scene.a, theirs)).code, signs ? 0 : 10)
        }
      })

    test('clean --type signature and --type referrer: the attestations that remain are verified by cosign', async () => {
      for (const { type, attester } of [
        { type: 'signature', attester: cosign3 },
        { type: 'referrer', attester: cosign2 },
      ] as const) {
        const image = await cloneEverything(scene, everything, `attested-${type}`)
        await printed(ours, 'clean', '--force', '--type', type, image)
        const flags = ['--type', 'custom', '--insecure-ignore-tlog', '--key', scene.a.pub]
        assert.equal((await scene.run(attester, ['verify-attestation', ...flags, image])).code, 0, type)
      }
    })

    for (const { signer, format, cleaner } of cleanings)
      test(`clean of ${signer.name} ${format} by ${cleaner.name}: nobody finds a signature afterwards`, async () => {
        const image = await scene.copyImage(`of-${signer.name}-${format}-by-${cleaner.name}`.replaceAll(' ', ''))
        await scene.sign(signer, format, scene.a, image)
        const type = format === 'legacy' ? 'signature' : 'referrer'
        await printed(cleaner, 'clean', '--force', '--type', type, image)
        for (const verifier of actors) assert.equal((await scene.verify(verifier, scene.a, image)).code, 10, verifier.name)
      })

    test('clean: the answer no changes nothing', async () => {
      const { code } = await scene.run(ours, ['clean', everything], { input: 'n\n' })
      assert.notEqual(code, 0)
      assert.deepEqual(await remains(everything), { tags: 'att sbom sig', bundles: 2, notes: 1 })
    })

    test(`clean --dry-run: names what cosign 3 then removes${peerRemovesNotes('all') ? ', but for what is no bundle' : ''}`, async () => {
      const image = await cloneEverything(scene, everything, 'dry-run')
      const planned: readonly { readonly name: string }[] = JSON.parse(
        await printed(ours, 'clean', '--dry-run', '--output', 'json', image),
      ).planned
      const { stdout, stderr } = await scene.run(cosign3, ['clean', '--force', image])
      const removed = [...`${stdout}${stderr}`.matchAll(/^Removed (\S+) from /gm)].map(([, what]) => what!)
      assert.deepEqual(
        planned.map(item => item.name).filter(item => !removed.includes(item)),
        [],
      )
      assert.equal(removed.length - planned.length, peerRemovesNotes('all') ? 1 : 0)
    })
  })

describe('docker-registry that lets nobody delete', () => {
  let scene: Scene
  let fixed: Server
  before(async () => {
    scene = await openScene()
    fixed = await startDockerRegistry(scene.place, { deletes: false }) // over the same storage
  })
  after(async () => {
    await fixed.stop()
    await scene.close()
  })

  for (const { type, format } of [
    { type: 'signature', format: 'legacy' },
    { type: 'referrer', format: 'bundle' },
    { type: 'all', format: 'legacy' },
  ] as const)
    test(`clean --type ${type}: ours fails, says why and changes nothing; cosign 3 changes nothing and ends with 0`, async () => {
      const image = await scene.copyImage(`fixed-${type}`)
      await scene.sign(ours, format, scene.a, image)
      const clean = (actor: Actor, ...flags: readonly string[]): Promise<Ended> =>
        scene.run(actor, ['clean', '--force', '--type', type, ...flags, image.replace(scene.registry.host, fixed.host)])
      const own = await clean(ours, '--output', 'json')
      assert.equal(own.code, 1, own.stderr)
      assert.equal(JSON.parse(own.stdout.trimEnd().split('\n').at(-1)!).error.code, 'DELETE_UNSUPPORTED')
      assert.match(own.stderr, /405 UNSUPPORTED/)
      assert.match(own.stderr, /REGISTRY_STORAGE_DELETE_ENABLED=true/)
      const theirs = await clean(cosign3)
      assert.equal(theirs.code, 0)
      assert.match(theirs.stderr, /could not delete/)
      assert.equal((await scene.verify(ours, scene.a, image)).code, 0)
    })
})
