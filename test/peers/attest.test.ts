import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// What we attest with a key: the statement that real cosign makes of the same predicate, and real cosign verifies it, for every type, in
// both layouts, in both registries.

/** A predicate of each type that `--type` knows, as somebody may write it. */
const predicates: Readonly<Record<string, string>> = {
  custom: 'free <text> & "more"\n',
  cyclonedx: '{"specVersion":"1.6","bomFormat":"CycloneDX","components":[{"type":"library","name":"<b>","version":"1.0"}],"z":[1e2,0.10]}',
  link: '{"_type":"link","name":"build","command":["make"],"materials":{"a":{"sha256":"aa"}},"products":{},"byproducts":{"return-value":0},"environment":{},"more":1}',
  openvex:
    '{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.com/vex","author":"a","timestamp":"2026-01-01T00:00:00Z","version":1,"statements":[]}',
  slsaprovenance:
    '{"builder":{"id":"https://example.com/builder"},"buildType":"https://example.com/type","invocation":{"parameters":{"b":1,"a":2}},"metadata":{"buildStartedOn":"2026-01-01T00:00:00.5+02:00","reproducible":false},"materials":[{"uri":"git+https://example.com/r","digest":{"sha1":"aa"}}],"more":1}',
  slsaprovenance02: '{"buildType":"https://example.com/type","builder":{"id":"https://example.com/builder"}}',
  slsaprovenance1:
    '{"buildDefinition":{"buildType":"https://example.com/type","externalParameters":{"ref":"main"},"more":1},"runDetails":{"builder":{"id":"https://example.com/builder"},"metadata":{"invocationId":"7","startedOn":"2026-01-01T00:00:00Z"}}}',
  spdx: 'SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nDocumentName: <app>\n',
  spdxjson: '{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"app","packages":[]}',
  vuln: '{"scanner":{"uri":"pkg:trivy","version":"0.50","result":{"z":1,"a":[]}},"metadata":{"scanStartedOn":"2026-01-01T00:00:00Z"}}',
  'https://example.com/review/v1': '{"verdict":"good","by":{"z":1,"a":2}}',
}
const types = Object.keys(predicates)

