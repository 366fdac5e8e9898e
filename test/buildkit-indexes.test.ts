import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { OciDigest } from '../src/formats/oci-digest.ts'
import { assertRefused, createRig, good, rigHost } from '../src/testing/command-rig.ts'
import { imageManifestType, type Platform } from '../src/testing/image-builder.ts'
import { buildKitIndex } from './attestations/buildkit-index.ts'
import { addSigstore } from './keyless-sign/scene.ts'

// Indexes that BuildKit itself has written, of three years: what is the same in all, and what each does in its own way.

const vectors = join(import.meta.dirname, 'vectors/buildkit')
const commit = '749961d195dd09d268140e28227fb1a44d8940e1'
const slsa02 = 'https://slsa.dev/provenance/v0.2'
const slsa1 = 'https://slsa.dev/provenance/v1'
const spdx = 'https://spdx.dev/Document'
const asImages = { artifactType: undefined, config: 'application/vnd.oci.image.config.v1+json', statementVersion: 'v0.1' }
const asArtifacts = {
  artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
  config: 'application/vnd.oci.empty.v1+json',
  statementVersion: 'v1',
}

type Entry = {
  readonly mediaType: typeof imageManifestType
  readonly digest: OciDigest
  readonly size: number
  readonly platform: Platform
  readonly annotations?: Readonly<Record<string, string>>
}
type Manifest = {
  readonly mediaType: string
  readonly artifactType?: string
  readonly config: Entry
  readonly layers: readonly Entry[]
  readonly subject?: Entry
}

const rig = createRig()
await addSigstore(rig)

