import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64, encodeBase64 } from '../src/codec/base64.ts'
import { encodePem } from '../src/codec/pem.ts'
import { assertRefused, createRig, rigHost } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../src/testing/image-builder.ts'
import type { JsonObject } from '../src/testing/registry-edits.ts'
import { createHand, signatureTagOf } from '../src/testing/registry-hand.ts'
import { testTimestampAuthority } from '../src/testing/sigstore/timestamp-authority.ts'

const image = buildImage()
const arm = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const index = buildIndex([image, arm])
const noLog = '--tlog-upload=false'
const trusting = '--key team.pub --insecure-ignore-tlog'
const legacy = '--new-bundle-format=false'
const hex = (digest: string) => digest.replace(':', '-')

async function createScene(options: { readonly referrers?: boolean } = {}) {
  const rig = createRig(options)
  const good = async (line: string | readonly string[], run: Parameters<typeof rig.cs>[1] = {}) => {
    const outcome = await rig.cs(line, run)
    assert.equal(outcome.code, 0, outcome.stderr)
    return outcome
  }
  return { ...rig, good, hand: createHand(rig.registry), app: await rig.push('app', image), copy: await rig.push('copy', image) }
}

test('scenario 70: triangulate names the tags of an image and of an index, here and in COSIGN_REPOSITORY', async () => {
  const { good, app, push } = await createScene()
  const many = await push('many', index)
  for (const [name, repository, digest] of [
    [app, `${rigHost}/app`, image.digest],
    [`${rigHost}/app:v1`, `${rigHost}/app`, image.digest],
    [many, `${rigHost}/many`, index.digest],
    [`${rigHost}/many:v1`, `${rigHost}/many`, index.digest],
  ] as const) {
    for (const [type, suffix] of [
      ['signature', 'sig'],
      ['attestation', 'att'],
      ['sbom', 'sbom'],
    ])
      assert.equal((await good(`triangulate --type ${type} ${name}`)).stdout, `${repository}:${hex(digest)}.${suffix}\n`)
    assert.equal((await good(`triangulate --type digest ${name}`)).stdout, `${repository}@${digest}\n`)
    const elsewhere = { environment: { COSIGN_REPOSITORY: 'signatures.test/kept' } }
    assert.equal((await good(`triangulate ${name}`, elsewhere)).stdout, `signatures.test/kept:${hex(digest)}.sig\n`)
  }
})

test('triangulate and generate ask nobody about an image that is named by digest', async () => {
  const { good, app } = await createScene()
  for (const command of ['triangulate', 'generate']) assert.deepEqual((await good(`${command} ${app}`)).requests, [])
})

test('generate prints the payload that sign signs, byte for byte and without a line end', async () => {
  const { good, app, disk } = await createScene()
  await good(`sign --key team.key ${noLog} ${legacy} -a b=2 -a a=1 --output-payload signed.json --upload=false ${app}`)
  const { stdoutBytes } = await good(`generate -a a=1 -a b=2 ${rigHost}/app:v1`)
  assert.deepEqual(stdoutBytes, disk.get('signed.json'))
})

test('download signature prints bundles as they are, one on each line, and then no older signature', async () => {
  const { good, app } = await createScene()
  await good(`sign --key team.key ${noLog} ${legacy} ${app}`)
  await good(`sign --key team.key ${noLog} --bundle team.json ${app}`)
  await good(`sign --key stranger.key ${noLog} --bundle stranger.json ${app}`)
  const { stdout } = await good(`download signature ${app}`)
  assert.deepEqual(stdout.trimEnd().split('\n').length, 2)
  for (const line of stdout.trimEnd().split('\n')) assert.equal(JSON.parse(line).mediaType, 'application/vnd.dev.sigstore.bundle.v0.3+json')
})

test('download signature prints older signatures in cosign’s members, in order, with nulls', async () => {
  const { good, app } = await createScene()
  for (const [signer, claim] of [
    ['team', 'a=1'],
    ['stranger', 'b=<2>'],
  ])
    await good(`sign --key ${signer}.key ${noLog} ${legacy} -a ${claim} ${app}`)
  const { stdout } = await good(`download signature ${app}`)
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.length, 2)
  for (const line of lines)
    assert.match(
      line,
      /^\{"Base64Signature":"[A-Za-z0-9+/=]+","Payload":"[A-Za-z0-9+/=]+","Cert":null,"Chain":null,"Bundle":null,"RFC3161Timestamp":null\}$/,
    )
  const { stdout: payload } = await good(`generate -a a=1 ${app}`)
  assert.equal(JSON.parse(lines[0]!).Payload, btoa(payload))
})

