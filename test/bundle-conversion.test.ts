import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { encodePem } from '../src/codec/pem.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { digestOf } from '../src/crypto/digest.ts'
import { parseBundle } from '../src/formats/bundle.ts'
import { upgradeBundle } from '../src/formats/bundle-upgrade.ts'
import { preAuthEncoding } from '../src/formats/dsse.ts'
import { statementPayloadType } from '../src/formats/statement.ts'
import { assertRefused, createRig, good, type Outcome } from '../src/testing/command-rig.ts'
import { teamKey } from '../src/testing/test-keys.ts'

// `bundle upgrade`: what is converted without the private key, what cannot be, and that nothing is lost on the way (formats-and-flows §4,
// §10; §11 35, 61). Proofs that a log is asked for: test/bundle-upgrade.test.ts. Flags on their own: test/flags/bundles.ts.

const rig = createRig()
const { cs, disk } = rig
const signer = teamKey.signer()
const blob = encodeUtf8('countersign\n')
disk.set('blob', blob)
const hash = digestOf('sha256', blob)
const signature = await signer.sign(blob)
const trusting = '--key team.pub --insecure-ignore-tlog'

type Json = { readonly [name: string]: unknown }
const [leaf, issuer] = [Uint8Array.of(0x30, 3, 1, 1, 1), Uint8Array.of(0x30, 3, 2, 2, 2)]
const version = (number: string) => `application/vnd.dev.sigstore.bundle+json;version=${number}`
const messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest: encodeBase64(hash) }, signature: encodeBase64(signature) }
const chain = { x509CertificateChain: { certificates: [leaf, issuer].map(der => ({ rawBytes: encodeBase64(der) })) } }
const hint = { publicKey: { hint: encodeBase64(signer.publicKey.id) } }
const proof = {
  logIndex: '5',
  rootHash: encodeBase64(hash),
  treeSize: '6',
  hashes: [encodeBase64(hash)],
  checkpoint: { envelope: 'origin\n6\n' },
}
const entry = {
  logIndex: '9007199254740993',
  logId: { keyId: encodeBase64(hash) },
  kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
  integratedTime: '1700000000',
  inclusionPromise: { signedEntryTimestamp: 'AQI=' },
  inclusionProof: proof,
  canonicalizedBody: 'e30=',
}
const timestamps = { timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: 'AwQ=' }] } }
const { inclusionProof: _, ...promised } = entry
const bundle = (number: string, material: Json, content: Json = { messageSignature }) =>
  JSON.stringify({ mediaType: version(number), verificationMaterial: material, ...content })

async function upgrade(text: string | Uint8Array, flags = ''): Promise<Outcome> {
  disk.set('old', text)
  return await cs(`bundle upgrade old --out new ${flags} -o json`)
}

function written(): Uint8Array {
  const data = disk.get('new')
  assert.ok(data instanceof Uint8Array)
  return data
}

for (const number of ['0.1', '0.2'])
  test(`a bundle of version ${number} keeps all but its issuers`, async () => {
    const text = bundle(number, { ...chain, tlogEntries: [entry], ...timestamps })
    const { stderr } = await good(upgrade(text))
    assert.ok(
      stderr.startsWith(
        `Upgrading from v${number} to v0.3...\nTruncating certificate chain to only the leaf certificate, without 1 more...\n`,
      ),
    )
    assert.deepEqual(JSON.parse(new TextDecoder().decode(written())), {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { certificate: { rawBytes: encodeBase64(leaf) }, tlogEntries: [entry], ...timestamps },
      messageSignature,
    })
    const [before, after] = [parseBundle(encodeUtf8(text)), parseBundle(written())]
    assert.deepEqual(after, { ...before, version: '0.3', material: { kind: 'certificate', chain: [leaf] } })
  })

