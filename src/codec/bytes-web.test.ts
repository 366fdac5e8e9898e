import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as node from './bytes-node.ts'
import * as web from './bytes-web.ts'

// Both sides of `#native/bytes`, beside each other.

const both: readonly (typeof node)[] = [node, web]

test('hexadecimal and base64: both sides spell and read alike, and views with an offset in place', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(5), (whole, from) => {
      const bytes = whole.subarray(from)
      assert.equal(web.toHex(bytes), node.toHex(bytes))
      assert.equal(web.toBase64(bytes), node.toBase64(bytes))
      for (const side of both) {
        assert.deepEqual(side.fromHex(node.toHex(bytes)), Uint8Array.from(bytes))
        assert.deepEqual(side.fromBase64(node.toBase64(bytes)), Uint8Array.from(bytes))
      }
    }),
  )
})

test('text of ASCII is read from one place to another, of views with an offset too', () => {
  const bytes = new TextEncoder().encode('before, text, behind').subarray(2)
  for (const side of both) assert.deepEqual([side.asciiReader(bytes)(6, 10), side.asciiReader(bytes)(3, 3)], ['text', ''])
})

test('base64 of a megabyte does not overflow the stack', () => {
  const bytes = new Uint8Array(1_000_000).fill(7)
  assert.equal(web.toBase64(bytes), node.toBase64(bytes))
  assert.deepEqual(web.fromBase64(web.toBase64(bytes)), bytes)
})

for (const { name, text } of [
  { name: 'a character outside the alphabet', text: 'AA*A' },
  { name: 'the alphabet of URLs', text: '_-__' },
  { name: 'white space, which atob skips', text: 'AA AA' },
  { name: 'a newline at the end', text: 'AAAA\n' },
  { name: 'no padding, which atob does without', text: 'AAA' },
  { name: 'padding cut short', text: 'AA=' },
  { name: 'padding alone', text: '====' },
  { name: 'padding in between', text: 'AA==AAAA' },
  { name: 'spare bits set', text: 'AB==' },
  { name: 'a character that does not fit a byte', text: 'AAA\u0141' },
])
  test(`base64: neither side reads ${name}`, () => {
    for (const side of both) assert.equal(side.fromBase64(text), undefined)
  })

test('base64: both sides give one answer to any text', () => {
  const near = fc.string({ unit: fc.constantFrom('A', 'B', 'Q', '/', '+', '-', '=', ' ', '\n', '\u0141'), maxLength: 9 })
  fc.assert(
    fc.property(near, text => assert.deepEqual(web.fromBase64(text), node.fromBase64(text))),
    { numRuns: 1000 },
  )
})

test('parts within bytes: both sides find the same', () => {
  const few = fc.uint8Array({ max: 2, maxLength: 12 })
  fc.assert(
    fc.property(few, fc.uint8Array({ max: 2, maxLength: 3 }), (bytes, part) =>
      assert.equal(web.includesBytes(bytes, part), node.includesBytes(bytes, part)),
    ),
  )
})
