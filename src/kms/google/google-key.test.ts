import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { crc32c } from './crc32c.ts'
import { howOf, readPublicKey, readSignature, readVersions, signRequestOf } from './google-key.ts'

const what = 'Google Cloud KMS key "k"'
const keyName = 'projects/p/locations/l/keyRings/r/cryptoKeys/k'
const name = `${keyName}/cryptoKeyVersions/3`

for (const { text, bytes, sum } of [
  { text: 'nothing', bytes: new Uint8Array(0), sum: 0 },
  { text: '123456789', bytes: encodeUtf8('123456789'), sum: 0xe3069283 }, // the check value of the algorithm
  { text: '32 bytes of zeros', bytes: new Uint8Array(32), sum: 0x8a9136aa }, // RFC 3720 §B.4
  { text: '32 bytes of ones', bytes: new Uint8Array(32).fill(0xff), sum: 0x62a8ab43 },
  { text: '0 to 31', bytes: Uint8Array.from({ length: 32 }, (_, at) => at), sum: 0x46dd794e },
])
  test(`crc32c: ${text}`, () => assert.equal(crc32c(bytes), sum))

for (const { algorithm, pair, scheme, hash } of [
  { algorithm: 'EC_SIGN_P256_SHA256', pair: generateKeyPairSync('ec', { namedCurve: 'P-256' }), scheme: 'ecdsa', hash: 'sha256' },
  { algorithm: 'EC_SIGN_P384_SHA384', pair: generateKeyPairSync('ec', { namedCurve: 'P-384' }), scheme: 'ecdsa', hash: 'sha384' },
  { algorithm: 'EC_SIGN_ED25519', pair: generateKeyPairSync('ed25519'), scheme: 'ed25519', hash: undefined },
  {
    algorithm: 'RSA_SIGN_PKCS1_2048_SHA256',
    pair: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    scheme: 'rsa-pkcs1v15',
    hash: 'sha256',
  },
])
  test(`readPublicKey: ${algorithm}`, () => {
    const { publicKey, ...version } = readPublicKey(name, answerOf(algorithm, pair), what)
    assert.deepEqual(version, { id: '3', scheme, hash })
    assert.deepEqual(Buffer.from(publicKey.spki), pair.publicKey.export({ type: 'spki', format: 'der' }))
  })

for (const { algorithm, bits, hash } of [
  { algorithm: 'RSA_SIGN_PKCS1_3072_SHA256', bits: 3072, hash: 'sha256' },
  { algorithm: 'RSA_SIGN_PKCS1_4096_SHA256', bits: 4096, hash: 'sha256' },
  { algorithm: 'RSA_SIGN_PKCS1_4096_SHA512', bits: 4096, hash: 'sha512' },
])
  test(`howOf: ${algorithm}`, () => assert.deepEqual(howOf(algorithm, what), { algorithm: 'rsa', bits, scheme: 'rsa-pkcs1v15', hash }))

