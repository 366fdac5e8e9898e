import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { encodeDer, encodeDerText } from '../src/codec/der-writer.ts'
import { serializeGoJson } from '../src/codec/go-json.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { digestOf, sha256 } from '../src/crypto/digest.ts'
import { encodeBundle, parseBundle } from '../src/formats/bundle.ts'
import { logBundleJson, logBundleOfEntry } from '../src/formats/log/log-bundle.ts'
import type { OciDigest } from '../src/formats/oci-digest.ts'
import { statementPayloadType } from '../src/formats/statement.ts'
import { assertRefused, good } from '../src/testing/command-rig.ts'
import { teamKey } from '../src/testing/test-keys.ts'
import { blob, blobBundle, byCertificate, byKey, cs, disk, hex, sigstore } from './bundles/scene.ts'

// `bundle inspect`: what a signature says of itself, in every format, and that what is broken in it hides nothing else.

// biome-ignore lint/suspicious/noExplicitAny: a document, of which each test looks at some members
type Document = any

async function inspect(content: string | Uint8Array): Promise<{ readonly json: Document; readonly text: string }> {
  disk.set('inspected', content)
  const { verified, documents } = JSON.parse((await good(cs('bundle inspect -o json inspected'))).stdout)
  assert.equal(verified, false)
  const { stdout } = await good(cs('bundle inspect inspected'))
  assert.match(stdout, /^Nothing was verified: this is what inspected says of itself\.\n/)
  return { json: documents[0], text: stdout }
}

const workflow = 'https://github.com/org/app/.github/workflows/build.yml@refs/heads/main'
const certificate = await sigstore.authority.issueLeaf({
  ctLogs: [sigstore.ctLog],
  names: [
    { kind: 'uri', value: workflow },
    { kind: 'email', value: 'signer@example.com' },
  ],
  subject: [['CN', 'a "name"']],
  fulcio: { issuer: 'https://issuer.example', 'source-repository-uri': 'https://github.com/org/app', 'github-workflow-name': 'a\nb' },
  extensions: [{ oid: '1.3.6.1.4.1.57264.1.99', critical: false, value: encodeDerText('utf8String', 'x') }],
})
const whole = await sigstore.signBlob(blob, { certificate, logs: ['v1', 'v2'], stamped: true })
const { logEntries, timestamps } = parseBundle(whole)
const image = `sha256:${'ab'.repeat(32)}` as OciDigest
const fingerprint = hex(certificate.certificate.fingerprint)

test('bundle inspect shows the fields of a certificate', async () => {
  const { json, text } = await inspect(whole)
  const known = new X509Certificate(certificate.der)
  assert.deepEqual(json.signer, {
    kind: 'certificate',
    certificates: [
      {
        bytes: certificate.der.length,
        sha256: known.fingerprint256.replaceAll(':', '').toLowerCase(),
        fields: {
          subject: 'CN=a \\"name\\"',
          issuer: 'CN=intermediate 1,O=example.com',
          serialNumber: known.serialNumber.toLowerCase(),
          notBefore: '2025-06-01T12:00:00Z',
          notAfter: '2025-06-01T12:10:00Z',
          publicKey: { algorithm: 'ecdsa-p256', bits: 256, keyId: hex(sha256(known.publicKey.export({ type: 'spki', format: 'der' }))) },
          subjectNames: [
            { kind: 'uri', value: workflow },
            { kind: 'email', value: 'signer@example.com' },
          ],
          fulcioExtensions: {
            'github-workflow-name': 'a\nb',
            issuer: 'https://issuer.example',
            'source-repository-uri': 'https://github.com/org/app',
          },
          unknownFulcioExtensions: ['1.3.6.1.4.1.57264.1.99'],
          certificateTimestamps: [{ logId: hex(sigstore.ctLog.logId), time: '2025-06-01T12:00:00Z' }],
        },
        problems: [],
      },
    ],
  })
  for (const line of [
    `Signer: certificate\n  ${certificate.der.length} bytes, SHA-256 fingerprint ${fingerprint}`,
    `    subject name: uri "${workflow}"\n    subject name: email "signer@example.com"`,
    '    issuer: "CN=intermediate 1,O=example.com"',
    `    serial number: ${known.serialNumber.toLowerCase()}`,
    '    valid from 2025-06-01T12:00:00Z to 2025-06-01T12:10:00Z',
    `    key: ecdsa-p256, 256 bits, key id ${hex(certificate.certificate.publicKey.id)}`,
    '    Fulcio github-workflow-name: "a\\u{000a}b"', // quoted, so that no line of it passes for ours
    '    Fulcio source-repository-uri: "https://github.com/org/app"',
    '    Fulcio extension 1.3.6.1.4.1.57264.1.99, which this version does not know',
    `    certificate timestamp: log id ${hex(sigstore.ctLog.logId)}, 2025-06-01T12:00:00Z`,
  ])
    assert.ok(text.includes(`${line}\n`), `${line}\n---\n${text}`)
})