/** Payload of the envelope in a bundle, or of a bare one, without the second in which `custom` was made. */
function statementIn(json: string): string {
  const document = JSON.parse(json)
  const payload = Buffer.from((document.dsseEnvelope ?? document).payload, 'base64').toString('utf8')
  return payload.replace(/"Timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/, '"Timestamp":"…"')
}

function writePredicates(scene: Scene): void {
  for (const [at, type] of types.entries()) writeFileSync(scene.place.path(`predicate-${at}`), predicates[type]!)
  writeFileSync(scene.place.path('blob'), 'countersign\n')
}

const predicateOf = (scene: Scene, type: string) => ['--type', type, '--predicate', scene.place.path(`predicate-${types.indexOf(type)}`)]

/** cosign 3.1.1 cannot read a statement whose predicate is text, its own among them: it finds the others alone. */
const readersOf = (format: Format, type: string) =>
  format === 'bundle' ? [type === 'spdx' ? ours : cosign3] : type === 'spdx' ? [cosign2] : [cosign2, cosign3]

for (const { name, start } of registryKinds)
  describe(name, { concurrency: 2 }, () => {
    let scene: Scene
    before(async () => {
      scene = await openScene(start)
      writePredicates(scene)
    })
    after(() => scene.close())

    for (const format of ['bundle', 'legacy'] as const)
      test(`${format}: attestations of every type on one image, each verified by its type`, async () => {
        const image = await scene.copyImage(`every-${format}`)
        for (const type of types)
          await runOk(scene.place, ours.command(), [
            'attest',
            ...ours.signs(format),
            '--key',
            scene.a.key,
            ...predicateOf(scene, type),
            image,
          ])
        for (const type of types)
          for (const reader of readersOf(format, type)) {
            const flags = ['--key', scene.a.pub, '--insecure-ignore-tlog', '--type', type]
            const { code, stdout, stderr } = await scene.run(reader, ['verify-attestation', ...flags, image])
            assert.equal(code, 0, `${reader.name}, ${type}: ${stderr}`)
            const lines = stdout.split('\n').filter(line => line.startsWith('{'))
            assert.ok(
              lines.some(line => statementIn(line).includes('"predicateType"')),
              `${reader.name}, ${type}: ${stdout}`,
            )
          }
        const stranger = ['--key', scene.b.pub, '--insecure-ignore-tlog', '--type', 'cyclonedx']
        for (const reader of readersOf(format, 'cyclonedx'))
          assert.equal((await scene.run(reader, ['verify-attestation', ...stranger, image])).code, 1, reader.name)
      })

    test('a text that cosign 3 cannot read does not hide the others from it', async () => {
      const image = await scene.copyImage('text')
      for (const type of ['spdx', 'openvex'])
        await runOk(scene.place, ours.command(), [
          'attest',
          ...ours.signs('bundle'),
          '--key',
          scene.a.key,
          ...predicateOf(scene, type),
          image,
        ])
      const flags = ['--key', scene.a.pub, '--insecure-ignore-tlog', '--type']
      assert.equal((await scene.run(cosign3, ['verify-attestation', ...flags, 'openvex', image])).code, 0)
      const { code, stderr } = await scene.run(cosign3, ['verify-attestation', ...flags, 'spdx', image])
      assert.equal(code, 1)
      assert.match(stderr, /none of the attestations matched the predicate type: spdx, found: https:\/\/openvex\.dev\/ns/)
    })

    test('--replace among attestations of real cosign: those of the type are gone for every reader', async () => {
      const image = await scene.copyImage('replaced')
      const attest = (actor: typeof ours, type: string, ...more: string[]) =>
        runOk(scene.place, actor.command(), [
          'attest',
          ...actor.signs('legacy'),
          '--key',
          scene.a.key,
          ...predicateOf(scene, type),
          ...more,
          image,
        ])
      await attest(cosign2, 'vuln')
      await attest(cosign2, 'cyclonedx')
      await attest(cosign3, 'vuln')
      await attest(ours, 'vuln', '--replace')
      for (const reader of [cosign2, cosign3]) {
        const { stdout } = await runOk(scene.place, reader.command(), ['download', 'attestation', image])
        const found = stdout
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(statementIn(line)).predicateType)
        assert.deepEqual(found.toSorted(), ['https://cosign.sigstore.dev/attestation/vuln/v1', 'https://cyclonedx.org/bom'], reader.name)
      }
    })

    test('attach attestation: envelopes of cosign 2, laid out over lines too, and a bundle of cosign 3 verify on a copy', async () => {
      const image = await scene.copyImage('attached')
      const envelopes: string[] = []
      for (const type of ['vuln', 'openvex']) {
        const line = ['attest', ...cosign2.signs('legacy'), '--key', scene.a.key, '--no-upload', ...predicateOf(scene, type), image]
        envelopes.push((await runOk(scene.place, cosign2.command(), line)).stdout)
      }
      const [file, bundle] = [scene.place.path('envelopes'), scene.place.path('attached.json')]
      writeFileSync(file, `${envelopes[0]}${JSON.stringify(JSON.parse(envelopes[1]!), null, 2)}\n`)
      const line = [
        'attest',
        ...cosign3.signs('bundle'),
        '--key',
        scene.a.key,
        '--bundle',
        bundle,
        ...predicateOf(scene, 'cyclonedx'),
        image,
      ]
      await runOk(scene.place, cosign3.command(), line)
      const copy = await scene.copyImage('attached-copy')
      await runOk(scene.place, ours.command(), ['attach', 'attestation', '--attestation', file, '--attestation', bundle, copy])
      const flags = ['--key', scene.a.pub, '--insecure-ignore-tlog', '--type']
      for (const type of ['vuln', 'openvex'])
        assert.equal((await scene.run(cosign2, ['verify-attestation', ...flags, type, copy])).code, 0, type)
      assert.equal((await scene.run(cosign3, ['verify-attestation', ...flags, 'cyclonedx', copy])).code, 0)
    })

    test('attach sbom: real cosign downloads what it was, of the media type that it gives it itself', async () => {
      const sbom = scene.place.path('sbom.json')
      writeFileSync(sbom, '{"bomFormat": "CycloneDX"}\n')
      const image = await scene.copyImage('sbom')
      await runOk(scene.place, ours.command(), ['attach', 'sbom', '--type', 'cyclonedx', '--sbom', sbom, image])
      for (const reader of [cosign2, cosign3]) {
        const { stdout, stderr } = await runOk(scene.place, reader.command(), ['download', 'sbom', image])
        assert.equal(stdout, readFileSync(sbom, 'utf8'), reader.name)
        assert.match(stderr, /Found SBOM of media type: application\/vnd\.cyclonedx\+json/)
      }
    })
  })

