import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { countSignatures } from './harness/attached.ts'
import { claim, readClaims } from './harness/claims.ts'
import { runOk, tool } from './harness/command.ts'
import { buildImage, pushImage, pushIndex } from './harness/image.ts'
import { listTags } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// `sign --format` by ours, read by the real clients: which of them finds a signature, and that a run repeated adds nothing.

const choices = ['both', 'bundle', 'legacy'] as const
const counts = { both: { bundle: 1, legacy: 1 }, bundle: { bundle: 1, legacy: 0 }, legacy: { bundle: 0, legacy: 1 } }

/** The format in which a verifier finds the signature of a run; nothing where it finds none. */
function foundBy(verifier: Actor, choice: (typeof choices)[number]): Format | undefined {
  if (verifier === cosign2) return choice === 'bundle' ? undefined : 'legacy'
  return choice === 'legacy' ? 'legacy' : 'bundle'
}

for (const { name, start } of registryKinds)
  describe(name, { concurrency: 2 }, () => {
    let scene: Scene
    before(async () => {
      scene = await openScene(start)
    })
    after(() => scene.close())

    const signAs = (choice: string, image: string, ...rest: readonly string[]) =>
      scene.sign(ours, 'bundle', scene.a, '--format', choice, ...rest, image)

    async function assertVerdicts(image: string, choice: (typeof choices)[number]): Promise<void> {
      for (const verifier of actors) {
        const { code, stdout, stderr } = await scene.verify(verifier, scene.a, image)
        const format = foundBy(verifier, choice)
        assert.equal(code, format ? 0 : 10, `${verifier.name}: ${stderr}`)
        if (format) assert.deepEqual(readClaims(stdout), [claim(format, image)], verifier.name)
      }
    }

    for (const choice of choices) {
      test(`--format ${choice}: each verifier finds the format that it reads`, async () => {
        const image = await scene.copyImage(`alone-${choice}`)
        await signAs(choice, image)
        assert.deepEqual(await countSignatures(scene.place, image), counts[choice])
        await assertVerdicts(image, choice)
      })

      test(`--format ${choice} --recursive: the index and each image in it`, async () => {
        const repository = `${scene.registry.host}/index-${choice}`
        const other = await pushImage(scene.place, await buildImage(scene.place, `other-${choice}`, ['three\n']), `${repository}:other`)
        const one = await scene.copyImage(`index-${choice}`)
        const index = await pushIndex(scene.place, `${repository}:v1`, [one, `${repository}@${other}`])
        await signAs(choice, `${repository}@${index}`, '--recursive')
        for (const digest of [index, scene.digest, other]) {
          assert.deepEqual(await countSignatures(scene.place, `${repository}@${digest}`), counts[choice])
          await assertVerdicts(`${repository}@${digest}`, choice)
        }
      })
    }

    test('--format both: a second run adds nothing, to an index and its images neither', async () => {
      const repository = `${scene.registry.host}/twice`
      const image = await scene.copyImage('twice')
      const index = await pushIndex(scene.place, `${repository}:v1`, [image])
      await signAs('both', `${repository}@${index}`, '--recursive')
      const tags = await listTags(scene.registry.host, 'twice')
      const { stderr } = await signAs('both', `${repository}@${index}`, '--recursive')
      assert.equal(stderr.match(/The bundle is there already/g)?.length, 2)
      for (const digest of [index, scene.digest])
        assert.deepEqual(await countSignatures(scene.place, `${repository}@${digest}`), counts.both)
      assert.deepEqual(await listTags(scene.registry.host, 'twice'), tags)
    })

    for (const { choice, peer } of [
      { choice: 'bundle', peer: cosign3 },
      { choice: 'legacy', peer: cosign2 },
    ] as const)
      test(`--format ${choice} alone: a second run adds what a second run of ${peer.name} adds`, async () => {
        const [own, theirs] = [await scene.copyImage(`again-${choice}`), await scene.copyImage(`peer-again-${choice}`)]
        for (const _ of ['first', 'second']) {
          await signAs(choice, own)
          await scene.sign(peer, choice, scene.a, theirs)
        }
        assert.deepEqual(await countSignatures(scene.place, own), await countSignatures(scene.place, theirs))
      })

    for (const { signer, has } of [
      { signer: cosign2, has: 'legacy' },
      { signer: cosign3, has: 'bundle' },
      { signer: cosign3, has: 'legacy' },
    ] as const)
      test(`--format both after ${signer.name} ${has}, by the same key: the format that is missing is added`, async () => {
        const image = await scene.copyImage(`after-${signer.name.replace(' ', '')}-${has}`)
        await scene.sign(signer, has, scene.a, image)
        await signAs('both', image)
        assert.deepEqual(await countSignatures(scene.place, image), counts.both)
        await assertVerdicts(image, 'both')
      })

    test('--format both by a second key: both keys verify in both formats', async () => {
      const image = await scene.copyImage('two-keys')
      await signAs('both', image)
      await scene.sign(ours, 'bundle', scene.b, '--format', 'both', image)
      assert.deepEqual(await countSignatures(scene.place, image), { bundle: 2, legacy: 2 })
      for (const verifier of actors)
        for (const key of [scene.a, scene.b]) assert.equal((await scene.verify(verifier, key, image)).code, 0, verifier.name)
    })

    test('--format both: crane and oras read what was written', async () => {
      const image = await scene.copyImage('read')
      await signAs('both', image)
      const tag = `${scene.registry.host}/read:${scene.digest.replace(':', '-')}.sig`
      await runOk(scene.place, tool('crane'), ['validate', '--insecure', '--remote', image])
      const manifest = JSON.parse((await runOk(scene.place, tool('crane'), ['manifest', '--insecure', tag])).stdout)
      assert.equal(manifest.layers[0].mediaType, 'application/vnd.dev.cosign.simplesigning.v1+json')
      await runOk(scene.place, tool('oras'), ['manifest', 'fetch', '--plain-http', tag])
    })
  })
