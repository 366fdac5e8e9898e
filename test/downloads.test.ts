import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes } from '../src/cli/output/attached-facts.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { signPredicateType } from '../src/formats/statement.ts'
import { assertRefused, createRig, good, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import { type Attestation, attestedImage, setAttestations, statementAbout } from './attestations/scene.ts'
import { workflow, workflowLeaf } from './keyless/scene.ts'

// What is attached to an image, as `download` and `tree` show it: formats-and-flows §10, §11 54.

const rig = createRig()
const { cs } = rig
const hand = createHand(rig.registry)
const scene = setAttestations(rig)
const { digest } = attestedImage
const sigstore = await createTestSigstore()
const vuln = 'https://cosign.sigstore.dev/attestation/vuln/v1'
const repositoryOf = (name: string) => name.slice(`${rigHost}/`.length).replace(/@.*/, '')
const linesOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

test('scenario 54: bundles come first, then envelopes, each as it is stored', async () => {
  const name = await scene.image('legacy', [{ statement: statementAbout(digest, { predicate: { in: 'layer' } }) }])
  await scene.attach(repositoryOf(name), 'bundle', [
    { statement: statementAbout(digest) },
    { statement: statementAbout(digest, { predicateType: vuln }) },
  ])
  const lines = linesOf((await good(cs(`download attestation ${name}`))).stdout)
  assert.deepEqual(
    lines.map(line => Object.keys(line)),
    [
      ['mediaType', 'verificationMaterial', 'dsseEnvelope'],
      ['mediaType', 'verificationMaterial', 'dsseEnvelope'],
      ['payloadType', 'payload', 'signatures'],
    ],
  )
  for (const [type, count] of [
    ['cyclonedx', 2],
    ['https://cyclonedx.org/bom', 2],
    ['vuln', 1],
  ] as const)
    assert.equal(linesOf((await good(cs(`download attestation --predicate-type ${type} ${name}`))).stdout).length, count)
})

for (const layout of ['bundle', 'legacy'] as const)
  test(`an attestation of megabytes is printed as any other, by download and by verify-attestation: ${layout}`, async () => {
    const statement = statementAbout(digest, { predicate: { text: 'é <&> '.repeat(200_000) } })
    const name = await scene.image(layout, [{ statement }])
    const printed = await good(cs(`download attestation ${name}`))
    const [line] = linesOf(printed.stdout) as { dsseEnvelope?: unknown; payload?: string }[]
    const envelope = (layout === 'bundle' ? line?.dsseEnvelope : line) as { payload: string; signatures: { sig: string }[] }
    const payload = JSON.parse(Buffer.from(envelope.payload, 'base64').toString())
    assert.equal(payload.predicate.text.length, 1_200_000)
    assert.match(printed.stdout, /^[^\n]+\n$/)
    const verified = await good(cs(`verify-attestation --key team.pub --insecure-ignore-tlog --type cyclonedx ${name}`))
    const [shown] = linesOf(verified.stdout) as (typeof envelope)[]
    assert.deepEqual([shown?.payload === envelope.payload, shown?.signatures[0]?.sig], [true, envelope.signatures[0]?.sig])
  })

test('a signature is among what is printed, unless a type is asked for', async () => {
  const name = await scene.image('bundle', [{ statement: statementAbout(digest) }])
  await good(cs(`sign --key team.key --tlog-upload=false ${name}`))
  assert.equal(linesOf((await good(cs(`download attestation ${name}`))).stdout).length, 2)
  for (const type of ['cyclonedx', signPredicateType])
    assert.equal(linesOf((await good(cs(`download attestation --predicate-type ${type} ${name}`))).stdout).length, 1)
})

test('scenario 65: a downloaded attestation is attached to a copy and to no other image, in both layouts', async () => {
  const trusting = '--key team.pub --insecure-ignore-tlog --type cyclonedx'
  const other = await rig.push('other-image', buildImage({ command: ['/other'] }))
  for (const layout of ['bundle', 'legacy'] as const) {
    const name = await scene.image(layout, [{ statement: statementAbout(digest) }])
    rig.disk.set('downloaded', (await good(cs(`download attestation ${name}`))).stdout)
    const copy = await scene.image(layout, [])
    await good(cs(`attach attestation --attestation downloaded ${copy}`))
    await good(cs(`verify-attestation ${trusting} ${copy}`))
    const outcome = await cs(`attach attestation --attestation downloaded -o json ${other}`)
    assertRefused(outcome, { exit: 1, code: 'ARTIFACT_MISMATCH', message: /sha256:/ })
  }
})

test('nothing is attached', async () => {
  const name = await scene.image('bundle', [])
  const none = { exit: 1, code: 'ATTESTATIONS_NOT_FOUND' } as const
  assertRefused(await cs(`download attestation -o json ${name}`), { ...none, message: /^found no attestations/ })
  assertRefused(await cs(`download sbom -o json ${name}`), { ...none, message: /^no sbom attached to reference/ })
})

test('what cannot be read is said, and does not hide what can', async () => {
  const name = await scene.image('legacy', [
    { statement: statementAbout(digest) },
    { statement: encodeUtf8('{') },
    { statement: statementAbout(digest), envelope: () => ({}) },
  ])
  const outcome = await cs(`download attestation ${name}`)
  assert.equal(outcome.code, 1)
  assert.equal(linesOf(outcome.stdout).length, 1)
  assert.match(outcome.stderr, /^Error: 2 of what is attached cannot be read: .*\.att layer sha256:\w+: statement: not JSON/m)
})

test('what would drive a terminal is spelled in JSON, in both layouts', async () => {
  const keyid = '\u009b31m\u202eneve\u200b\u007f'
  for (const layout of ['bundle', 'legacy'] as const) {
    const envelope: Attestation['envelope'] = made => ({ ...made, signatures: made.signatures.map(({ sig }) => ({ sig, keyid })) })
    const name = await scene.image(layout, [{ statement: statementAbout(digest), envelope }])
    const { stdout } = await good(cs(`download attestation ${name}`))
    assert.match(stdout, /^[ -~]+\n$/)
    const [line] = linesOf(stdout)
    assert.equal((line.dsseEnvelope ?? line).signatures[0].keyid, keyid)
  }
})

test('attest --replace names the type of what stays on one line, whatever it is', async () => {
  const name = await scene.image('legacy', [{ statement: statementAbout(digest, { predicateType: 'x\nVerified OK' }) }])
  rig.disk.set('sbom.json', '{}')
  const attest = `attest --key team.key --tlog-upload=false --new-bundle-format=false --type cyclonedx --predicate sbom.json --replace ${name}`
  const { stderr } = await good(cs(attest))
  assert.match(stderr, /^Not replacing attestation predicate: x\\u\{000a\}Verified OK$/m)
  assert.doesNotMatch(stderr, /^Verified OK/m)
})

test('no more is fetched than COSIGN_MAX_ATTACHMENT_SIZE says', async () => {
  const environment = { COSIGN_MAX_ATTACHMENT_SIZE: '100' }
  for (const layout of ['bundle', 'legacy'] as const) {
    const name = await scene.image(layout, [{ statement: statementAbout(digest) }])
    const limit = { exit: 1, code: 'LIMIT_EXCEEDED', message: /at most 100 bytes/ } as const
    assertRefused(await cs(`download attestation -o json ${name}`, { environment }), limit)
  }
})

test('an SBOM is printed to the byte, from its tag or from a referrer, and its media type told', async () => {
  const name = await scene.image('bundle', [])
  const content = encodeUtf8('SPDXVersion: SPDX-2.3\n')
  const config = encodeUtf8('{}')
  const repository = repositoryOf(name)
  const layers = [{ mediaType: 'text/spdx', size: content.length, digest: await hand.putBlob(repository, content) }]
  const { mediaType, manifest } = attestedImage
  const document = {
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: 'application/vnd.dev.cosign.artifact.sbom.v1+json',
      size: config.length,
      digest: await hand.putBlob(repository, config),
    },
    layers,
  }
  await hand.putManifest(repository, 'referrer', { ...document, subject: { mediaType, digest, size: manifest.length } })
  for (const place of [
    /^referrer sha256:\w+: 22 B, text\/spdx, signer not known, age not known$/m,
    /^sha256-\w+\.sbom: 22 B, text\/spdx/m,
  ]) {
    const { stdoutBytes, stderr } = await good(cs(`download sbom ${name}`))
    assert.deepEqual(stdoutBytes, content)
    assert.match(stderr, /^WARNING: an SBOM that is attached is signed by nobody/m)
    assert.match(stderr, /^Found SBOM of media type: text\/spdx$/m)
    assert.match(stderr, place)
    await hand.putManifest(repository, `${digest.replace(':', '-')}.sbom`, document) // which goes first
  }
  await hand.putManifest(repository, `${digest.replace(':', '-')}.sbom`, { ...document, layers: [...layers, ...layers] })
  const two = { exit: 1, code: 'MANIFEST_MALFORMED', message: /want one layer, the SBOM, got 2/ } as const
  assertRefused(await cs(`download sbom -o json ${name}`), two)
})