describe('files', { concurrency: 2 }, () => {
  let scene: Scene
  before(async () => {
    scene = await openScene()
    writePredicates(scene)
  })
  after(() => scene.close())

  const attestBlob = (actor: typeof ours, format: Format, type: string, ...rest: readonly string[]) =>
    runOk(scene.place, actor.command(), ['attest-blob', ...actor.signs(format), '--key', scene.a.key, ...predicateOf(scene, type), ...rest])

  for (const type of types)
    test(`the statement of ${type} is cosign's own, to the byte`, async () => {
      const at = types.indexOf(type)
      const made: string[] = []
      for (const actor of [ours, cosign3]) {
        const bundle = scene.place.path(`same-${at}-${actor.name.length}.json`)
        await attestBlob(actor, 'bundle', type, '--bundle', bundle, scene.place.path('blob'))
        made.push(statementIn(readFileSync(bundle, 'utf8')))
      }
      assert.equal(made[0], made[1])
    })

  test('a bundle: cosign 3 and cosign 2 verify it, and hold it to the file', async () => {
    const [bundle, blob, other] = [scene.place.path('ours.json'), scene.place.path('blob'), scene.place.path('predicate-0')]
    await attestBlob(ours, 'bundle', 'cyclonedx', '--bundle', bundle, blob)
    for (const reader of [cosign3, cosign2]) {
      const verify = (type: string, file: string) =>
        scene.run(reader, [
          'verify-blob-attestation',
          ...reader.verifies('bundle', scene.place),
          '--key',
          scene.a.pub,
          '--type',
          type,
          '--bundle',
          bundle,
          file,
        ])
      assert.equal((await verify('cyclonedx', blob)).code, 0, (await verify('cyclonedx', blob)).stderr)
      if (reader === cosign3) assert.equal((await verify('openvex', blob)).code, 1) // cosign 2.5 does not compare the type in a bundle
      assert.equal((await verify('cyclonedx', other)).code, 1)
    }
  })

  test('an envelope, and the bundle that cosign 2 has for it: both versions verify them', async () => {
    const [bundle, envelope, blob] = [scene.place.path('older.json'), scene.place.path('envelope.json'), scene.place.path('blob')]
    await attestBlob(ours, 'legacy', 'openvex', '--bundle', bundle, '--output-signature', envelope, blob)
    for (const reader of [cosign3, cosign2])
      for (const given of [
        ['--bundle', bundle],
        ['--signature', envelope],
      ]) {
        const line = ['verify-blob-attestation', '--insecure-ignore-tlog', '--key', scene.a.pub, '--type', 'openvex', ...given, blob]
        const { code, stderr } = await run(scene.place, reader.command(), line)
        assert.equal(code, 0, `${reader.name}, ${given[0]}: ${stderr}`)
      }
  })

  test('the hash of a file that is elsewhere, and a statement that some tool made', async () => {
    const [bundle, blob, statement] = [scene.place.path('hash.json'), scene.place.path('blob'), scene.place.path('statement.json')]
    const hex = (await runOk(scene.place, ['sha256sum'], [blob])).stdout.slice(0, 64)
    await attestBlob(ours, 'bundle', 'openvex', '--bundle', bundle, '--hash', hex, 'blob')
    const verify = (type: string) =>
      scene.run(cosign3, [
        'verify-blob-attestation',
        '--insecure-ignore-tlog',
        '--key',
        scene.a.pub,
        '--type',
        type,
        '--bundle',
        bundle,
        blob,
      ])
    assert.equal((await verify('openvex')).code, 0)
    const subject = [{ name: 'blob', digest: { sha256: hex } }]
    writeFileSync(
      statement,
      JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType: 'https://example.com/t', predicate: {} }),
    )
    const line = ['attest-blob', ...ours.signs('bundle'), '--key', scene.a.key, '--statement', statement, '--bundle', bundle]
    await runOk(scene.place, ours.command(), line)
    assert.equal((await verify('https://example.com/t')).code, 0)
  })
})
