import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { withoutFacts } from './harness/attached.ts'
import { runOk, tool } from './harness/command.ts'
import { digestOf } from './harness/image.ts'
import { listReferrers, listTags, readBlob, readManifest, type Served } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { startOwnRegistry } from './harness/server.ts'

// What lies in the registry after signing: the bytes are cosign's but for signatures, times and what follows from them, and
// the image itself is what it was.

const registries = [
  {
    name: 'docker-registry',
    hasReferrersApi: false,
    listing: 'a bundle adds one descriptor to the fallback index and leaves the others',
    open: () => openScene(),
  },
  {
    name: 'countersign registry',
    hasReferrersApi: true,
    listing: 'a bundle makes no fallback tag',
    open: () => openScene(place => startOwnRegistry(place)),
  },
] as const

const emptyConfig = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'

/** Masks signatures, times, the size that follows from a signature, and digests but those known; key order, spaces and everything else stay. */
function mask(text: string, known: string): string {
  return text
    .replace(/("dev\.cosignproject\.cosign\/signature"|"sig"):"[^"]+"/g, '$1:"…"')
    .replace(/("org\.opencontainers\.image\.created"):"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/g, '$1:"…"')
    .replace(/("application\/vnd\.dev\.sigstore\.bundle\.v0\.3\+json","size"):\d+/g, '$1:…')
    .replace(/sha256:[0-9a-f]{64}/g, digest => ([known, emptyConfig].includes(digest) ? digest : 'sha256:…'))
}

for (const { name, hasReferrersApi, listing, open } of registries)
  describe(name, () => {
    let scene: Scene
    before(async () => {
      scene = await open()
    })
    after(() => scene.close())

    const host = () => scene.registry.host
    const tagOf = (format: Format) => `${scene.digest.replace(':', '-')}${format === 'legacy' ? '.sig' : ''}`
    const read = async (repository: string, reference: string): Promise<Served> => {
      const served = await readManifest(host(), repository, reference)
      assert.ok(served, `${repository}: ${reference} is there`)
      return served
    }

    /** Every text that signing left, in order. */
    async function textsOf(repository: string, format: Format): Promise<readonly string[]> {
      if (format === 'legacy') {
        const { text, config, layers } = await read(repository, tagOf('legacy'))
        const blobs = await Promise.all([config!, ...layers].map(({ digest }) => readBlob(host(), repository, digest)))
        return [text, ...blobs]
      }
      const index = hasReferrersApi ? undefined : await read(repository, tagOf('bundle'))
      const [referrer] = index?.manifests ?? (await listReferrers(host(), repository, scene.digest)) ?? []
      const { text, config, layers } = await read(repository, referrer!.digest)
      const blobs = await Promise.all([config!, ...layers].map(({ digest }) => readBlob(host(), repository, digest)))
      return [...(index ? [index.text] : []), text, ...blobs]
    }

    async function signedBy(actor: Actor, format: Format, repository: string, ...flags: readonly string[]) {
      const image = await scene.copyImage(repository)
      await scene.sign(actor, format, scene.a, ...flags, image)
      return (await textsOf(repository, format)).map(text => mask(text, scene.digest).replaceAll(repository, 'REPOSITORY'))
    }

    for (const { format, peer } of [
      { format: 'legacy', peer: cosign2 },
      { format: 'legacy', peer: cosign3 },
      { format: 'bundle', peer: cosign3 },
    ] as const)
      for (const { what, flags } of [
        { what: 'plain', flags: [] },
        { what: 'annotated', flags: ['-a', 'z=<1>', '-a', 'a=ü&\u2028'] },
      ])
        test(`our bytes are those of cosign but for the signature: ${format}, ${what}, beside ${peer.name}`, async () => {
          const name = `${format}-${what}-${peer.name.replace(' ', '')}`
          const [own, theirs] = [
            await signedBy(ours, format, `ours-${name}`, ...flags),
            await signedBy(peer, format, `peer-${name}`, ...flags),
          ]
          assert.deepEqual(own, theirs)
        })

    test("--record-creation-timestamp with SOURCE_DATE_EPOCH: the config is cosign's", async () => {
      const env = { SOURCE_DATE_EPOCH: '1700000000' }
      const configs = []
      for (const actor of actors) {
        const repository = `epoch-${actor.name.replace(' ', '')}`
        const image = await scene.copyImage(repository)
        const args = [...actor.signs('legacy'), '--record-creation-timestamp', '--key', scene.a.key, image]
        const { code, stderr } = await scene.run(actor, ['sign', ...args, '--sign-container-identity', 'r.example/x'], { env })
        assert.equal(code, 0, stderr)
        configs.push(await readBlob(host(), repository, (await read(repository, tagOf('legacy'))).config!.digest))
      }
      assert.match(configs[0]!, /"created":"2023-11-14T22:13:20Z"/)
      assert.deepEqual(configs, [configs[1], configs[1], configs[1]])
    })

    test(listing, async () => {
      const image = await scene.copyImage('listed')
      const annotation = ['--annotation', 'org.example.kind=note', '--artifact-type', 'application/vnd.example.note']
      await runOk(scene.place, tool('oras'), ['attach', '--plain-http', ...annotation, image])
      const list = async () => {
        if (hasReferrersApi) return (await listReferrers(host(), 'listed', scene.digest))!.map(entry => JSON.stringify(entry))
        return (await read('listed', tagOf('bundle'))).manifests.map(entry => JSON.stringify(entry))
      }
      await scene.sign(cosign3, 'bundle', scene.b, image) // which writes the descriptors of others anew
      for (const key of [scene.a, scene.b]) {
        const known = await list()
        await scene.sign(ours, 'bundle', key, image)
        const now = await list()
        assert.equal(now.length, known.length + 1)
        assert.deepEqual(
          known.filter(entry => !now.includes(entry)),
          [],
        )
      }
      assert.deepEqual(await listTags(host(), 'listed'), [...(hasReferrersApi ? [] : [tagOf('bundle')]), 'v1'].sort())
      for (const actor of [ours, cosign3]) {
        const { code, stdout } = await scene.verify(actor, scene.b, image)
        assert.equal(code, 0)
        assert.equal(JSON.parse(stdout).length, 2)
      }
    })

    test('tree prints the lines that cosign prints, and oras discovers the bundle', async () => {
      const image = await scene.copyImage('tree')
      const nothing = await scene.run(ours, ['tree', image])
      assert.equal(nothing.stdout, `${(await scene.run(cosign3, ['tree', image])).stdout}\n`)
      await scene.sign(ours, 'legacy', scene.a, image)
      await scene.sign(cosign2, 'legacy', scene.b, image)
      await scene.sign(ours, 'bundle', scene.a, image)
      for (const reference of [image, `${host()}/tree:v1`]) {
        const [own, theirs] = [await scene.run(ours, ['tree', reference]), await scene.run(cosign3, ['tree', reference])]
        assert.equal(own.code, 0, own.stderr)
        assert.deepEqual(withoutFacts(own.stdout).split('\n').sort(), theirs.stdout.split('\n').sort()) // cosign's groups come in any order
      }
      const discovered = await runOk(scene.place, tool('oras'), ['discover', '--plain-http', '--format', 'json', image])
      const types = JSON.parse(discovered.stdout).manifests.map(({ artifactType }: { artifactType: string }) => artifactType)
      // the fallback index gives the type that cosign writes there, the API that of the manifest
      assert.deepEqual(types, [hasReferrersApi ? 'application/vnd.dev.sigstore.bundle.v0.3+json' : 'application/vnd.oci.empty.v1+json'])
    })

    test('a signed image is pulled unchanged by crane and oras', async () => {
      const image = await scene.copyImage('pulled')
      for (const format of ['bundle', 'legacy'] as const) await scene.sign(ours, format, scene.a, image)
      assert.equal(await digestOf(scene.place, `${host()}/pulled:v1`), scene.digest)
      const manifest = (await read('pulled', 'v1')).text
      assert.equal(
        (await runOk(scene.place, tool('crane'), ['manifest', '--insecure', `${host()}/pulled:v1`])).stdout.trimEnd(),
        manifest.trimEnd(),
      )
      await runOk(scene.place, tool('crane'), ['pull', '--insecure', `${host()}/pulled:v1`, scene.place.path('pulled.tar')])
      const copied = ['cp', '--from-plain-http', '--to-oci-layout', `${host()}/pulled:v1`, `${scene.place.path('pulled')}:v1`]
      await runOk(scene.place, tool('oras'), copied)
      const fetched = await runOk(scene.place, tool('oras'), ['manifest', 'fetch', '--oci-layout', `${scene.place.path('pulled')}:v1`])
      assert.equal(fetched.stdout.trimEnd(), manifest.trimEnd())
    })
  })