test('bundle inspect shows log entries, and what of their time and place is promised or proven', async () => {
  const { json, text } = await inspect(whole)
  const [v1, v2] = logEntries
  assert.deepEqual(json.logEntries[0], {
    logIndex: String(v1!.logIndex),
    logId: hex(v1!.logId),
    kind: 'hashedrekord',
    version: '0.0.1',
    integratedTime: '2025-06-01T12:00:00Z',
    inclusionPromise: true,
    inclusionProof: {
      logIndex: String(v1!.inclusionProof!.logIndex),
      treeSize: String(v1!.inclusionProof!.treeSize),
      rootHash: hex(v1!.inclusionProof!.rootHash),
      hashes: v1!.inclusionProof!.hashes.length,
      hasCheckpoint: true,
      checkpoint: {
        origin: 'log.v1.example - 1193050959916656506',
        size: String(v1!.inclusionProof!.treeSize),
        rootHash: hex(v1!.inclusionProof!.rootHash),
        signatures: [{ name: 'log.v1.example', hint: hex(v1!.logId.subarray(0, 4)) }],
      },
    },
    body: { digests: { artifact: `sha256:${hex(sha256(blob))}` }, signers: [{ kind: 'certificate', sha256: fingerprint }] },
    problems: [],
  })
  const [promised, proven] = [json.logEntries[0], json.logEntries[1]]
  assert.deepEqual([proven.version, proven.integratedTime, proven.inclusionPromise], ['0.0.2', null, false])
  const { treeSize: size, hashes, logIndex } = promised.inclusionProof
  for (const line of [
    `  index ${v1!.logIndex}, "hashedrekord 0.0.1", integrated 2025-06-01T12:00:00Z, which the promise covers`,
    `    log id: ${hex(v1!.logId)}`,
    `    inclusion promise, inclusion proof of ${hashes} hashes for leaf ${logIndex} in a tree of ${size}`,
    `    checkpoint: origin "log.v1.example - 1193050959916656506", size ${size}, signed as "log.v1.example" (key hint ${hex(v1!.logId.subarray(0, 4))})`,
    `    logged artifact: sha256:${hex(sha256(blob))}`,
    `    logged certificate: SHA-256 fingerprint ${fingerprint}`,
    `  index ${v2!.logIndex}, "hashedrekord 0.0.2", integrated at no stated time`,
  ])
    assert.ok(text.includes(`${line}\n`), `${line}\n---\n${text}`)
})

test('bundle inspect says of which entries cosign 2 reads none: those of Rekor v2', async () => {
  const { text } = await inspect(whole)
  const [ofV1, ofV2] = text.split(/^ {2}index /m).slice(1)
  assert.doesNotMatch(ofV1!, /cosign/)
  assert.match(ofV2!, /^ {4}of Rekor v2, whose entries cosign 2 does not read: cosign 3 and countersign do$/m)
  const older = await inspect(await sigstore.signImage(image, { key: teamKey.signer(), logKind: 'intoto 0.0.2' })) // of v1 all the same
  assert.doesNotMatch(older.text, /cosign 2/)
})

test('a time that stands beside a proof alone is told from a promised one', async () => {
  const [entry] = logEntries
  const bundle = parseBundle(whole)
  const { json, text } = await inspect(encodeBundle({ ...bundle, logEntries: [{ ...entry!, inclusionPromise: undefined }] }))
  assert.equal(json.logEntries[0].inclusionPromise, false)
  assert.match(text, /integrated 2025-06-01T12:00:00Z, which no promise covers\n/)
})