const certificate = encodePem('CERTIFICATE', Uint8Array.of(0x30, 0x07, 0x30, 0x00, 0x30, 0x00, 0x03, 0x01, 0x00))
const logBundle = JSON.stringify({
  SignedEntryTimestamp: 'AQID',
  Payload: {
    body: btoa('{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}'),
    integratedTime: 1767322000,
    logIndex: 7,
    logID: 'ab'.repeat(32),
  },
})
const material = {
  'dev.sigstore.cosign/certificate': certificate,
  'dev.sigstore.cosign/chain': certificate + certificate,
  'dev.sigstore.cosign/bundle': logBundle,
}

test('a bundle that download signature printed is attached already, whatever line end follows it', async () => {
  const { good, app, disk } = await createScene()
  await good(`sign --key team.key ${noLog} ${app}`)
  const { stdout } = await good(`download signature ${app}`)
  for (const text of [stdout, stdout.trimEnd(), stdout.replace('\n', '\r\n')]) {
    disk.set('image.sigstore.json', text)
    const { stderr } = await good(`attach signature --bundle image.sigstore.json ${app}`)
    assert.match(stderr, /^Nothing to do: /m)
  }
  assert.equal((await good(`download signature ${app}`)).stdout, stdout)
})

function textOf(content: string | Uint8Array): string {
  return typeof content === 'string' ? content : new TextDecoder().decode(content)
}

test('scenario 66: what lies beside a signature is printed, and attached again to the last byte', async () => {
  const { good, app, copy, hand, disk, cs } = await createScene()
  await good(`sign --key team.key ${noLog} ${legacy} --upload=false --output-signature sig --output-payload payload.json ${app}`)
  disk.set('leaf.pem', certificate)
  disk.set('chain.pem', certificate + certificate)
  disk.set('log.json', logBundle)
  const made = decodeBase64(textOf(disk.get('sig')!), 'signature')
  const reply = await (await testTimestampAuthority()).stamp(made, { time: new Date('2026-01-02T03:00:00Z') }) // verify holds it to the signature
  const timestamp = `{"SignedRFC3161Timestamp":"${encodeBase64(reply)}"}`
  disk.set('reply.tsr', reply)
  const attach = `attach signature --signature sig --payload payload.json --certificate leaf.pem --certificate-chain chain.pem --rekor-response log.json --tsr reply.tsr`
  await good(`${attach} ${app}`)
  const { layers } = (await hand.manifest('app', signatureTagOf(image.digest))) as { layers: { annotations: JsonObject }[] }
  const { 'dev.cosignproject.cosign/signature': signature, ...beside } = layers[0]!.annotations
  assert.equal(signature, textOf(disk.get('sig')!))
  assert.deepEqual(beside, { ...material, 'dev.sigstore.cosign/rfc3161timestamp': timestamp })
  await good(`verify ${trusting} ${app}`)
  const { stdout } = await good(`download signature ${app}`)
  const raw = { Raw: encodeBase64(Uint8Array.of(0x30, 0x07, 0x30, 0x00, 0x30, 0x00, 0x03, 0x01, 0x00)) }
  const printed = JSON.parse(stdout)
  assert.deepEqual([printed.Cert, printed.Chain], [raw, [raw, raw]])
  assert.ok(stdout.includes(`"Bundle":${logBundle},"RFC3161Timestamp":${timestamp}}\n`), stdout)
  const again = await good(`${attach} ${app}`)
  assert.match(again.stderr, /^Nothing to do: the signature is attached to registry\.test\/app@sha256:.* already$/m)
  assert.equal((await good(`download signature ${app}`)).stdout, stdout)
  assertRefused(await cs(`download signature ${copy} -o json`), {
    exit: 1,
    code: 'SIGNATURES_NOT_FOUND',
    message: /: no signatures associated$/,
  })
})

for (const referrers of [true, false])
  test(`scenario 65: a downloaded bundle is attached to a copy and to no other image, once (referrers API: ${referrers})`, async () => {
    const { good, cs, app, copy, push, disk, hand } = await createScene({ referrers })
    await good(`sign --key team.key ${noLog} ${app}`)
    const bundle = (await good(`download signature ${app}`)).stdout
    disk.set('bundle.json', bundle)
    for (const flag of ['--bundle', '--payload']) await good(`attach signature ${flag} bundle.json ${copy}`)
    await good(`verify ${trusting} ${copy}`)
    assert.equal((await good(`download signature ${copy}`)).stdout, bundle)
    const other = await push('other', arm)
    assertRefused(await cs(`attach signature --bundle bundle.json ${other} -o json`), {
      exit: 1,
      code: 'ARTIFACT_MISMATCH',
      message: new RegExp(`^bundle: want a statement about ${arm.digest}, got one about "${image.digest}"$`),
    })
    assert.deepEqual(await hand.tags('other'), ['v1'])
    assertRefused(await cs(`verify ${trusting} ${other} -o json`), { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: / / })
  })

