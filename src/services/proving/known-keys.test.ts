import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createKnownKeys } from './known-keys.ts'

const spki = () => Uint8Array.from(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }))

test('of known keys the one makes way that was asked for longest ago, not the one that was met first', () => {
  const [first, second, third] = [spki(), spki(), spki()]
  const read = createKnownKeys(2)
  const [one, two] = [read(first), read(second)]
  assert.equal(read(Uint8Array.from(first)), one)
  read(third)
  assert.equal(read(first), one)
  assert.notEqual(read(second), two)
})

test('what is no key is refused each time', () => {
  const read = createKnownKeys(2)
  for (let time = 0; time < 2; time++) assert.throws(() => read(Uint8Array.of(1)), { code: 'KEY_MALFORMED' })
})
