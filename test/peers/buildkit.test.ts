import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { cosign3, ours } from './harness/actor.ts'
import { type BuildScene, buildScanner, commitContext, type DockerDaemon, openBuildScene, writeContext } from './harness/buildkit.ts'
import { type InIndex, readInIndex } from './harness/in-index.ts'

// What a real BuildKit builds, attests and pushes: that of Docker 28 (0.25) and that of Docker 26 (0.13), the oldest and newest that Debian has.

const builder = 'https://ci.example.com/builder'
const types = { slsa02: 'https://slsa.dev/provenance/v0.2', slsa1: 'https://slsa.dev/provenance/v1', spdx: 'https://spdx.dev/Document' }
/** What is built in two stages, of which either is scanned. */
const stages = [
  'FROM scratch AS base',
  'ARG BUILDKIT_SBOM_SCAN_STAGE=true',
  'COPY busybox /bin/busybox',
  'FROM scratch',
  'COPY --from=base /bin/busybox /bin/busybox',
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
]

const newerBuilds: readonly Build[] = [
  {
    name: 'scanned',
    args: scanner => [`--attest=type=sbom,generator=${scanner}`, `--attest=type=provenance,mode=min,builder-id=${builder}`, 'scanned'],
    lines: stages,
    wanted: [types.spdx, types.spdx, types.slsa02],
  },
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
      const scanner = daemon === 'dockerd' ? await buildScanner(scene) : '' // what the older one makes of an SBOM is in test/vectors
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
        }
        const line = ['verify-attestation', ...trusting(), '--type', wanted[0]!, images['amd64']!]
        const unsigned = await scene.run(ours.command(), line)
        assert.deepEqual([unsigned.code, /none is attached/.test(unsigned.stderr)], [1, true], unsigned.stderr)
        const expected = statements.map(({ image: about, predicateType }) => ({
          image: about.slice(about.indexOf('@') + 1),
          predicateType,
        }))
        for (const added of platforms > 1 ? [true, false] : [true]) {
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

    if (daemon === 'dockerd-26') return // what follows is of what was written, whoever wrote it

    const promoted = new Map<string, Promise<unknown>>()
    const promoteOnce = (name: string) => promoted.get(name) ?? promoted.set(name, promote(indexes[name]!.image)).get(name)

    /** `verify-attestation` of what was promoted, by the key that promoted it. */
    const verify = async (name: string, type: string, ...gates: readonly string[]) => {
      await promoteOnce(name)
      return scene.run(ours.command(), ['verify-attestation', ...trusting(), '--type', type, ...gates, indexes[name]!.images['amd64']!])
    }

    for (const { name, wanted } of own.filter(build => build.name.startsWith('repository')))
      test(`${name}: gates hold the provenance to builder, repository and commit`, async () => {
        const source = `git://127.0.0.1/${name}`
        for (const { gates, refused } of [
          { gates: ['--require-builder', builder, '--require-source', `${source}#main`, '--require-commit', commits[name]!] },
          {
            gates: ['--require-builder', 'https://ci.example.com/other'],
            refused: /\(builder\): .*it was built by "https:\/\/ci\.example\.com\/builder"/,
          },
          { gates: ['--require-source', `${source}2`], refused: /\(source\): .*it was built from "git:\/\/127\.0\.0\.1\/repository/ },
          { gates: ['--require-commit', '0'.repeat(40)], refused: /\(commit\): / },
        ]) {
          const { code, stderr } = await verify(name, wanted[0]!, ...gates)
          assert.equal(code, refused ? 1 : 0, stderr)
          if (refused) assert.match(stderr, refused)
        }
      })

    for (const { name, wanted } of own.filter(build => build.name.startsWith('folder')))
      test(`${name}: without a word of where it was built from, gates refuse, also where real cosign attested the same predicate`, async () => {
        const { images, statements } = indexes[name]!
        for (const [gate, refused] of [
          ['--require-source', /\(source\).*the provenance does not say what was built, only what was used/],
          ['--require-builder', /\(builder\).*the provenance names no builder/],
        ] as const) {
          const { code, stderr } = await verify(name, wanted[0]!, gate, 'https://git.example.com/app')
          assert.deepEqual([code, refused.test(stderr)], [1, true], stderr)
        }
        writeFileSync(scene.place.path('predicate.json'), JSON.stringify(JSON.parse(statements[1]!.text).predicate))
        const attesting = [
          '--key',
          scene.a.key,
          '--type',
          wanted[0] === types.slsa1 ? 'slsaprovenance1' : 'slsaprovenance',
          '--predicate',
          'predicate.json',
        ]
        await scene.runOk(cosign3.command(), ['attest', ...cosign3.signs('bundle'), ...attesting, images['arm64']!])
        const line = ['verify-attestation', ...trusting(), '--type', wanted[0]!, '--require-builder', builder, images['arm64']!]
        const { code, stderr } = await scene.run(ours.command(), line)
        assert.deepEqual([code, /\(builder\).*the provenance names no builder/.test(stderr)], [1, true], stderr)
      })

    test('scanned: the SBOM of each stage is held to gates, and read by its format', async () => {
      const missing = await verify('scanned', 'spdxjson', '--require-component', 'left-pad')
      assert.deepEqual([missing.code, /\(component\).*"left-pad"/.test(missing.stderr)], [1, true], missing.stderr)
      const held = await verify('scanned', 'spdxjson', '--require-component', 'pkg:generic/busybox')
      assert.equal(held.code, 0, held.stderr)
      assert.equal(held.stdout.trim().split('\n').length, 2)
      for (const [number, { text, image }] of indexes['scanned']!.statements.entries()) {
        writeFileSync(scene.place.path(`${number}.json`), text)
        const flags = [...ours.signs('bundle'), '--key', scene.a.key, '--strict', '--statement', `${number}.json`]
        await scene.runOk(ours.command(), ['attest', ...flags, image])
      }
    })

    for (const { name, wanted } of own.filter(build => ['folder', 'artifact'].includes(build.name)))
      test(`${name}: copies, in a registry and in a folder, have the index and what was promoted`, async () => {
        const { image, digest, images } = indexes[name]!
        await promoteOnce(name)
        const [there, back] = [`${scene.registry}/copied/${name}:v1`, `${scene.registry}/loaded/${name}:v1`]
        await scene.runOk(ours.command(), ['copy', image, there])
        await scene.runOk(ours.command(), ['save', '--dir', `${name}-saved`, there])
        await scene.runOk(ours.command(), ['load', '--dir', `${name}-saved`, back])
        for (const copy of [there, back]) {
          assert.equal((await readInIndex(scene, copy)).digest, digest)
          const about = `${copy.slice(0, -':v1'.length)}@${Object.values(images)[0]!.split('@')[1]}`
          await scene.runOk(cosign3.command(), ['verify-attestation', ...trusting(), '--type', wanted[0]!, about])
        }
      })

    test('what is promoted is in the tree and is downloaded, and nothing was before', async () => {
      writeContext(scene.place, 'shown')
      const image = await scene.build('shown', ['--provenance=true', 'shown'])
      const { images, statements } = await readInIndex(scene, image)
      const about = images['amd64']!
      const tree = async () =>
        JSON.parse((await scene.runOk(ours.command(), ['tree', '--recursive', '-o', 'json', image])).stdout).images[0].artifacts
      assert.deepEqual(await tree(), [])
      assert.match((await scene.run(ours.command(), ['download', 'attestation', about])).stderr, /found no attestations/)
      await promote(image)
      const [artifact, ...others] = await tree()
      assert.deepEqual([artifact.contents[0].type, others], [statements[0]!.predicateType, []])
      for (const reader of [ours, cosign3]) {
        const { stdout } = await scene.runOk(reader.command(), ['download', 'attestation', about])
        assert.equal(Buffer.from(JSON.parse(stdout).dsseEnvelope.payload, 'base64').toString(), statements[0]!.text)
      }
    })

    test('an index that buildx has put together of two builds is promoted as a whole', async () => {
      const parts: string[] = []
      for (const platform of ['amd64', 'arm64']) {
        writeContext(scene.place, `part-${platform}`)
        parts.push(await scene.build(`part-${platform}`, ['--provenance=true', `--platform=linux/${platform}`, `part-${platform}`]))
      }
      const whole = `${scene.registry}/whole:v1`
      await scene.buildx(['imagetools', 'create', '-t', whole, ...parts])
      const { images } = await readInIndex(scene, whole)
      assert.deepEqual(
        (await promote(whole)).promoted.map((entry: { image: string }) => entry.image),
        Object.values(images).map(image => image.split('@')[1]),
      )
      for (const image of Object.values(images))
        await scene.runOk(cosign3.command(), ['verify-attestation', ...trusting(), '--type', types.slsa02, image])
    })

    test('what BuildKit exports into a folder is promoted there', async () => {
      writeContext(scene.place, 'exported')
      const output = '--output=type=oci,tar=false,name=app.example.com/app:v1,dest=layout'
      await scene.buildx(['build', '--provenance=true', output, 'exported'])
      const [{ image }] = (await promote('oci:layout:v1')).promoted
      await scene.runOk(ours.command(), ['verify-attestation', ...trusting(), '--type', types.slsa02, `oci:layout@${image}`])
    })

    test('of the newest BuildKit, whose statements are of in-toto 1: real cosign verifies them', async () => {
      const image = `${scene.registry}/newest:v1`
      await scene.runOk(ours.command(), ['load', '--dir', join(import.meta.dirname, '../vectors/buildkit/0.34.2'), image])
      await promote(image)
      const { images, statements } = await readInIndex(scene, image)
      for (const about of Object.values(images))
        for (const type of [types.spdx, types.slsa1])
          for (const reader of [cosign3, ours]) {
            const { stdout } = await scene.runOk(reader.command(), ['verify-attestation', ...trusting(), '--type', type, about])
            const { text } = statements.find(statement => statement.image === about && statement.predicateType === type)!
            assert.equal(Buffer.from(JSON.parse(stdout).payload, 'base64').toString(), text)
          }
    })
  })