test('a bundle by a key, spelled in proto names, with an envelope whose keyid nobody reads', async () => {
  const payload = encodeUtf8('{}')
  const dsseEnvelope = { payload: encodeBase64(payload), payloadType: 'x', signatures: [{ sig: 'AA==', keyid: 'mine' }] }
  const text = JSON.stringify({
    media_type: version('0.2'),
    verification_material: { public_key: { hint: 'h' }, tlog_entries: [{ ...entry, log_index: '1', logIndex: undefined }] },
    dsse_envelope: dsseEnvelope,
  })
  await good(upgrade(text))
  assert.deepEqual(JSON.parse(new TextDecoder().decode(written())), {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: 'h' }, tlogEntries: [{ ...entry, logIndex: '1' }] },
    dsseEnvelope,
  })
})

test('a bundle of version 0.3 stays as it is, to the last byte and space', async () => {
  const text = ` ${bundle('0.3', hint)}\n`
  assert.match((await good(upgrade(text))).stderr, /^Bundle is already at v0\.3, no upgrade needed\.$/m)
  assert.deepEqual(written(), encodeUtf8(text))
})

test('an upgraded bundle verifies as the older one did', async () => {
  disk.set('first', bundle('0.1', hint))
  await good(cs(`verify-blob ${trusting} --bundle first blob`))
  await good(cs('bundle upgrade first --out second'))
  await good(cs(`verify-blob ${trusting} --bundle second blob`))
})

test('standard input is upgraded to standard output', async () => {
  const { stdout } = await good(cs('bundle upgrade -', { stdin: bundle('0.1', hint) }))
  assert.equal(stdout.at(-1), '\n')
  assert.equal(parseBundle(encodeUtf8(stdout)).version, '0.3')
})

for (const { name, entries, message } of [
  {
    name: 'a promise alone',
    entries: [promised],
    message: /only the log can give: tlogEntries\[0\] \(log index 9007199254740993\) has an inclusion promise and no inclusion proof$/,
  },
  {
    name: 'the second of two entries',
    entries: [entry, { ...promised, logIndex: '3' }],
    message: /only the log can give: tlogEntries\[1\] \(log index 3\) has an inclusion promise and no inclusion proof$/,
  },
  {
    name: 'a proof without a checkpoint, and an entry with neither',
    entries: [
      { ...entry, logIndex: '1', inclusionProof: { ...proof, checkpoint: undefined } },
      { ...promised, logIndex: '2', inclusionPromise: undefined },
    ],
    message: /\(log index 1\) has an inclusion proof without a checkpoint; tlogEntries\[1\] \(log index 2\) has no inclusion proof$/,
  },
])
  test(`what only the log can give is named: ${name}`, async () => {
    await assert.rejects(upgradeBundle(encodeUtf8(bundle('0.1', { ...chain, tlogEntries: entries }))), {
      code: 'CONVERSION_IMPOSSIBLE',
      message,
    })
  })

const spki = encodeBase64(encodeUtf8(teamKey.publicPem))
const legacy = { base64Signature: encodeBase64(signature), cert: spki }

/** A legacy blob bundle's log entry: about this signature unless told. */
function rekorBundle(
  spec: { readonly content?: string; readonly value?: string; readonly algorithm?: string; readonly kind?: string } = {},
) {
  const { content = legacy.base64Signature, value = Buffer.from(hash).toString('hex'), algorithm = 'sha256', kind = 'hashedrekord' } = spec
  const digest = { algorithm, value }
  const body = {
    apiVersion: '0.0.1',
    kind,
    spec:
      kind === 'dsse'
        ? { envelopeHash: digest, payloadHash: digest, signatures: [{ signature: content, verifier: spki }] }
        : { data: { hash: digest }, signature: { content, publicKey: { content: spki } } },
  }
  const Payload = { body: btoa(JSON.stringify(body)), integratedTime: 1_700_000_000, logIndex: 5, logID: 'ab'.repeat(32) }
  return { SignedEntryTimestamp: 'AA==', Payload }
}

test('a blob bundle of cosign 2 becomes one that verifies: by its key and the artifact', async () => {
  await good(upgrade(JSON.stringify(legacy), '--artifact blob'))
  assert.deepEqual(JSON.parse(new TextDecoder().decode(written())), {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: hint,
    messageSignature,
  })
  await good(cs(`verify-blob ${trusting} --bundle new blob`))
})

