import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultHash, protobufHashes, protobufNameOfHash } from './algorithm.ts'
import type { HashName } from './digest.ts'
import type { KeyAlgorithm } from './public-key.ts'

const defaults: { readonly [algorithm in KeyAlgorithm]: HashName } = {
  'ecdsa-p256': 'sha256',
  'ecdsa-p384': 'sha384',
  'ecdsa-p521': 'sha512',
  ed25519: 'sha512',
  rsa: 'sha256',
  'rsa-pss': 'sha256',
}
for (const [algorithm, hash] of Object.entries(defaults) as [KeyAlgorithm, HashName][])
  test(`defaultHash: ${algorithm}`, () => assert.equal(defaultHash({ algorithm }), hash))

test('protobuf names of hashes', () => {
  for (const hash of ['sha256', 'sha384', 'sha512'] as const) assert.equal(protobufHashes.get(protobufNameOfHash(hash)!), hash)
  assert.equal(protobufNameOfHash('sha256'), 'SHA2_256')
  assert.equal(protobufNameOfHash('sha224'), undefined)
  for (const name of ['SHA3_256', 'HASH_ALGORITHM_UNSPECIFIED', 'sha256']) assert.equal(protobufHashes.get(name), undefined)
})