test('attach signature refuses what is no bundle, and the bundle of a file', async () => {
  const { good, cs, app, disk } = await createScene()
  disk.set('blob', 'x')
  await good(`sign-blob --key team.key ${noLog} --bundle blob.json blob`)
  for (const [file, code, message] of [
    ['blob.json', 'ARTIFACT_MISMATCH', /want a statement about an image, got the signature of a file/],
    ['blob', 'BUNDLE_MALFORMED', /^bundle: not JSON/],
  ] as const)
    assertRefused(await cs(`attach signature --bundle ${file} ${app} -o json`), { exit: 1, code, message })
})

test('an attached signature goes to COSIGN_REPOSITORY, bundle or not, and is found there', async () => {
  const { good, cs, app, copy, disk } = await createScene()
  const environment = { COSIGN_REPOSITORY: `${rigHost}/kept` }
  await good(`sign --key team.key ${noLog} ${app}`)
  disk.set('bundle.json', (await good(`download signature ${app}`)).stdout)
  await good(`attach signature --bundle bundle.json ${copy}`, { environment })
  await good(`verify ${trusting} ${copy}`, { environment })
  await good(`sign --key team.key ${noLog} ${legacy} --upload=false --output-signature sig --output-payload payload.json ${app}`)
  await good(`attach signature --signature sig --payload payload.json ${copy}`, { environment })
  await good(`verify ${trusting} ${legacy} ${copy}`, { environment })
  assert.equal((await cs(`verify ${trusting} ${copy}`)).code, 10)
})

for (const { name, annotations, message } of [
  { name: 'a log bundle that is no JSON', annotations: { 'dev.sigstore.cosign/bundle': '{' }, message: /cosign\/bundle: not JSON/ },
  {
    name: 'a log id that is none',
    annotations: { 'dev.sigstore.cosign/bundle': logBundle.replace('ab', 'xy') },
    message: /logID: want 64 hex/,
  },
  {
    name: 'a certificate that is none',
    annotations: { 'dev.sigstore.cosign/certificate': 'x' },
    message: /want 1 to 10 PEM certificates, got 0/,
  },
  {
    name: 'a timestamp that is none',
    annotations: { 'dev.sigstore.cosign/rfc3161timestamp': '{}' },
    message: /SignedRFC3161Timestamp: want a string/,
  },
])
  test(`download signature prints what can be read beside ${name}, and fails`, async () => {
    const { good, cs, app, hand } = await createScene()
    const payload = new TextEncoder().encode((await good(`generate ${app}`)).stdout)
    await hand.putSignatures('app', image.digest, [
      { payload, signature: 'AQID', annotations },
      { payload, signature: 'BAUG' },
    ])
    const outcome = await cs(`download signature ${app} -o json`)
    assertRefused(outcome, {
      exit: 1,
      code: 'MATERIAL_MALFORMED',
      message: /^1 of what is attached cannot be read: sha256-.*\.sig layer sha256:/,
    })
    assert.match(outcome.failure?.message ?? '', message)
    assert.equal(JSON.parse(outcome.stdout.split('\n')[0]!).Base64Signature, 'BAUG')
  })

test('download signature prints sound bundles beside a broken one on one line each, and fails', async () => {
  const { good, cs, app, hand } = await createScene()
  await good(`sign --key team.key ${noLog} ${app}`)
  await hand.attachBundle('app', image, new TextEncoder().encode('{"mediaType":\n"x"}'))
  const sound = JSON.parse((await cs(`download signature ${app}`)).stdout)
  await hand.attachBundle('app', image, new TextEncoder().encode(JSON.stringify(sound, undefined, 2)))
  const outcome = await cs(`download signature ${app}`)
  assert.equal(outcome.code, 1)
  assert.match(outcome.stderr, /^Error: 1 of what is attached cannot be read: referrer sha256:[0-9a-f]{64}: bundle: /m)
  assert.deepEqual(
    outcome.stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line)),
    [sound, sound],
  )
})

test('a signature whose file ended in a line end, which cosign attaches with it, verifies', async () => {
  const { good, app, hand, disk } = await createScene()
  await good(`sign --key team.key ${noLog} ${legacy} --upload=false --output-signature sig --output-payload payload.json ${app}`)
  const text = (path: string) => new TextDecoder().decode(disk.get(path) as Uint8Array)
  const payload = disk.get('payload.json') as Uint8Array
  await hand.putSignatures('app', image.digest, [{ payload, signature: `${text('sig')}\n` }])
  await good(`verify ${trusting} ${app}`)
  assert.equal(JSON.parse((await good(`download signature ${app}`)).stdout).Base64Signature, `${text('sig')}\n`)
})

