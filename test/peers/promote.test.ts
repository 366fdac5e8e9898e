import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage, pushBuilt } from '../../src/testing/image-builder.ts'
import { buildKitIndex } from '../attestations/buildkit-index.ts'
import { statementAbout } from '../attestations/scene.ts'
import { cosign3, ours } from './harness/actor.ts'
import { runOk, tool } from './harness/command.ts'
import { inTwoSteps } from './harness/in-two-steps.ts'
import { openScene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// An index as docker buildx writes it, in a registry: its own layout is that of docs.docker.com/build/metadata/attestations.

const provenance = 'https://slsa.dev/provenance/v0.2'
const types = { spdxjson: 'https://spdx.dev/Document', slsaprovenance: provenance }

for (const { name, start } of registryKinds)
  test(`what docker buildx keeps in an index is promoted, and real cosign verifies it: ${name}`, async () => {
    const scene = await openScene(start)
    try {
      const images = [buildImage(), buildImage({ platform: { os: 'linux', architecture: 'arm64' } })]
      const index = buildKitIndex(
        images.map(image => ({
          image,
          layers: Object.values(types).map(predicateType => ({
            statement: statementAbout(image.digest, { _type: 'https://in-toto.io/Statement/v0.1', predicateType, predicate: { a: 1 } }),
            predicateType,
          })),
        })),
      )
      const { host } = scene.registry
      await pushBuilt(inTwoSteps, new URL(`http://${host}`), 'buildx', 'v1', index)
      const config = scene.place.path('no-services.json')
      await runOk(scene.place, cosign3.command(), ['signing-config', 'create', '--out', config])
      await runOk(scene.place, ours.command(), ['promote', '--key', scene.a.key, '--signing-config', config, `${host}/buildx:v1`])
      const digest = (await runOk(scene.place, tool('crane'), ['digest', '--insecure', `${host}/buildx:v1`])).stdout.trim()
      assert.equal(digest, index.digest)
      for (const image of images)
        for (const [type, predicateType] of Object.entries(types))
          for (const reader of [cosign3, ours]) {
            const line = [
              'verify-attestation',
              '--key',
              scene.a.pub,
              '--insecure-ignore-tlog',
              '--type',
              type,
              `${host}/buildx@${image.digest}`,
            ]
            const { stdout } = await runOk(scene.place, reader.command(), line)
            assert.equal(JSON.parse(atob(JSON.parse(stdout.trim()).payload)).predicateType, predicateType)
          }
    } finally {
      await scene.close()
    }
  })
