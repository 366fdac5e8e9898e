import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultHash, hashOfProtobufName, protobufNameOfHash, signingAlgorithmOf, signingAlgorithms } from './algorithm.ts'
import type { HashName } from './digest.ts'
import type { KeyAlgorithm } from './public-key.ts'

for (const { algorithm, bits, scheme, hash, details, name } of [
  {
    algorithm: 'ecdsa-p256',
    bits: 256,
    scheme: 'ecdsa',
    hash: 'sha256',
    details: 'PKIX_ECDSA_P256_SHA_256',
    name: 'ecdsa-sha2-256-nistp256',
  },
  {
    algorithm: 'ecdsa-p384',
    bits: 384,
    scheme: 'ecdsa',
    hash: 'sha384',
    details: 'PKIX_ECDSA_P384_SHA_384',
    name: 'ecdsa-sha2-384-nistp384',
  },
  {
    algorithm: 'ecdsa-p384',
    bits: 384,
    scheme: 'ecdsa',
    hash: 'sha256',
    details: 'PKIX_ECDSA_P384_SHA_256',
    name: 'ecdsa-sha2-256-nistp384',
  },
  {
    algorithm: 'ecdsa-p521',
    bits: 521,
    scheme: 'ecdsa',
    hash: 'sha512',
    details: 'PKIX_ECDSA_P521_SHA_512',
    name: 'ecdsa-sha2-512-nistp521',
  },
  { algorithm: 'ed25519', bits: 256, scheme: 'ed25519', hash: undefined, details: 'PKIX_ED25519', name: 'ed25519' },
  { algorithm: 'ed25519', bits: 256, scheme: 'ed25519ph', hash: 'sha512', details: 'PKIX_ED25519_PH', name: 'ed25519-ph' },
  {
    algorithm: 'rsa',
    bits: 2048,
    scheme: 'rsa-pkcs1v15',
    hash: 'sha256',
    details: 'PKIX_RSA_PKCS1V15_2048_SHA256',
    name: 'rsa-sign-pkcs1-2048-sha256',
  },
  {
    algorithm: 'rsa',
    bits: 4096,
    scheme: 'rsa-pss',
    hash: 'sha256',
    details: 'PKIX_RSA_PSS_4096_SHA256',
    name: 'rsa-sign-pss-4096-sha256',
  },
  {
    algorithm: 'rsa-pss',
    bits: 3072,
    scheme: 'rsa-pss',
    hash: 'sha256',
    details: 'PKIX_RSA_PSS_3072_SHA256',
    name: 'rsa-sign-pss-3072-sha256',
  },
] as const)
  test(`registry: ${details}`, () => {
    const found = signingAlgorithmOf({ algorithm, bits }, scheme, hash)
    assert.deepEqual({ details: found?.details, name: found?.name }, { details, name })
  })

test('registry: what has no name', () => {
  assert.equal(signingAlgorithmOf({ algorithm: 'ecdsa-p256', bits: 256 }, 'ecdsa', 'sha512'), undefined)
  assert.equal(signingAlgorithmOf({ algorithm: 'rsa', bits: 2048 }, 'rsa-pkcs1v15', 'sha512'), undefined)
})

test('the first entry for a key has its default hash', () => {
  const defaults: Record<KeyAlgorithm, HashName> = {
    'ecdsa-p256': 'sha256',
    'ecdsa-p384': 'sha384',
    'ecdsa-p521': 'sha512',
    ed25519: 'sha512',
    rsa: 'sha256',
    'rsa-pss': 'sha256',
  }
  for (const [algorithm, hash] of Object.entries(defaults) as [KeyAlgorithm, HashName][]) {
    assert.equal(defaultHash({ algorithm }), hash)
    if (algorithm !== 'rsa-pss') assert.equal(signingAlgorithms.find(({ key }) => key === algorithm)?.hash, hash)
  }
})

test('protobuf names of hashes', () => {
  for (const hash of ['sha256', 'sha384', 'sha512'] as const) assert.equal(hashOfProtobufName(protobufNameOfHash(hash)!), hash)
  assert.equal(protobufNameOfHash('sha256'), 'SHA2_256')
  assert.equal(protobufNameOfHash('sha224'), undefined)
  for (const name of ['SHA3_256', 'HASH_ALGORITHM_UNSPECIFIED', 'sha256']) assert.equal(hashOfProtobufName(name), undefined)
})
