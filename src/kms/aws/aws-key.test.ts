import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { readAwsKey, readSignature, stateOf } from './aws-key.ts'

const what = 'AWS KMS key "k"'
const arn = 'arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const der = { publicKeyEncoding: { type: 'spki', format: 'der' }, privateKeyEncoding: { type: 'pkcs8', format: 'der' } } as const
const ec = (namedCurve: string) => Uint8Array.from(generateKeyPairSync('ec', { namedCurve, ...der }).publicKey)
const rsa = (modulusLength: number) => Uint8Array.from(generateKeyPairSync('rsa', { modulusLength, ...der }).publicKey)
const ed25519 = Uint8Array.from(generateKeyPairSync('ed25519', der).publicKey)
const [p256, p384, rsa2048] = [ec('P-256'), ec('P-384'), rsa(2048)]
const signsRsa = ['RSASSA_PSS_SHA_256', 'RSASSA_PSS_SHA_384', 'RSASSA_PKCS1_V1_5_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_512']
const answer = (spec: string, spki: Uint8Array, algorithms: readonly string[]) => ({
  KeyId: arn,
  PublicKey: spki,
  KeySpec: spec,
  KeyUsage: 'SIGN_VERIFY',
  SigningAlgorithms: algorithms,
})

for (const { spec, spki, offered, as } of [
  { spec: 'ECC_NIST_P256', spki: p256, offered: ['ECDSA_SHA_256'], as: ['ecdsa-p256', 'ecdsa', 'sha256', 'ECDSA_SHA_256'] },
  { spec: 'ECC_NIST_P384', spki: p384, offered: ['ECDSA_SHA_384'], as: ['ecdsa-p384', 'ecdsa', 'sha384', 'ECDSA_SHA_384'] },
  { spec: 'ECC_NIST_P521', spki: ec('P-521'), offered: ['ECDSA_SHA_512'], as: ['ecdsa-p521', 'ecdsa', 'sha512', 'ECDSA_SHA_512'] },
  { spec: 'RSA_2048', spki: rsa2048, offered: signsRsa, as: ['rsa', 'rsa-pkcs1v15', 'sha256', 'RSASSA_PKCS1_V1_5_SHA_256'] },
  { spec: 'RSA_3072', spki: rsa(3072), offered: signsRsa, as: ['rsa', 'rsa-pkcs1v15', 'sha256', 'RSASSA_PKCS1_V1_5_SHA_256'] },
  {
    spec: 'ECC_NIST_EDWARDS25519',
    spki: ed25519,
    offered: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'],
    as: ['ed25519', 'ed25519ph', 'sha512', 'ED25519_PH_SHA_512'],
  },
])
  test(`readAwsKey: ${spec}`, () => {
    const key = readAwsKey(answer(spec, spki, offered), what)
    assert.deepEqual([key.publicKey.algorithm, key.scheme, key.hash, key.algorithm], as)
    assert.deepEqual(key.publicKey.spki, spki)
    assert.deepEqual([key.id, key.arn], ['', arn])
  })

test('readAwsKey: the kind by the name it had before', () => {
  const { KeySpec, ...older } = answer('ECC_NIST_P256', p256, ['ECDSA_SHA_256'])
  assert.equal(readAwsKey({ ...older, CustomerMasterKeySpec: KeySpec }, what).publicKey.algorithm, 'ecdsa-p256')
})

