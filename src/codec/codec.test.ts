import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { bytesEqual, concatBytes, releaseBytes } from './bytes.ts'
import { serializeGoJson } from './go-json.ts'
import { decodeHex, encodeHex, encodeHexNumber } from './hex.ts'
import { decodePem, encodePem } from './pem.ts'
import { encodeUtf8, escapeControls, quote } from './text.ts'

const bytes = fc.uint8Array({ maxLength: 200 })

test('round trips: base64, hex and PEM of any bytes', () => {
  fc.assert(
    fc.property(bytes, value => {
      assert.deepEqual(decodeBase64(encodeBase64(value), 'x'), value)
      assert.deepEqual(decodeHex(encodeHex(value), 'x'), value)
      assert.deepEqual(decodePem(encodePem('PUBLIC KEY', value), 'x'), [{ label: 'PUBLIC KEY', bytes: value }])
    }),
  )
})

test('bytes that are released are gone, unless they share their memory or are few', () => {
  const many = new Uint8Array(1 << 20)
  const [part, few] = [new Uint8Array(1 << 21).subarray(1), new Uint8Array(100)]
  for (const bytes of [many, part, few]) releaseBytes(bytes)
  assert.deepEqual(
    [many, part, few].map(({ length }) => length),
    [0, (1 << 21) - 1, 100],
  )
})

test('bytes: equal and joined', () => {
  assert.equal(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true)
  assert.equal(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false)
  assert.equal(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1)), false)
  assert.deepEqual(concatBytes(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3)), Uint8Array.of(1, 2, 3))
})

for (const { name, text } of [
  { name: 'no padding', text: 'YQ' },
  { name: 'spare bits set', text: 'YR==' },
  { name: 'line break', text: 'YQ==\n' },
  { name: 'URL alphabet', text: '_-8=' },
  { name: 'padding inside', text: 'YQ==YQ==' },
])
  test(`decodeBase64 refuses ${name}`, () =>
    assert.throws(() => decodeBase64(text, 'sig'), { code: 'BASE64_MALFORMED', message: /^sig: want padded base64/ }))

for (const text of ['a', 'AA', 'zz', '0x'])
  test(`decodeHex refuses ${text}`, () =>
    assert.throws(() => decodeHex(text, 'id'), { code: 'HEX_MALFORMED', message: /^id: want lower-case hexadecimal/ }))

for (const { name, text, error } of [
  { name: 'cut off', text: '-----BEGIN A-----\nYQ==\n', error: /"A" block is cut off/ },
  { name: 'END without BEGIN', text: '-----END A-----\n', error: /END "A" closes no block/ },
  { name: 'END of another', text: '-----BEGIN A-----\nYQ==\n-----END B-----\n', error: /END "B" closes no block/ },
  { name: 'nested', text: '-----BEGIN A-----\n-----BEGIN B-----\n', error: /"A" block does not end/ },
  { name: 'bad body', text: '-----BEGIN A-----\nY!\n-----END A-----\n', error: /A: body is not padded base64/ },
  { name: 'headers', text: '-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n-----END A-----\n', error: /want no headers/ },
])
  test(`decodePem refuses: ${name}`, () => assert.throws(() => decodePem(text, 'key'), { code: 'PEM_MALFORMED', message: error }))

test('decodePem says nothing of a body it cannot read, not even as a cause', () => {
  assert.throws(
    () => decodePem('-----BEGIN PRIVATE KEY-----\nc2VjcmV0=\n-----END PRIVATE KEY-----\n', 'key'),
    (error: Error) => error.cause === undefined && !error.message.includes('c2Vj'),
  )
})

test('decodePem skips text around blocks and reads CRLF', () => {
  const text = `comment\r\n${encodePem('A', Uint8Array.of(1)).replaceAll('\n', '\r\n')}between\n${encodePem('B', Uint8Array.of(2))}`
  assert.deepEqual(decodePem(text, 'x'), [
    { label: 'A', bytes: Uint8Array.of(1) },
    { label: 'B', bytes: Uint8Array.of(2) },
  ])
  assert.deepEqual(decodePem('no blocks', 'x'), [])
})

test('escapeControls shows what a terminal would obey or hide (GHSA-crc3-h8v6-qh57)', () => {
  assert.equal(escapeControls('a\u001b[31m\u202e\u200b\u0085\u2028é'), 'a\\u{001b}[31m\\u{202e}\\u{200b}\\u{0085}\\u{2028}é')
  assert.equal(quote('say "hi"\n'), '"say \\"hi\\"\\u{000a}"')
  assert.equal(quote('x'.repeat(100)).length, 83)
})

test('serializeGoJson writes what encoding/json writes', () => {
  const value = {
    b: '<a href="x">&\u2028é\u0001\t',
    a: null,
    gone: undefined,
    m: new Map([
      ['10', 'x'],
      ['9', 'y'],
      ['é', 'z'],
      ['A', 'w'],
    ]),
    l: [1, true],
  }
  assert.equal(
    serializeGoJson(value),
    '{"b":"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028é\\u0001\\t","a":null,"m":{"10":"x","9":"y","A":"w","é":"z"},"l":[1,true]}',
  )
  assert.deepEqual(JSON.parse(serializeGoJson(value)).m, { 9: 'y', 10: 'x', A: 'w', é: 'z' })
  assert.equal(encodeUtf8(serializeGoJson('é')).length, 4)
})

for (const [value, text] of [
  [0n, '00'],
  [0x4f5aced3n, '4f5aced3'],
  [0xf5aced3n, '0f5aced3'],
  [-0xabcn, '-0abc'],
] as const)
  test(`encodeHexNumber: ${value} is written in whole octets`, () => assert.equal(encodeHexNumber(value), text))
