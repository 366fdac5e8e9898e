import assert from 'node:assert/strict'
import { test } from 'node:test'
import { x25519 } from '@noble/curves/ed25519.js'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { digestOf } from '../../crypto/digest.ts'
import { sealBox } from './sealed-box.ts'

// What libsodium 1.0.18 `crypto_box_seal` answers when its source of randomness gives the bytes 0x40 to 0x5f, for the
// recipient whose private key is 0x01 to 0x20; `crypto_box_seal_open` opened each.
const ephemeral = Uint8Array.from({ length: 32 }, (_, index) => 0x40 + index)
const recipient = decodeHex('07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c', 'recipient')
const sender = '79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a'

const seal = (message: Uint8Array, key = recipient) => sealBox(message, key, length => ephemeral.slice(0, length))

test('sealBox: an empty message, as libsodium seals it', async () => {
  assert.equal(encodeHex(await seal(new Uint8Array())), `${sender}2543769d88e728c8ede855e6430546f3`)
})

test('sealBox: a short message, as libsodium seals it', async () => {
  assert.equal(encodeHex(await seal(encodeUtf8('correct horse'))), `${sender}13a054e20a7ed19fd9aa790e8b8116b69aa3c1b04aff62c7e6343c2549`)
})

test('sealBox: a message of many blocks, as libsodium seals it', async () => {
  const sealed = await seal(Uint8Array.from({ length: 700 }, (_, index) => index & 255))
  assert.equal(encodeHex(digestOf('sha256', sealed)), 'f168031cdc78ad5799562fb92e8c8b4bad9f68c6cbdef077caf665308909e154')
})

test('sealBox: the public keys of the answers above are those of their private keys', () => {
  assert.equal(encodeHex(x25519.getPublicKey(ephemeral)), sender)
  assert.deepEqual(x25519.getPublicKey(Uint8Array.from({ length: 32 }, (_, index) => index + 1)), recipient)
})

for (const { name, key, message } of [
  { name: 'a key that is too short', key: recipient.slice(1), message: /^X25519 public key: want 32 bytes, got 31$/ },
  { name: 'the point of order one', key: new Uint8Array(32), message: /^X25519 public key: it is a point of small order$/ },
  { name: 'the point of order two', key: Uint8Array.of(1, ...new Uint8Array(31)), message: /point of small order$/ },
])
  test(`sealBox refuses ${name}`, () => assert.rejects(seal(encodeUtf8('secret'), key), { code: 'KEY_MALFORMED', message }))

test('sealBox zeroes the ephemeral private key', async () => {
  const own = ephemeral.slice()
  await sealBox(encodeUtf8('secret'), recipient, () => own)
  assert.deepEqual(own, new Uint8Array(32))
})