for (const { name, document, flags } of [
  { name: 'by its digest', document: legacy, flags: `--artifact sha256:${Buffer.from(hash).toString('hex')}` },
  { name: 'without a key, by --key', document: { ...legacy, cert: undefined }, flags: '--artifact blob --key team.pub' },
  { name: 'by the digest in its log entry', document: { ...legacy, rekorBundle: rekorBundle() }, flags: '--ignore-tlog' },
])
  test(`a blob bundle of cosign 2 becomes one that verifies: ${name}`, async () => {
    await good(upgrade(JSON.stringify(document), flags))
    assert.deepEqual(parseBundle(written()).logEntries, [])
    await good(cs(`verify-blob ${trusting} --bundle new blob`))
  })

const certificate = encodeBase64(encodeUtf8(encodePem('CERTIFICATE', leaf)))
for (const { name, document, flags = '--artifact blob', code, message } of [
  {
    name: 'with a certificate that is none',
    document: { ...legacy, cert: certificate },
    code: 'CERTIFICATE_MALFORMED',
    message: /^bundle: cert: /,
  },
  {
    name: 'with a certificate beside --key',
    document: { ...legacy, cert: certificate },
    flags: '--artifact blob --key team.pub',
    code: 'KEY_MISMATCH',
    message: /^bundle: cert is a certificate, whose key is in it: want no --key beside it$/,
  },
  {
    name: 'with a log entry, whose proof nobody gives',
    document: { ...legacy, rekorBundle: rekorBundle() },
    code: 'TLOG_UNAVAILABLE',
    message: /^GET https:\/\/rekor\.sigstore\.dev\/api\/v1\/log\/entries: /,
  },
  {
    name: 'with no key anywhere',
    document: { ...legacy, cert: undefined },
    code: 'USAGE',
    message: /^want --key FILE: the bundle does not say whose key signed it/,
  },
  {
    name: 'over another artifact',
    document: legacy,
    flags: '--artifact team.pub',
    code: 'SIGNATURE_INVALID',
    message: /./,
  },
  {
    name: 'whose log entry is about another signature',
    document: { ...legacy, rekorBundle: rekorBundle({ content: 'AA==' }) },
    flags: '--ignore-tlog --artifact blob',
    code: 'TLOG_ENTRY_MISMATCH',
    message: /is about something else: its signature is another one$/,
  },
  {
    name: 'whose log entry is about another artifact',
    document: { ...legacy, rekorBundle: rekorBundle({ value: '00'.repeat(32) }) },
    flags: '--ignore-tlog --artifact blob',
    code: 'TLOG_ENTRY_MISMATCH',
    message: /is about something else: its artifact is sha256:0{64}, not sha256:[0-9a-f]{64}$/,
  },
  {
    name: 'whose log entry, which alone says what was signed, names another artifact',
    document: { ...legacy, rekorBundle: rekorBundle({ value: '00'.repeat(32) }) },
    flags: '--ignore-tlog',
    code: 'SIGNATURE_INVALID',
    message: /./,
  },
  {
    name: 'whose log entry holds a digest that is too long',
    document: { ...legacy, rekorBundle: rekorBundle({ value: `${Buffer.from(hash).toString('hex')}00` }) },
    flags: '--ignore-tlog',
    code: 'LOG_ENTRY_MALFORMED',
    message: /spec\.data\.hash/,
  },
  {
    name: 'whose log entry is of an unknown kind',
    document: { ...legacy, rekorBundle: rekorBundle({ kind: 'helm' }) },
    flags: '--ignore-tlog',
    code: 'LOG_ENTRY_MALFORMED',
    message: /entries of kind "helm" "0\.0\.1" are not read/,
  },
  {
    name: 'whose log entry is of another kind',
    document: { ...legacy, rekorBundle: rekorBundle({ kind: 'dsse' }) },
    flags: '--ignore-tlog',
    code: 'CONVERSION_IMPOSSIBLE',
    message: /want an entry of kind hashedrekord, which names what was signed, got "dsse"; --artifact FILE says what it was$/,
  },
] as const)
  test(`a blob bundle of cosign 2 is refused: ${name}`, async () => {
    assertRefused(await upgrade(JSON.stringify(document), flags), { exit: 1, code, message })
  })

