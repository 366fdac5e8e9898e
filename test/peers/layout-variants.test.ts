import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { claim, readClaims } from './harness/claims.ts'
import { listReferrers, listTags, readBlob, readManifest, type Served } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { startOwnRegistry } from './harness/server.ts'

// The layouts that flags and variables of cosign 2 choose: written byte for byte as cosign writes them, found by both.

let scene: Scene
before(async () => {
  scene = await openScene(place => startOwnRegistry(place))
})
after(() => scene.close())

const host = () => scene.registry.host
const hexTag = () => scene.digest.replace(':', '-')

async function readTagged(repository: string, tag: string): Promise<Served> {
  const served = await readManifest(host(), repository, tag)
  assert.ok(served, `${repository}:${tag} is there, beside ${await listTags(host(), repository)}`)
  return served
}

/** The legacy signature among the referrers, which has no tag. */
async function readReferred(repository: string): Promise<Served> {
  const [referrer] = (await listReferrers(host(), repository, scene.digest)) ?? []
  assert.ok(referrer, `${repository} has a referrer`)
  return (await readManifest(host(), repository, referrer.digest))!
}

type Variant = {
  readonly name: string
  readonly env?: Readonly<Record<string, string>>
  readonly signs?: readonly string[]
  readonly verifies?: readonly string[]
  readonly read: (repository: string) => Promise<Served>
}
const variants: readonly Variant[] = [
  {
    name: 'COSIGN_DOCKER_MEDIA_TYPES=1',
    env: { COSIGN_DOCKER_MEDIA_TYPES: '1' },
    read: repository => readTagged(repository, `${hexTag()}.sig`),
  },
  {
    name: '--attachment-tag-prefix',
    signs: ['--attachment-tag-prefix', 'release-'],
    verifies: ['--attachment-tag-prefix', 'release-'],
    read: repository => readTagged(repository, `release-${hexTag()}.sig`),
  },
  {
    name: '--registry-referrers-mode oci-1-1',
    env: { COSIGN_EXPERIMENTAL: '1' },
    signs: ['--registry-referrers-mode', 'oci-1-1'],
    verifies: ['--experimental-oci11'],
    read: readReferred,
  },
]

describe('layouts chosen by flags and variables', () => {
  for (const { name, env = {}, signs = [], verifies = [], read } of variants) {
    const signedBy = async (actor: Actor, repository: string) => {
      const image = await scene.copyImage(repository)
      const identity = ['--sign-container-identity', 'registry.example/app']
      const args = [...actor.signs('legacy'), ...signs, ...identity, '--key', scene.a.key, image]
      const { code, stderr } = await scene.run(actor, ['sign', ...args], { env })
      assert.equal(code, 0, stderr)
      return image
    }
    for (const peer of [cosign2, cosign3]) {
      const folder = `by${name}-${peer.name}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
      test(`${name}: the manifest and the config are those of ${peer.name}, and each finds the other's`, async () => {
        const texts = []
        for (const [signer, verifiers] of [
          [ours, [ours, peer]],
          [peer, [ours]],
        ] as const) {
          const repository = `${folder}-${signer === ours ? 'ours' : 'peer'}`
          const image = await signedBy(signer, repository)
          const { text, mediaType, config } = await read(repository)
          const masked = text.replace(/("dev\.cosignproject\.cosign\/signature"):"[^"]+"/, '$1:"…"')
          texts.push({ mediaType, manifest: masked, config: await readBlob(host(), repository, config!.digest) })
          for (const verifier of verifiers) {
            const flags = [...verifier.verifies('legacy', scene.place), ...verifies, '--key', scene.a.pub]
            const { code, stdout, stderr } = await scene.run(verifier, ['verify', ...flags, image], { env })
            assert.equal(code, 0, `${verifier.name} verifies what ${signer.name} signed: ${stderr}`)
            const text = JSON.stringify(claim('legacy', image)).replace(image.split('@')[0]!, 'registry.example/app')
            assert.deepEqual(readClaims(stdout), [JSON.parse(text)])
          }
        }
        assert.deepEqual(texts[0], texts[1])
      })
    }
  }
})
