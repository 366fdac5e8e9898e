import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha1 } from './sha1.ts'

for (const { name, text, digest } of [
  { name: 'one block', text: 'abc', digest: 'a9993e364706816aba3e25717850c26c9cd0d89d' },
  {
    name: 'two blocks',
    text: 'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    digest: '84983e441c3bd26ebaae4aa1f95129e5e54670f1',
  },
  { name: 'nothing', text: '', digest: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' },
])
  test(`sha1: FIPS 180 example, ${name}`, () => assert.equal(encodeHex(sha1(encodeUtf8(text))), digest))

test('sha1: agrees with node:crypto on every length up to three blocks', () => {
  for (let length = 0; length <= 192; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 151 + length) & 0xff)
    assert.equal(encodeHex(sha1(bytes)), createHash('sha1').update(bytes).digest('hex'), `${length} bytes`)
  }
})