for (const { version, artifactType, config, statementVersion, provenance } of [
  { version: '0.13.2', ...asImages, provenance: slsa02 },
  { version: '0.25.2', ...asImages, provenance: slsa02 },
  { version: '0.34.2', ...asArtifacts, provenance: slsa1 },
]) {
  const folder = join(vectors, version)
  const blob = (digest: string) => readFileSync(join(folder, 'blobs/sha256', digest.slice('sha256:'.length)))
  const read = (digest: string) => JSON.parse(blob(digest).toString())
  const { digest }: Entry = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')).manifests[0]
  const entries: readonly Entry[] = read(digest).manifests
  const images = entries.slice(0, 2).map((image, number) => {
    const entry = entries[number + 2]!
    const manifest: Manifest = read(entry.digest)
    const statements = manifest.layers.map(layer => ({ layer, bytes: blob(layer.digest), said: read(layer.digest) }))
    return { image, entry, manifest, statements }
  })
  const built = `built-${version}`
  for (const name of globSync('**', { cwd: folder, withFileTypes: true }).filter(file => file.isFile()))
    rig.disk.set(join(built, name.parentPath.slice(folder.length), name.name), readFileSync(join(name.parentPath, name.name)))

  test(`BuildKit ${version}: the index is as Docker documents it, its attestation manifests ${artifactType ? 'artifacts' : 'images'} by themselves`, () => {
    for (const { image, entry, manifest, statements } of images) {
      const annotations = { 'vnd.docker.reference.digest': image.digest, 'vnd.docker.reference.type': 'attestation-manifest' }
      assert.deepEqual([entry.annotations, entry.platform], [annotations, { architecture: 'unknown', os: 'unknown' }])
      assert.deepEqual([manifest.mediaType, manifest.artifactType, manifest.config.mediaType], [imageManifestType, artifactType, config])
      const { mediaType, size } = image
      assert.deepEqual(manifest.subject, artifactType && { mediaType, digest: image.digest, size })
      const name = `pkg:docker/registry.example.com/app@v1?platform=linux%2F${image.platform.architecture}`
      for (const [number, predicateType] of [spdx, provenance].entries()) {
        const { layer, said } = statements[number]!
        assert.deepEqual(
          [layer.mediaType, layer.annotations],
          ['application/vnd.in-toto+json', { 'in-toto.io/predicate-type': predicateType }],
        )
        assert.deepEqual([said._type, said.predicateType], [`https://in-toto.io/Statement/${statementVersion}`, predicateType])
        assert.deepEqual(said.subject, [{ name, digest: { sha256: image.digest.slice('sha256:'.length) } }])
      }
    }
  })

  for (const { kind, place } of [
    { kind: 'in a registry', place: `${rigHost}/${built}` },
    { kind: 'in a folder', place: `oci:${built}` },
  ])
    test(`BuildKit ${version}: each statement is promoted as it is, and gates read it: ${kind}`, async () => {
      if (!place.startsWith('oci:')) await good(rig.cs(`copy oci:${built}:v1 ${place}:v1`))
      const answer = JSON.parse((await good(rig.cs(`promote --key team.key --signing-config none.json -o json ${place}:v1`))).stdout)
      assert.equal(answer.digest, digest)
      assert.deepEqual(
        answer.promoted.map((entry: { image: string; predicateType: string; added: boolean }) => [
          entry.image,
          entry.predicateType,
          entry.added,
        ]),
        images.flatMap(({ image }) => [spdx, provenance].map(predicateType => [image.digest, predicateType, true])),
      )
      for (const { image, statements } of images) {
        const verify = (rest: string) =>
          rig.cs(`verify-attestation --key team.pub --insecure-ignore-tlog -o json ${rest} ${place}@${image.digest}`)
        for (const { said, bytes } of statements) {
          const { stdout } = await good(
            rig.cs(`verify-attestation --key team.pub --insecure-ignore-tlog --type ${said.predicateType} ${place}@${image.digest}`),
          )
          assert.equal(atob(JSON.parse(stdout).payload), bytes.toString('latin1'))
        }
        const source = `--type ${provenance} --require-source git://127.0.0.1/vec`
        await good(verify(`${source}/app#main --require-builder https://ci.example.com/builder --require-commit ${commit}`))
        assertRefused(await verify(`${source}/other`), {
          exit: 1,
          code: 'SOURCE_MISMATCH',
          message: /it was built from "git:\/\/127\.0\.0\.1\/vec\/app#main"/,
        })
      }
    })

  test(`BuildKit ${version}: cleaning takes what was promoted, and never what the index itself lists`, async () => {
    const place = `${rigHost}/cleaned-${version}`
    await good(rig.cs(`copy oci:${built}:v1 ${place}:v1`))
    const promote = async () =>
      JSON.parse((await good(rig.cs(`promote --key team.key --signing-config none.json -o json ${place}:v1`))).stdout).promoted
    await promote()
    for (const { image } of images) await good(rig.cs(`clean --force --type all ${place}@${image.digest}`))
    assert.deepEqual(
      (await promote()).map((entry: { added: boolean }) => entry.added),
      [true, true, true, true],
    )
  })

  test(`BuildKit ${version}: each predicate keeps to the format of its type`, async () => {
    for (const { said } of images[0]!.statements) {
      rig.disk.set('predicate.json', JSON.stringify(said.predicate)).set('blob', 'x')
      const flags = '--strict --key team.key --tlog-upload=false --use-signing-config=false --predicate predicate.json --bundle out.json'
      await good(rig.cs(`attest-blob ${flags} --type ${said.predicateType} blob`))
    }
  })

  if (!artifactType)
    test(`BuildKit ${version}: the indexes that tests make by hand are the same, byte for byte`, () => {
      const made = buildKitIndex(
        images.map(({ image, statements }) => ({
          image: { ...image, manifest: blob(image.digest), blobs: new Map(), images: [] },
          layers: statements.map(({ bytes, said }) => ({ statement: bytes, predicateType: said.predicateType })),
        })),
      )
      assert.equal(new TextDecoder().decode(made.manifest), blob(digest).toString())
      assert.equal(made.digest, digest)
    })
}
