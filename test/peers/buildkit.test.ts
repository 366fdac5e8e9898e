import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cosign3, ours } from './harness/actor.ts'
import { type BuildScene, buildScanner, commitContext, type DockerDaemon, openBuildScene, writeContext } from './harness/buildkit.ts'
import { type InIndex, readInIndex } from './harness/in-index.ts'

// What a real BuildKit builds, attests and pushes: that of Docker 28 (0.25) and that of Docker 26 (0.13), the oldest and newest that Debian has.

const builder = 'https://ci.example.com/builder'
const types = { slsa02: 'https://slsa.dev/provenance/v0.2', slsa1: 'https://slsa.dev/provenance/v1', spdx: 'https://spdx.dev/Document' }
const stages = [
  'FROM scratch AS base',
  'ARG BUILDKIT_SBOM_SCAN_STAGE=true',
  'COPY busybox /bin/busybox',
  'FROM scratch',
  'COPY --from=base /bin/busybox /sh',
  'COPY name.txt /',
]

type Build = {
  readonly name: string
  /** Of `docker buildx build`, with the folder or repository last. */
  readonly args: (scanner: string) => readonly string[]
  readonly lines?: readonly string[]
  /** Types of the statements about each image, in order. */
  readonly wanted: readonly string[]
  readonly platforms?: number
}

const builds: readonly Build[] = [
  {
    name: 'folder',
    args: () => ['--provenance=true', '--platform=linux/amd64,linux/arm64', 'folder'],
    wanted: [types.slsa02],
    platforms: 2,
  },
  {
    name: 'repository',
    args: () => [`--attest=type=provenance,mode=max,builder-id=${builder}`, 'git://127.0.0.1/repository#main'],
    wanted: [types.slsa02],
  },
  {
    name: 'scanned',
    args: scanner => [`--attest=type=sbom,generator=${scanner}`, `--attest=type=provenance,mode=min,builder-id=${builder}`, 'scanned'],
    lines: stages,
    wanted: [types.spdx, types.spdx, types.slsa02],
  },
]

const newerBuilds: readonly Build[] = [
  {
    name: 'folder-1',
    args: () => ['--attest=type=provenance,mode=min,version=v1', '--platform=linux/amd64,linux/arm64', 'folder-1'],
    wanted: [types.slsa1],
    platforms: 2,
  },
  {
    name: 'repository-1',
    args: () => [`--attest=type=provenance,mode=max,version=v1,builder-id=${builder}`, 'git://127.0.0.1/repository-1#main'],
    wanted: [types.slsa1],
  },
  {
    name: 'artifact', // attestation manifests say of themselves what they are about, so that they are referrers too
    args: () => ['--output=type=image,push=true,oci-artifact=true', '--provenance=true', 'artifact'],
    wanted: [types.slsa02],
  },
]

for (const { daemon, registry, own } of [
  { daemon: 'dockerd', registry: 'countersign registry', own: [...builds, ...newerBuilds] },
  { daemon: 'dockerd-26', registry: 'docker-registry', own: builds },
] as const satisfies readonly { daemon: DockerDaemon; registry: unknown; own: readonly Build[] }[])
  describe(`${daemon}, ${registry}`, () => {
    let scene: BuildScene
    const commits: Record<string, string> = {}
    const indexes: Record<string, InIndex & { readonly image: string }> = {}

    before(async () => {
      scene = await openBuildScene(daemon, registry)
      await scene.runOk(cosign3.command(), ['signing-config', 'create', '--out', 'none.json'])
      const scanner = await buildScanner(scene)
      for (const { name, args, lines } of own) {
        writeContext(scene.place, name, lines)
        if (name.startsWith('repository')) commits[name] = await commitContext(scene, name)
        const image = await scene.build(name, args(scanner))
        indexes[name] = { image, ...(await readInIndex(scene, image)) }
      }
    })
    after(() => scene.close())

    const trusting = () => ['--key', scene.a.pub, '--insecure-ignore-tlog']
    const promote = async (image: string) =>
      JSON.parse(
        (await scene.runOk(ours.command(), ['promote', '--key', scene.a.key, '--signing-config', 'none.json', '-o', 'json', image])).stdout,
      )

    for (const { name, wanted, platforms = 1 } of own)
      test(`${name}: each statement is signed as it is, real cosign verifies it, and the index stays`, async () => {
        const { image, digest, images, statements } = indexes[name]!
        assert.equal(Object.keys(images).length, platforms)
        for (const about of Object.values(images)) {
          assert.deepEqual(
            statements.filter(statement => statement.image === about).map(({ predicateType }) => predicateType),
            wanted,
          )
          const unsigned = await scene.run(ours.command(), ['verify-attestation', ...trusting(), '--type', wanted[0]!, about])
          assert.deepEqual([unsigned.code, /none is attached/.test(unsigned.stderr)], [1, true], unsigned.stderr)
        }
        const expected = statements.map(({ image: about, predicateType }) => ({
          image: about.slice(about.indexOf('@') + 1),
          predicateType,
        }))
        for (const added of [true, false]) {
          const answer = await promote(image)
          assert.equal(answer.digest, digest)
          assert.deepEqual(
            answer.promoted.map(({ referrer, ...entry }: { referrer: string }) => entry),
            expected.map(entry => ({ ...entry, added })),
          )
        }
        assert.equal((await readInIndex(scene, image)).digest, digest)
        for (const about of Object.values(images))
          for (const type of new Set(wanted))
            for (const reader of [cosign3, ours]) {
              const { stdout } = await scene.runOk(reader.command(), ['verify-attestation', ...trusting(), '--type', type, about])
              const payloads = stdout
                .trim()
                .split('\n')
                .map(line => Buffer.from(JSON.parse(line).payload, 'base64').toString())
              const texts = statements
                .filter(statement => statement.image === about && statement.predicateType === type)
                .map(({ text }) => text)
              assert.deepEqual(payloads.sort(), texts.sort(), reader.name)
            }
      })
  })