test('scenario 70: tree of an index shows its own, and with --recursive its images’ too, in cosign’s words', async () => {
  const { good, push } = await createScene()
  const many = await push('many', index)
  const of = (digest: string) => `${rigHost}/many@${digest}`
  await good(`sign --key team.key ${noLog} ${legacy} ${many}`)
  await good(`sign --key team.key ${noLog} ${of(arm.digest)}`)
  const shown = await good(`tree ${rigHost}/many:v1`)
  const own = new RegExp(
    `^📦 Supply Chain Security Related artifacts for an image: ${rigHost}/many:v1\n` +
      `└── 🔐 Signatures for an image tag: ${rigHost}/many:${hex(index.digest)}\\.sig\n   └── 🍒 sha256:[0-9a-f]{64}  \\(.*\\)\n`,
  )
  assert.match(shown.stdout, new RegExp(`${own.source}$`))
  const { stdout } = await good(`tree -r ${rigHost}/many:v1`)
  assert.match(stdout, own)
  assert.ok(stdout.includes(`No Supply Chain Security Related Artifacts found for image ${of(image.digest)},\n`))
  assert.match(
    stdout,
    new RegExp(
      `image: ${of(arm.digest)}\n└── 🔗 https://sigstore.dev/cosign/sign/v1 artifacts via OCI referrer: ${rigHost}/many@sha256:.*\n.*🍒.*\n$`,
    ),
  )
})

test('an image on the disk is looked at, and given signatures, like one in a registry', async () => {
  const { good, cs, app, disk } = await createScene()
  await good(`save --dir saved ${app}`)
  assert.equal((await good('triangulate --type digest oci:saved')).stdout, `oci:saved@${image.digest}\n`)
  assert.equal((await good('triangulate oci:saved')).stdout, `oci:saved:${hex(image.digest)}.sig\n`)
  assert.match((await good('tree oci:saved')).stdout, /No Supply Chain Security Related Artifacts found for image oci:saved,/)
  assertRefused(await cs('download signature oci:saved -o json'), {
    exit: 1,
    code: 'SIGNATURES_NOT_FOUND',
    message: /^oci:saved: no signatures/,
  })
  await good(`sign --key team.key ${noLog} ${app}`)
  const bundle = (await good(`download signature ${app}`)).stdout
  disk.set('bundle.json', bundle)
  for (const said of [/^$/, /^Nothing to do: the signature is attached to oci:saved@sha256:[0-9a-f]{64} already\n$/])
    assert.match((await good('attach signature --bundle bundle.json oci:saved')).stderr, said)
  await good(`sign --key team.key ${noLog} ${legacy} --upload=false --output-signature sig --output-payload payload.json ${app}`)
  await good('attach signature --signature sig --payload payload.json oci:saved')
  for (const format of ['', legacy]) await good(`verify ${trusting} ${format} oci:saved`)
  assert.equal((await good('download signature oci:saved')).stdout, bundle)
  const { artifacts } = JSON.parse((await good('tree -o json oci:saved')).stdout)
  assert.deepEqual(
    artifacts.map(({ reference }: { reference: string }) => reference.replace(/@sha256:.*/, '@')),
    [`oci:saved:${hex(image.digest)}.sig`, 'oci:saved@'],
  )
  for (const line of ['generate oci:saved', 'attach signature --signature sig oci:saved'])
    assertRefused(await cs(`${line} -o json`), { exit: 1, code: 'USAGE', message: /^oci:saved: .*an image on the disk is in n/ })
})

test('scenario 79: what these commands print is machine-readable while warnings go to standard error', async () => {
  const { good, app, disk } = await createScene()
  await good(`sign --key team.key ${noLog} ${legacy} --upload=false --output-signature sig ${app}`)
  disk.set('file', 'x')
  const stray = { environment: { COSIGN_ALLOW_HTTP_REGISTRY: 'true' } }
  for (const [line, printed] of [
    [`triangulate ${app}`, /^registry\.test\/app:sha256-[0-9a-f]{64}\.sig\n$/],
    [`generate ${app}`, /^\{"critical":.*\}$/],
    [`attach signature --signature sig ${app}`, /^$/],
    [`download signature ${app}`, /^\{"Base64Signature":.*\}\n$/],
    [`upload blob -f file:linux ${rigHost}/file`, /^registry\.test\/file@sha256:[0-9a-f]{64}\n$/],
  ] as const) {
    const outcome = await good(line, stray)
    assert.match(outcome.stdout, printed)
    assert.match(outcome.stderr, /^WARNING: --allow-http-registry=true is set by the environment variable/m)
  }
})
