import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePem } from '../codec/pem.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { logBundleJson, parseLogEntryFile } from './log/log-bundle.ts'
import {
  decodeCertificate,
  decodeCertificateChain,
  encodeSignatureMaterial,
  materialAnnotations,
  parseTimestampFile,
  readSignatureMaterial,
} from './signature-material.ts'

const certificate = Uint8Array.of(0x30, 0x07, 0x30, 0x00, 0x30, 0x00, 0x03, 0x01, 0x00) // the outermost structure of one
const pem = encodePem('CERTIFICATE', certificate)
const logBundle = {
  signedEntryTimestamp: Uint8Array.of(1, 2, 3),
  body: encodeUtf8('{}'),
  integratedTime: 1767322000,
  logIndex: 7,
  logId: 'ab'.repeat(32),
}
const all = { certificate, chain: [certificate, certificate], logBundle, timestamp: Uint8Array.of(0x30, 0x00) }

test('material survives its annotations, which are cosign’s to the last byte', () => {
  const annotations = encodeSignatureMaterial(all)
  assert.deepEqual(readSignatureMaterial(annotations), all)
  assert.equal(annotations.get('dev.sigstore.cosign/chain'), pem + pem)
  assert.equal(
    annotations.get('dev.sigstore.cosign/bundle'),
    `{"SignedEntryTimestamp":"AQID","Payload":{"body":"e30=","integratedTime":1767322000,"logIndex":7,"logID":"${'ab'.repeat(32)}"}}`,
  )
  assert.equal(annotations.get('dev.sigstore.cosign/rfc3161timestamp'), '{"SignedRFC3161Timestamp":"MAA="}')
})

test('no material has no annotations, and an empty annotation is none: cosign writes an empty chain', () => {
  assert.equal(encodeSignatureMaterial({}).size, 0)
  assert.deepEqual(readSignatureMaterial(new Map([[materialAnnotations.chain, '']])), {})
  assert.deepEqual(readSignatureMaterial(new Map([['somebody.else/annotation', 'x']])), {})
})

for (const { name, text, error } of [
  { name: 'no PEM', text: 'x', error: /^leaf: want 1 to 10 PEM certificates, got 0$/ },
  { name: 'another label', text: encodePem('PUBLIC KEY', certificate), error: /^leaf: want PEM CERTIFICATE, got "PUBLIC KEY"$/ },
  { name: 'two certificates', text: pem + pem, error: /^leaf: want one certificate, got 2$/ },
  { name: 'eleven certificates', text: pem.repeat(11), error: /want 1 to 10 PEM certificates, got 11$/ },
  { name: 'bytes that are no DER', text: encodePem('CERTIFICATE', Uint8Array.of(1, 2)), error: /^leaf: / },
  {
    name: 'another structure',
    text: encodePem('CERTIFICATE', Uint8Array.of(0x30, 0x06, 0x30, 0x00, 0x30, 0x00, 0x05, 0x00)),
    error: /^leaf: want a certificate: what is signed, an algorithm and a signature$/,
  },
  { name: 'bytes after the end', text: encodePem('CERTIFICATE', Uint8Array.of(...certificate, 0)), error: /^leaf: 1 bytes after the end/ },
  { name: 'a block cut off', text: pem.slice(0, -10), error: /^leaf: .*(cut off|closes no block)/ },
])
  test(`decodeCertificate: ${name} is refused`, () =>
    assert.throws(() => decodeCertificate(text, 'leaf'), { code: 'MATERIAL_MALFORMED', message: error }))

test('decodeCertificateChain: text around the blocks is skipped', () =>
  assert.deepEqual(decodeCertificateChain(`subject=x\n${pem}\nissuer=y\n${pem}`, 'chain'), [certificate, certificate]))

test('parseTimestampFile: anything but one DER SEQUENCE is refused', () => {
  assert.deepEqual(parseTimestampFile(Uint8Array.of(0x30, 0x00), 'stamp'), Uint8Array.of(0x30, 0x00))
  for (const bytes of [[], [0x02, 0x01, 0x00], [0x30, 0x00, 0x00], [0x30, 0x80, 0x00, 0x00]])
    assert.throws(() => parseTimestampFile(Uint8Array.from(bytes), 'stamp'), { code: 'MATERIAL_MALFORMED', message: /^stamp: / })
})

const bundleJson = logBundleJson(logBundle)
const entry = { attestation: {}, body: 'e30=', integratedTime: 1767322000, logID: logBundle.logId, logIndex: 7 }
const answer = { ...entry, verification: { inclusionProof: {}, signedEntryTimestamp: 'AQID' } }
const uuid = '24'.repeat(40)
for (const { name, json } of [
  { name: 'a log bundle', json: bundleJson },
  { name: 'a blob bundle that holds one', json: { base64Signature: 'AQID', cert: 'x', rekorBundle: bundleJson } },
  { name: 'what Rekor answers', json: { [uuid]: answer } },
])
  test(`parseLogEntryFile: ${name}`, () => assert.deepEqual(parseLogEntryFile(encodeUtf8(JSON.stringify(json)), 'entry'), logBundle))

for (const { name, json, error } of [
  { name: 'a list', json: [], error: /^entry: want an object/ },
  {
    name: 'a blob bundle without one',
    json: { base64Signature: 'AQID' },
    error: /^entry: want a log bundle, a blob bundle that holds one/,
  },
  { name: 'two entries', json: { [uuid]: answer, [`${uuid.slice(2)}25`]: answer }, error: /^entry: want a log bundle/ },
  { name: 'an entry without the promise', json: { [uuid]: entry }, error: /entry\.verification: want an object, got nothing/ },
  { name: 'a member unknown', json: { ...(bundleJson as object), more: 1 }, error: /unknown member "more"/ },
  { name: 'no payload', json: { rekorBundle: { SignedEntryTimestamp: 'AQID' } }, error: /rekorBundle\.Payload: want an object/ },
  { name: 'a body that is none', json: { [uuid]: { ...answer, body: {} } }, error: /\.body: want a string/ },
  { name: 'a negative index', json: { [uuid]: { ...answer, logIndex: -1 } }, error: /\.logIndex: want a whole number/ },
  { name: 'a log id that is none', json: { [uuid]: { ...answer, logID: 'ab' } }, error: /\.logID: want 64 hex digits, got "ab"/ },
])
  test(`parseLogEntryFile: ${name} is refused`, () =>
    assert.throws(() => parseLogEntryFile(encodeUtf8(JSON.stringify(json)), 'entry'), { code: 'LOG_ENTRY_MALFORMED', message: error }))

test('readSignatureMaterial: what is broken is named', () => {
  for (const [name, text, message] of [
    [materialAnnotations.certificate, 'x', /cosign\/certificate: want 1 to 10/],
    [materialAnnotations.logBundle, '{', /cosign\/bundle: not JSON/],
    [materialAnnotations.timestamp, '{"SignedRFC3161Timestamp":"?"}', /SignedRFC3161Timestamp: want padded base64/],
  ] as const)
    assert.throws(() => readSignatureMaterial(new Map([[name, text]])), { code: 'MATERIAL_MALFORMED', message })
})