for (const { algorithm, why } of [
  { algorithm: 'RSA_SIGN_PSS_4096_SHA512', why: /RSA-PSS/ },
  { algorithm: 'RSA_SIGN_RAW_PKCS1_2048', why: /without a named hash/ },
  { algorithm: 'EC_SIGN_SECP256K1_SHA256', why: /secp256k1/ },
  { algorithm: 'PQ_SIGN_ML_DSA_65', why: /post-quantum/ },
  { algorithm: 'HMAC_SHA256', why: /a secret that both sides share/ },
  { algorithm: 'RSA_DECRYPT_OAEP_2048_SHA256', why: /encryption/ },
  { algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION', why: /encryption/ },
  { algorithm: 'NEW_ONE', why: /got "NEW_ONE"$/ },
  { algorithm: undefined, why: /got "undefined"$/ },
])
  test(`howOf refuses ${algorithm}`, () => {
    assert.throws(() => howOf(algorithm, what), { code: 'KEY_UNSUPPORTED', message: why })
  })

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const good = answerOf('EC_SIGN_P256_SHA256', p256)

for (const { problem, answer, message } of [
  { problem: 'another version', answer: { ...good, name: `${keyName}/cryptoKeyVersions/4` }, message: /want version .*\/3", got .*\/4"/ },
  { problem: 'no key', answer: { ...good, pem: '' }, message: /want a public key, got none/ },
  { problem: 'no checksum', answer: { ...good, pemCrc32c: null }, message: /public key: it was changed on the way/ },
  { problem: 'a changed key', answer: { ...good, pem: `${good.pem}\n` }, message: /public key: it was changed on the way/ },
  { problem: 'no PEM', answer: { ...good, pem: 'x', pemCrc32c: { value: String(crc32c(encodeUtf8('x'))) } }, message: /invalid pem block/ },
  {
    problem: 'another kind',
    answer: { ...good, algorithm: 'EC_SIGN_P384_SHA384' },
    message: /want a key for EC_SIGN_P384_SHA384, got ecdsa-p256 of 256 bits/,
  },
  {
    problem: 'another size',
    answer: { ...answerOf('RSA_SIGN_PKCS1_3072_SHA256', generateKeyPairSync('rsa', { modulusLength: 2048 })) },
    message: /got rsa of 2048 bits/,
  },
])
  test(`readPublicKey refuses ${problem}`, () => {
    assert.throws(() => readPublicKey(name, answer, what), { code: 'KMS_RESPONSE_MALFORMED', message })
  })

test('signRequestOf sends a digest by its name, or the message, each with its checksum', () => {
  const digest = new Uint8Array(32)
  assert.deepEqual(signRequestOf(name, 'sha256', digest), { name, digest: { sha256: digest }, digestCrc32c: { value: 0x8a9136aa } })
  assert.deepEqual(signRequestOf(name, undefined, digest), { name, data: digest, dataCrc32c: { value: 0x8a9136aa } })
})

const request = signRequestOf(name, 'sha256', new Uint8Array(32))
const signature = new Uint8Array(32).fill(0xff)
const signed = { name, signature, signatureCrc32c: { value: String(0x62a8ab43) }, verifiedDigestCrc32c: true, verifiedDataCrc32c: false }

test('readSignature gives the signature', () => {
  assert.deepEqual(readSignature(request, signed, what), signature)
  const ofMessage = signRequestOf(name, undefined, new Uint8Array(1))
  assert.deepEqual(readSignature(ofMessage, { ...signed, verifiedDigestCrc32c: false, verifiedDataCrc32c: true }, what), signature)
})

for (const { problem, answer, message } of [
  { problem: 'another key', answer: { ...signed, name: 'x' }, message: /want a signature by .*, got one by "x"/ },
  {
    problem: 'a digest that is not confirmed',
    answer: { ...signed, verifiedDigestCrc32c: false, verifiedDataCrc32c: true },
    message: /has not confirmed the checksum/,
  },
  { problem: 'no signature', answer: { ...signed, signature: new Uint8Array(0) }, message: /want a signature, got none/ },
  { problem: 'no bytes', answer: { ...signed, signature: 'x' }, message: /want a signature, got none/ },
  { problem: 'no checksum', answer: { ...signed, signatureCrc32c: null }, message: /signature: it was changed on the way/ },
  { problem: 'a changed signature', answer: { ...signed, signature: new Uint8Array(32) }, message: /signature: it was changed on the way/ },
])
  test(`readSignature refuses ${problem}`, () => {
    assert.throws(() => readSignature(request, answer, what), { code: 'KMS_RESPONSE_MALFORMED', message })
  })

test('readVersions: by number, newest first, with states and times', () => {
  const states = [
    'ENABLED',
    'DISABLED',
    'DESTROYED',
    'PENDING_GENERATION',
    'PENDING_IMPORT',
    'DESTROY_SCHEDULED',
    'IMPORT_FAILED',
    'GENERATION_FAILED',
    'NEW',
    'ENABLED',
  ]
  const versions = states.map((state, at) => ({
    name: `${keyName}/cryptoKeyVersions/${at + 1}`,
    state,
    algorithm: 'A',
    createTime: { seconds: String(at) },
  }))
  const read = readVersions(keyName, versions, what)
  assert.deepEqual(
    read.map(({ id }) => id),
    ['10', '9', '8', '7', '6', '5', '4', '3', '2', '1'],
  )
  assert.deepEqual(read.map(({ state }) => state).toReversed(), [
    'enabled',
    'disabled',
    'destroyed',
    'pending',
    'pending',
    'destroyed',
    'disabled',
    'disabled',
    'disabled',
    'enabled',
  ])
  assert.deepEqual(read[0]!.createdAt, new Date(9000))
  assert.ok(!('createdAt' in readVersions(keyName, [{ name, state: 'ENABLED' }], what)[0]!))
})

for (const other of [null, 'x', `${keyName}/cryptoKeyVersions/0`, `${keyName}2/cryptoKeyVersions/1`, `${keyName}/cryptoKeyVersions/1/x`])
  test(`readVersions refuses ${other}`, () => {
    assert.throws(() => readVersions(keyName, [{ name: other }], what), {
      code: 'KMS_RESPONSE_MALFORMED',
      message: /want versions of this key/,
    })
  })

/** The answer to GetPublicKey. */
function answerOf(algorithm: string, { publicKey }: { readonly publicKey: KeyObject }) {
  const pem = String(publicKey.export({ type: 'spki', format: 'pem' }))
  return { name, algorithm, pem, pemCrc32c: { value: String(crc32c(encodeUtf8(pem))) } }
}