const good = answer('ECC_NIST_P256', p256, ['ECDSA_SHA_256'])
for (const { name, given, code, message } of [
  {
    name: 'a key for encryption',
    given: { ...good, KeyUsage: 'ENCRYPT_DECRYPT' },
    code: 'KEY_UNSUPPORTED',
    message: /SIGN_VERIFY.*"ENCRYPT_DECRYPT"/,
  },
  { name: 'a key for agreement', given: { ...good, KeyUsage: 'KEY_AGREEMENT' }, code: 'KEY_UNSUPPORTED', message: /"KEY_AGREEMENT"/ },
  { name: 'a key for nothing', given: { KeyId: arn, PublicKey: p256 }, code: 'KEY_UNSUPPORTED', message: /SIGN_VERIFY/ },
  {
    name: 'secp256k1',
    given: { ...good, KeySpec: 'ECC_SECG_P256K1' },
    code: 'KEY_UNSUPPORTED',
    message: /secp256k1, which no Sigstore client takes/,
  },
  { name: 'SM2', given: { ...good, KeySpec: 'SM2' }, code: 'KEY_UNSUPPORTED', message: /"SM2": SM2, which/ },
  { name: 'ML-DSA', given: { ...good, KeySpec: 'ML_DSA_65' }, code: 'KEY_UNSUPPORTED', message: /"ML_DSA_65": ML-DSA/ },
  { name: 'a kind nobody knows', given: { ...good, KeySpec: 'X' }, code: 'KEY_UNSUPPORTED', message: /got "X"$/ },
  {
    name: 'RSA by PSS alone',
    given: answer('RSA_2048', rsa2048, ['RSASSA_PSS_SHA_256']),
    code: 'KEY_UNSUPPORTED',
    message: /by RSASSA_PKCS1_V1_5_SHA_256, got "RSASSA_PSS_SHA_256"/,
  },
  {
    name: 'Ed25519 that takes messages alone',
    given: answer('ECC_NIST_EDWARDS25519', ed25519, ['ED25519_SHA_512']),
    code: 'KEY_UNSUPPORTED',
    message: /by ED25519_PH_SHA_512, got "ED25519_SHA_512"/,
  },
  { name: 'no algorithm', given: { ...good, SigningAlgorithms: [] }, code: 'KEY_UNSUPPORTED', message: /one that signs by nothing/ },
  { name: 'no key id', given: { ...good, KeyId: '' }, code: 'KMS_RESPONSE_MALFORMED', message: /want the key that it is of/ },
  {
    name: 'no public key',
    given: { ...good, PublicKey: undefined },
    code: 'KMS_RESPONSE_MALFORMED',
    message: /want a public key, got none/,
  },
  {
    name: 'half a public key',
    given: { ...good, PublicKey: p256.subarray(0, 40) },
    code: 'KMS_RESPONSE_MALFORMED',
    message: /AWS KMS key "k"/,
  },
  {
    name: 'a public key of another kind',
    given: { ...good, PublicKey: p384 },
    code: 'KMS_RESPONSE_MALFORMED',
    message: /of ECC_NIST_P256, got ecdsa-p384/,
  },
  {
    name: 'a public key of another size',
    given: answer('RSA_4096', rsa2048, signsRsa),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /of RSA_4096, got rsa of 2048/,
  },
  { name: 'RSA of 1024 bits', given: answer('RSA_2048', rsa(1024), signsRsa), code: 'KEY_UNSUPPORTED', message: /1024/ },
])
  test(`readAwsKey refuses ${name}`, () =>
    assert.throws(() => readAwsKey(given as Parameters<typeof readAwsKey>[0], what), { name: 'CountersignError', code, message }))

for (const [state, as] of [
  ['Enabled', 'enabled'],
  ['Updating', 'enabled'],
  ['Disabled', 'disabled'],
  ['PendingDeletion', 'disabled'],
  ['PendingReplicaDeletion', 'disabled'],
  ['Unavailable', 'disabled'],
  ['Creating', 'pending'],
  ['PendingImport', 'pending'],
] as const)
  test(`stateOf: ${state}`, () => assert.equal(stateOf({ KeyState: state }, what), as))

test('stateOf refuses a state nobody knows', () =>
  assert.throws(() => stateOf({}, what), { code: 'KMS_RESPONSE_MALFORMED', message: /want one that is known, got ""/ }))

const key = readAwsKey(good, what)
const signature = new Uint8Array([1, 2])
test('readSignature: the bytes', () =>
  assert.deepEqual(readSignature({ Signature: signature, SigningAlgorithm: 'ECDSA_SHA_256', KeyId: arn }, key, what), signature))

for (const { name, given, code = 'KMS_RESPONSE_MALFORMED', message } of [
  { name: 'none', given: {}, message: /want a signature, got none/ },
  { name: 'an empty one', given: { Signature: new Uint8Array() }, message: /got 0 bytes/ },
  { name: 'too long a one', given: { Signature: new Uint8Array(1025) }, message: /got 1025 bytes/ },
  {
    name: 'one made otherwise',
    given: { Signature: signature, SigningAlgorithm: 'ECDSA_SHA_384' },
    message: /by ECDSA_SHA_256, got one by "ECDSA_SHA_384"/,
  },
  {
    name: 'one by another key',
    given: { Signature: signature, KeyId: arn.replace('1234abcd', '0000abcd') },
    code: 'KMS_SIGNATURE_INVALID',
    message: /the alias was moved/,
  },
])
  test(`readSignature refuses ${name}`, () => assert.throws(() => readSignature(given, key, what), { code, message }))
