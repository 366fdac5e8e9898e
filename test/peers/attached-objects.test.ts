import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { countSignatures, withoutFacts } from './harness/attached.ts'
import { runOk } from './harness/command.ts'
import { copyWithEverything } from './harness/everything.ts'
import { pushIndex } from './harness/image.ts'
import { once } from './harness/once.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// What is attached to an image, shown, downloaded and attached elsewhere by ours and by both cosigns.

const signings = actors.flatMap(signer => signer.attaches.map(format => ({ signer, format })))
const nameOf = ({ signer, format }: (typeof signings)[number]) => `${signer.name} ${format}`
const repositoryOf = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

/** The groups of a tree after its first line, sorted: cosign's order is random. */
function groupsOf(tree: string): readonly string[] {
  const [first, ...groups] = tree.trimEnd().split(/\n(?=└── )/)
  return [first!, ...groups.toSorted()]
}

for (const { name, start } of registryKinds)
  describe(name, { concurrency: 2 }, () => {
    let scene: Scene
    let everything = ''
    before(async () => {
      scene = await openScene(start)
      everything = await copyWithEverything(scene, 'everything')
    })
    after(() => scene.close())

    /** What a command of an actor prints; it must succeed. */
    const printed = async (actor: Actor, ...args: readonly string[]) => (await runOk(scene.place, actor.command(), args)).stdout

    const ownTree = async (image: string) => withoutFacts(await printed(ours, 'tree', image))

    const signed = once(async signing => {
      const { signer, format } = signings.find(candidate => nameOf(candidate) === signing)!
      const image = await scene.copyImage(repositoryOf(signing))
      await scene.sign(signer, format, scene.a, image)
      return image
    })

    for (const type of ['signature', 'attestation', 'sbom', 'digest'])
      test(`triangulate --type ${type}: stdout is that of both cosigns`, async () => {
        for (const image of [everything, `${scene.registry.host}/everything:v1`]) {
          const own = await printed(ours, 'triangulate', '--type', type, image)
          for (const peer of [cosign2, cosign3]) assert.equal(own, await printed(peer, 'triangulate', '--type', type, image))
        }
      })

    test('triangulate with COSIGN_REPOSITORY: stdout is that of both cosigns', async () => {
      const env = { COSIGN_REPOSITORY: `${scene.registry.host}/elsewhere` }
      const lines = []
      for (const actor of actors) lines.push((await scene.run(actor, ['triangulate', everything], { env })).stdout)
      assert.match(lines[0]!, /^127\.0\.0\.1:\d+\/elsewhere:sha256-[0-9a-f]{64}\.sig\n$/)
      assert.deepEqual(lines, [lines[0], lines[0], lines[0]])
    })

    for (const signing of signings)
      test(`tree of ${nameOf(signing)}: stdout is that of cosign 3${signing.format === 'legacy' ? ' and of cosign 2' : ''}`, async () => {
        const image = await signed(nameOf(signing))
        const own = await ownTree(image)
        assert.equal(own, await printed(cosign3, 'tree', image))
        if (signing.format === 'legacy') assert.equal(own, await printed(cosign2, 'tree', image))
      })

    test("tree of an image with everything: cosign 3's groups, sorted, and those of cosign 2 among them", async () => {
      for (const image of [everything, `${scene.registry.host}/everything:v1`]) {
        const own = groupsOf(await ownTree(image))
        assert.equal(own.length, 7)
        assert.deepEqual(own, groupsOf(await printed(cosign3, 'tree', image)))
        assert.deepEqual(
          own.filter(group => !group.includes('via OCI referrer')),
          groupsOf(await printed(cosign2, 'tree', image)),
        )
      }
    })

    test('tree of an image with nothing: stdout is that of cosign 3, with an end of its last line', async () => {
      const image = await scene.copyImage('bare')
      assert.equal(await printed(ours, 'tree', image), `${await printed(cosign3, 'tree', image)}\n`)
    })

    test("tree and triangulate of an index signed with all in it: stdout is cosign 3's for the index and for its image", async () => {
      const image = await scene.copyImage('index')
      const index = `${scene.registry.host}/index@${await pushIndex(scene.place, `${scene.registry.host}/index:all`, [image])}`
      await scene.sign(ours, 'bundle', scene.a, '--format', 'both', '--recursive', index)
      for (const named of [index, `${scene.registry.host}/index:all`, image])
        for (const command of ['tree', 'triangulate']) {
          const own = groupsOf(withoutFacts(await printed(ours, command, named)))
          assert.deepEqual(own, groupsOf(await printed(cosign3, command, named)))
        }
    })

    test('what download signature printed is attached already: a second referrer is not made', async () => {
      const image = await scene.copyImage('attached-already')
      await scene.sign(ours, 'bundle', scene.a, image)
      writeFileSync(scene.place.path('already.json'), await printed(cosign3, 'download', 'signature', image))
      await printed(ours, 'attach', 'signature', '--bundle', scene.place.path('already.json'), image)
      assert.deepEqual(await countSignatures(scene.place, image), { bundle: 1, legacy: 0 })
    })

    for (const signing of signings)
      test(`download signature of ${nameOf(signing)}: stdout is that of cosign 3`, async () => {
        const image = await signed(nameOf(signing))
        const own = await printed(ours, 'download', 'signature', image)
        assert.equal(own.trimEnd().split('\n').length, 1)
        assert.equal(own, await printed(cosign3, 'download', 'signature', image))
        if (signing.format === 'legacy') assert.equal(own, await printed(cosign2, 'download', 'signature', image))
      })

    test('download signature of an image with everything: the lines of cosign 3, the attestation among them', async () => {
      const lines = async (actor: Actor) => (await printed(actor, 'download', 'signature', everything)).split('\n').toSorted()
      const own = await lines(ours)
      assert.equal(own.length, 3)
      assert.deepEqual(own, await lines(cosign3))
    })

    test('download signature of an image with nothing: all three fail, and print nothing', async () => {
      const image = await scene.copyImage('bare-download')
      for (const actor of actors) {
        const { code, stdout, stderr } = await scene.run(actor, ['download', 'signature', image])
        assert.deepEqual([code, stdout], [1, ''])
        assert.match(stderr, /no signatures associated/)
      }
    })

    /** Hands a downloaded line to `attach signature`, in the form that cosign takes it. */
    function attachFlags(format: Format, line: string, prefix: string): readonly string[] {
      const write = (name: string, data: string | Uint8Array) => {
        const path = scene.place.path(`${prefix}-${name}`)
        writeFileSync(path, data)
        return path
      }
      if (format === 'bundle') return ['--bundle', write('bundle.json', line)]
      const { Base64Signature, Payload } = JSON.parse(line)
      return ['--payload', write('payload.json', Buffer.from(Payload, 'base64')), '--signature', write('signature', Base64Signature)]
    }

    for (const format of ['bundle', 'legacy'] as const)
      for (const from of actors.filter(({ attaches }) => attaches.includes(format)))
        for (const to of actors.filter(({ attaches }) => attaches.includes(format)))
          if (from === ours || to === ours)
            test(`${format}: what ${from.name} downloads, ${to.name} attaches, and it verifies`, async () => {
              const line = (await printed(from, 'download', 'signature', await signed(`countersign ${format}`))).trimEnd()
              const repository = repositoryOf(`moved ${format} ${from.name} ${to.name}`)
              const image = await scene.copyImage(repository)
              await printed(to, 'attach', 'signature', ...attachFlags(format, line, repository), image)
              for (const verifier of actors.filter(({ attaches }) => attaches.includes(format))) {
                const { code, stderr } = await scene.verify(verifier, scene.a, image)
                assert.equal(code, 0, `${verifier.name}: ${stderr}`)
                assert.notEqual((await scene.verify(verifier, scene.b, image)).code, 0, verifier.name)
              }
            })
  })