for (const { name, kind, digests } of [
  { name: 'dsse', kind: 'dsse', digests: ['payload'] },
  { name: 'intoto 0.0.1', kind: 'intoto 0.0.1', digests: ['envelope', 'payload'] },
  { name: 'intoto 0.0.2', kind: 'intoto 0.0.2', digests: ['envelope', 'payload'] },
] as const)
  test(`bundle inspect shows what an entry of kind ${name} is about`, async () => {
    const { json } = await inspect(await sigstore.signImage(image, { key: teamKey.signer(), logKind: kind }))
    const { body, problems } = json.logEntries[0]
    assert.deepEqual(Object.keys(body.digests), digests)
    assert.deepEqual(body.signers, [{ kind: 'key', sha256: hex(teamKey.signer().publicKey.id) }])
    assert.deepEqual(problems, [])
  })

test('bundle inspect shows timestamps, with the certificates in them', async () => {
  const authority = sigstore.timestampAuthority
  const { content, ...others } = parseBundle(whole)
  const { signature } = content.kind === 'message' ? content : assert.fail()
  const stamped = await authority.stamp(signature, {
    time: new Date('2025-06-01T12:00:00.250Z'),
    imprintHash: 'sha512',
    accuracyMicroseconds: 1500,
    certificates: [authority.certificate],
    signer: 'subject-key-id',
  })
  const { json, text } = await inspect(encodeBundle({ ...others, content, timestamps: [timestamps[0]!, stamped] }))
  const [plain, carrying] = json.timestamps
  const issuer = {
    issuer: 'CN=timestamps.example root',
    serialNumber: new X509Certificate(authority.certificate.der).serialNumber.toLowerCase(),
  }
  assert.deepEqual(plain, {
    bytes: timestamps[0]!.length,
    fields: {
      time: '2025-06-01T12:00:00Z',
      accuracySeconds: 1,
      policy: '1.3.6.1.4.1.57264.2',
      serialNumber: plain.fields.serialNumber,
      imprint: `sha256:${hex(sha256(signature))}`,
      signer: issuer,
      certificates: [],
    },
    problems: [],
  })
  assert.match(plain.fields.serialNumber, /^80{13}[0-9a-f]{2}$/)
  const { fields } = carrying
  assert.deepEqual(
    [fields.time, fields.accuracySeconds, fields.imprint],
    ['2025-06-01T12:00:00.250Z', 0.0015, `sha512:${hex(digestOf('sha512', signature))}`],
  )
  assert.deepEqual(fields.signer, { subjectKeyId: hex(authority.certificate.subjectKeyId!) })
  assert.equal(fields.certificates[0].fields.subject, 'CN=timestamps.example')
  for (const line of [
    'Timestamps: 2',
    `  2025-06-01T12:00:00Z, accurate to 1 s, serial number ${plain.fields.serialNumber}`,
    '    policy: 1.3.6.1.4.1.57264.2',
    `    stamped: sha256:${hex(sha256(signature))}`,
    `    signed by certificate ${issuer.serialNumber} of issuer "CN=timestamps.example root"\n    no certificate came along`,
    `    signed by the certificate with subject key id ${hex(authority.certificate.subjectKeyId!)}\n    certificates: 1`,
    '        subject: "CN=timestamps.example"',
  ])
    assert.ok(text.includes(`${line}\n`), `${line}\n---\n${text}`)
})

const broken = Uint8Array.of(0x30, 3, 1, 1, 1)
const leafWith = async (oid: string, value: Uint8Array) =>
  (await sigstore.authority.issueLeaf({ extensions: [{ oid, critical: false, value }] })).der
const [entry] = logEntries
const proof = entry!.inclusionProof!
const sound = parseBundle(whole)