for (const layout of ['bundle', 'legacy'] as const)
  test(`size, type, signer and age are shown as they are stated, in tree and beside downloads: ${layout}`, async () => {
    const name = await scene.witnessed(layout, sigstore, statementAbout(digest), { leaf: workflowLeaf })
    const words = `"${workflow.identity}" of "${workflow.issuer}" (unverified), 214d15h old`
    const { stdout } = await good(cs(`tree ${name}`))
    const shown = stdout.match(/🍒 sha256:\w+ {2}\((.*)\)$/m)?.[1] ?? ''
    assert.match(shown, layout === 'bundle' ? /^\d\.\d kB, / : /^\d+ B, /)
    assert.ok(shown.endsWith(`by ${words}`), shown)
    assert.ok((await good(cs(`download attestation ${name}`))).stderr.includes(`https://cyclonedx.org/bom, by ${words}\n`))
    const { artifacts } = JSON.parse((await good(cs(`tree -o json ${name}`))).stdout)
    const [{ contents, layers }] = artifacts
    assert.deepEqual(Object.keys(contents[0]), ['digest', 'size', 'type', 'signer', 'time', 'verified'])
    assert.deepEqual(layers, [contents[0].digest])
    assert.equal(contents[0].time, '2025-06-01T12:00:00.000Z')
    assert.equal(contents[0].verified, false)
  })

test('what states nothing of itself is shown without', async () => {
  const name = await scene.image('legacy', [{ statement: statementAbout(digest) }])
  assert.match(
    (await good(cs(`tree ${name}`))).stdout,
    /\(\d+ B, application\/vnd\.dsse\.envelope\.v1\+json, signer not known, age not known\)$/m,
  )
  const broken = await scene.image('bundle', [])
  await hand.attachBundle(repositoryOf(broken), attestedImage, encodeUtf8('{}'), 'x\n└── y')
  assert.match((await good(cs(`tree ${broken}`))).stdout, /\(2 B, x\\u\{000a\}└── y, signer not known, .* old\)$/m)
})

test('sizes are written for people', () => {
  const written = [0, 999, 1000, 1250, 999_949, 999_950, 52_428_800, 1e12, 5e15].map(formatBytes)
  assert.deepEqual(written, ['0 B', '999 B', '1.0 kB', '1.3 kB', '999.9 kB', '1.0 MB', '52.4 MB', '1.0 TB', '5000.0 TB'])
})