const statement = encodeUtf8(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v0.1',
    subject: [{ name: 'a\nb', digest: { sha256: Buffer.from(hash).toString('hex') } }],
    predicateType: 'https://example.com/verdict',
    predicate: {},
  }),
)
const sig = encodeBase64(await signer.sign(preAuthEncoding(statementPayloadType, statement)))
const envelope = JSON.stringify({ payloadType: statementPayloadType, payload: encodeBase64(statement), signatures: [{ keyid: '', sig }] })

test('an envelope becomes a bundle with the hint of the key that it verifies with', async () => {
  await good(upgrade(`${envelope}\n`, '--key team.pub'))
  const { material, content } = parseBundle(written())
  assert.deepEqual(material, { kind: 'public-key', hint: hint.publicKey.hint })
  assert.deepEqual(content.kind === 'dsse' && content.envelope.payload, statement)
  assertRefused(await upgrade(envelope), {
    exit: 1,
    code: 'USAGE',
    message: /^want --key FILE: an envelope does not say whose key signed it/,
  })
  assertRefused(await upgrade(envelope, '--key stranger.pub'), { exit: 1, code: 'SIGNATURE_INVALID', message: /signature/ })
  assertRefused(await upgrade(envelope, '--key team.pub --artifact blob'), {
    exit: 1,
    code: 'USAGE',
    message: /--artifact does not go with a DSSE envelope/,
  })
})

test('a blob bundle of `attest-blob` holds an envelope, which becomes the bundle', async () => {
  const attested = JSON.stringify({ base64Signature: btoa(envelope), cert: spki })
  await good(upgrade(attested))
  assert.deepEqual(parseBundle(written()).content.kind, 'dsse')
  await good(upgrade(attested, '--artifact blob'))
  const other = await upgrade(attested, '--artifact team.pub')
  assertRefused(other, { exit: 1, code: 'ARTIFACT_MISMATCH', message: /^the signature is about .*, not the artifact given$/ })
  const altered = JSON.stringify({ base64Signature: btoa(envelope.replace(sig, 'AA==')), cert: spki })
  assertRefused(await upgrade(altered), { exit: 1, code: 'SIGNATURE_MALFORMED', message: /signature/ })
})

const payload = `{"critical":{"identity":{"docker-reference":"r.test/app"},"image":{"docker-manifest-digest":"sha256:${'ab'.repeat(32)}"},"type":"cosign container image signature"},"optional":{"a":"1"}}`
const line = JSON.stringify({ Base64Signature: sig, Payload: btoa(payload), Cert: null, Chain: null, Bundle: null, RFC3161Timestamp: null })

test('a legacy image signature is refused: what it covers has no place in a bundle', async () => {
  assertRefused(await upgrade(line), {
    exit: 1,
    code: 'CONVERSION_IMPOSSIBLE',
    message:
      /\(over sha256:(ab){32}\) cannot become a bundle: it covers a simple signing payload.*`sign --format both` writes one of each$/,
  })
})

test('several signatures in one file are not converted as if they were one', async () => {
  assertRefused(await upgrade(`${line}\n${line}\n`), { exit: 1, code: 'USAGE', message: /want one signature to convert, got 2/ })
})

for (const { name, text, message } of [
  { name: 'no JSON', text: 'hi\n', message: /not JSON/ },
  { name: 'another JSON', text: '{"_type":1}', message: /want a Sigstore bundle, a blob bundle of cosign 2, .*got JSON with "_type"$/ },
  { name: 'no object', text: '[]', message: /got JSON that is no object$|got nothing$/ },
  { name: 'a later version', text: bundle('0.4', hint), message: /want a bundle of version 0\.1 to 0\.3, got .*0\.4/ },
  { name: 'a chain in version 0.3', text: bundle('0.3', chain), message: /a bundle of version 0\.3 carries one certificate, not a chain/ },
])
  for (const command of ['upgrade', 'inspect'])
    test(`bundle ${command} refuses ${name}`, async () => {
      disk.set('old', text)
      assertRefused(await cs(`bundle ${command} old -o json`), { exit: 1, code: 'BUNDLE_MALFORMED', message })
    })