for (const { name, bundle, problems, shown } of [
  {
    name: 'a certificate',
    bundle: { ...sound, version: '0.2', material: { kind: 'certificate', chain: [certificate.der, broken] } },
    problems: (json: Document) => json.signer.certificates[1].problems,
    shown: /^ {4}cannot be read: certificate 2: .+$/m,
  },
  {
    name: 'subject names',
    bundle: { ...sound, material: { kind: 'certificate', chain: [await leafWith('2.5.29.17', Uint8Array.of(4, 0))] } },
    problems: (json: Document) => json.signer.certificates[0].problems,
    shown: /^ {4}cannot be read: certificate 1: subjectAlternativeNames: .+$/m,
  },
  {
    name: 'a Fulcio extension',
    bundle: { ...sound, material: { kind: 'certificate', chain: [await leafWith('1.3.6.1.4.1.57264.1.9', broken)] } },
    problems: (json: Document) => json.signer.certificates[0].problems,
    shown: /^ {4}cannot be read: certificate: extension 1\.3\.6\.1\.4\.1\.57264\.1\.9 \(build-signer-uri\).+$/m,
  },
  {
    name: 'certificate timestamps',
    bundle: { ...sound, material: { kind: 'certificate', chain: [await leafWith('1.3.6.1.4.1.11129.2.4.2', encodeDer(0x04, broken))] } },
    problems: (json: Document) => json.signer.certificates[0].problems,
    shown: /^ {4}cannot be read: SCT list.+$/m,
  },
  {
    name: 'the body of a log entry',
    bundle: { ...sound, logEntries: [{ ...entry!, canonicalizedBody: encodeUtf8('{') }] },
    problems: (json: Document) => json.logEntries[0].problems,
    shown: /^ {4}cannot be read: tlogEntries\[0\]: log entry: body: not JSON: .+$/m,
  },
  {
    name: 'a body of another kind than the entry says',
    bundle: { ...sound, logEntries: [{ ...entry!, kind: 'dsse' }] },
    problems: (json: Document) => json.logEntries[0].problems,
    shown: /^ {4}cannot be read: tlogEntries\[0\]: log entry: body: want kind "dsse".+$/m,
  },
  {
    name: 'a checkpoint',
    bundle: { ...sound, logEntries: [{ ...entry!, inclusionProof: { ...proof, checkpoint: 'origin\n6\n' } }] },
    problems: (json: Document) => json.logEntries[0].problems,
    shown: /^ {4}cannot be read: tlogEntries\[0\]: signed note: .+$/m,
  },
  {
    name: 'a timestamp',
    bundle: { ...sound, timestamps: [broken, timestamps[0]!] },
    problems: (json: Document) => json.timestamps[0].problems,
    shown: /^ {2}5 bytes\n {4}cannot be read: rfc3161Timestamps\[0\]: .+\n {2}2025-06-01T12:00:00Z/m,
  },
] as const)
  test(`bundle inspect says that it cannot read ${name}, and shows the rest`, async () => {
    const { json, text } = await inspect(encodeBundle(bundle as Parameters<typeof encodeBundle>[0]))
    assert.equal(problems(json).length, 1, text)
    assert.match(text, shown)
    assert.equal(text.match(/cannot be read/g)?.length, 1, text)
    assert.match(text, /^ {4}key: ecdsa-p256, 256 bits, key id [0-9a-f]{64}$/m)
    assert.match(text, /^ {2}index \d+, .*integrated 2025-06-01T12:00:00Z, which the promise covers$/m)
    assert.match(text, /^ {4}policy: 1\.3\.6\.1\.4\.1\.57264\.2$/m)
  })

const envelope = (payloadType: string, payload: string) =>
  JSON.stringify({ payloadType, payload: encodeBase64(encodeUtf8(payload)), signatures: [{ sig: 'AA==' }] })

test('bundle inspect quotes what a file could pass for lines of its own', async () => {
  const subject = [{ name: 'a\nb', digest: { sha256: 'ab'.repeat(32) } }]
  const statement = { _type: 'https://in-toto.io/Statement/v0.1', subject, predicateType: 'https://example.com/verdict', predicate: {} }
  const { json, text } = await inspect(envelope(statementPayloadType, JSON.stringify(statement)))
  assert.ok(text.includes('\n  subject: "a\\u{000a}b" "sha256:'), text)
  assert.ok(text.includes('\nSigner: not named\n'))
  assert.deepEqual(json.content.statement, {
    type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://example.com/verdict',
    subjects: [{ name: 'a\nb', digest: { sha256: 'ab'.repeat(32) } }],
  })
})

for (const { name, payloadType, words } of [
  { name: 'of another type', payloadType: 'text/plain', words: 'its payload type is not that of in-toto statements' },
  { name: 'without a statement in it', payloadType: statementPayloadType, words: 'statement: _type: want a string, got nothing' },
])
  test(`bundle inspect says why an envelope holds no statement: one ${name}`, async () => {
    const { text } = await inspect(envelope(payloadType, '{}'))
    assert.ok(text.includes(`  no in-toto statement: ${words}\n`), text)
  })

test('bundle inspect shows blob bundles of cosign 2', async () => {
  const { json, text } = await inspect(serializeGoJson(blobBundle(byKey)))
  assert.deepEqual(json.signer, { kind: 'public-key', hint: null, keyId: hex(teamKey.signer().publicKey.id), problem: null })
  assert.match(text, /^Format: blob bundle of cosign 2$/m)
  assert.match(text, /^ {2}digest: not stated; the signature alone says what it is over$/m)
  assert.match(text, /^ {2}index \d+, "hashedrekord 0\.0\.1", integrated 2025-06-01T12:00:00Z, which the promise covers$/m)
  assert.match(text, /^ {4}inclusion promise, no inclusion proof$/m)
  const other = await inspect(serializeGoJson(blobBundle(byCertificate)))
  assert.match(other.text, /^ {4}subject name: email "signer@example\.com"$/m)
})

test('bundle inspect says that it cannot read a key, or an entry, of a blob bundle', async () => {
  const Payload = { body: 'e30=', integratedTime: 300_000_000_000, logIndex: 5, logID: 'ab'.repeat(32) }
  const cert = btoa('-----BEGIN PUBLIC KEY-----\nMAMCAQE=\n-----END PUBLIC KEY-----\n')
  const { json, text } = await inspect(
    JSON.stringify({ base64Signature: 'AA==', cert, rekorBundle: { SignedEntryTimestamp: 'AA==', Payload } }),
  )
  assert.equal(json.signer.keyId, null)
  assert.match(text, /^Signer: public key\n {2}cannot be read: bundle: cert: .+$/m)
  assert.match(text, /^ {2}index 5, integrated 300000000000, which the promise covers$/m) // past any calendar
  assert.match(text, /^ {4}cannot be read: rekorBundle: log entry: body: kind: want a string, got nothing$/m)
})

test('bundle inspect shows each line that `download signature` prints', async () => {
  const payload = `{"critical":{"identity":{"docker-reference":"r.test/app"},"image":{"docker-manifest-digest":"sha256:${'ab'.repeat(32)}"},"type":"cosign container image signature"},"optional":{"a":"1"}}`
  const bare = { Base64Signature: 'AAAA', Payload: btoa(payload), Cert: null, Chain: null, Bundle: null, RFC3161Timestamp: null }
  const full = {
    ...bare,
    Cert: { Raw: encodeBase64(certificate.der), Version: 3, Subject: {} },
    Chain: certificate.chain.map(({ der }) => ({ Raw: encodeBase64(der) })),
    Bundle: JSON.parse(serializeGoJson(logBundleJson(logBundleOfEntry(byCertificate.logEntries[0]!)))),
    RFC3161Timestamp: { SignedRFC3161Timestamp: encodeBase64(byCertificate.timestamps[0]!) },
  }
  disk.set('inspected', `${JSON.stringify(bare)}\n${JSON.stringify(full)}\n${new TextDecoder().decode(whole)}\n`)
  const { documents } = JSON.parse((await good(cs('bundle inspect -o json inspected'))).stdout)
  assert.deepEqual(
    documents.map((document: Document) => [document.format, document.logEntries.length, document.timestamps.length]),
    [
      ['image-signature', 0, 0],
      ['image-signature', 1, 1],
      ['bundle', 2, 1],
    ],
  )
  assert.deepEqual(documents[0].content, {
    kind: 'simple-signing',
    image: `sha256:${'ab'.repeat(32)}`,
    dockerReference: 'r.test/app',
    annotations: { a: '1' },
    signatureBytes: 3,
  })
  assert.deepEqual(documents[0].signer, { kind: 'none' })
  assert.equal(documents[1].signer.certificates.length, 3)
  const { stdout } = await good(cs('bundle inspect inspected'))
  assert.equal(stdout.match(/^Format: /gm)?.length, 3)
  assert.match(stdout, /^ {2}annotation "a": "1"$/m)
  assert.match(stdout, /^Signer: certificate with 2 of its chain$/m)
})

test('a file of more lines than it may have is refused at the one too many: 15 MB of them took 2 GB', async () => {
  disk.set('inspected', encodeUtf8('{}\n'.repeat(100_000)))
  const refusal = { code: 'LIMIT_EXCEEDED', message: /^bundle inspected: want at most 1000 documents, got more$/ } as const
  assertRefused(await cs('bundle inspect -o json inspected'), { exit: 1, ...refusal })
  assertRefused(await cs('bundle upgrade -o json inspected'), { exit: 1, ...refusal })
})
