import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeLongBase64, encodeBase64, encodeWithBase64 } from '../base64.ts'
import { decodeUtf8, encodeUtf8 } from '../text.ts'
import { withoutLongString } from './long-string.ts'

const limits = { bytes: 8 << 20 }
const long = 'QUJD'.repeat(400_000)
const without = (text: string, path = [['a', 'b'], ['c']]) => {
  const { rest, string } = withoutLongString(encodeUtf8(text), 'document', limits, path)
  return { rest: decodeUtf8(rest, 'rest'), string: string && decodeUtf8(string, 'string') }
}

for (const { name, text, rest, isTaken = true } of [
  { name: 'where the path leads', text: `{"x":[1],"a":{"c":"${long}","d":2}}`, rest: '{"x":[1],"a":{"c":"","d":2}}' },
  { name: 'by another spelling', text: `{"b":{"c":"${long}"}}`, rest: '{"b":{"c":""}}' },
  { name: 'nothing where there is none', text: `{"a":{"d":"${long}"}}`, isTaken: false },
  { name: 'nothing that has escapes', text: `{"a":{"c":"${long}\\/"}}`, isTaken: false },
  { name: 'nothing that is no string', text: `{"a":{"c":["${long}"]}}`, isTaken: false },
  { name: 'nothing where the way is none', text: `{"a":["${long}"]}`, isTaken: false },
  { name: 'nothing of what is no object', text: `["${long}"]`, isTaken: false },
  { name: 'nothing of a short document', text: '{"a":{"c":"QUJD"}}', isTaken: false },
])
  test(`a long string is taken out: ${name}`, () =>
    assert.deepEqual(without(text), { rest: rest ?? text, string: isTaken ? long : undefined }))

for (const { name, text, code } of [
  { name: 'a member twice', text: `{"a":{"c":"${long}","e":1,"e":2}}`, code: 'JSON_MALFORMED' },
  { name: 'something behind it', text: `{"a":{"c":"${long}"}} x`, code: 'JSON_MALFORMED' },
  { name: 'too many values', text: `{"a":{"c":"${long}","d":[${'0,'.repeat(100_000)}0]}}`, code: 'LIMIT_EXCEEDED' },
])
  test(`a long string is not taken out of a document that breaks the rules: ${name}`, () => assert.throws(() => without(text), { code }))

const slice = 65_536 // characters that are decoded at once
for (const length of [0, 1, 2, 3, (slice / 4) * 3 - 1, (slice / 4) * 3, (slice / 4) * 3 + 1, 200_000])
  test(`long base64: ${length} bytes, with room before them`, () => {
    const bytes = Uint8Array.from({ length }, (_, at) => at * 7)
    const decoded = decodeLongBase64(encodeUtf8(encodeBase64(bytes)), 'payload', { before: 5 })
    assert.deepEqual(decoded, bytes)
    assert.equal(decoded.byteOffset, 5)
  })

for (const { name, text } of [
  { name: 'padding between slices', text: `${'A'.repeat(slice - 2)}==QUJD` },
  { name: 'another alphabet', text: `${'A'.repeat(slice)}QU-D` },
  { name: 'no padding', text: `${'A'.repeat(slice)}QU` },
  { name: 'padding alone', text: '====' },
  { name: 'spare bits', text: `${'A'.repeat(slice)}QUF=` },
  { name: 'a line break', text: `${'A'.repeat(slice)}QUJD\n` },
  { name: 'letters beyond ASCII', text: `${'A'.repeat(slice)}QUé` },
])
  test(`long base64 is refused: ${name}`, () =>
    assert.throws(() => decodeLongBase64(encodeUtf8(text), 'payload', { code: 'DSSE_MALFORMED' }), {
      code: 'DSSE_MALFORMED',
      message: /^payload: want/,
    }))

for (const length of [0, 1, 98_303, 98_304, 98_305, 200_000])
  test(`a value of ${length} bytes is written in base64 within other text`, () => {
    const bytes = Uint8Array.from({ length }, (_, at) => at * 7)
    const text = '{"é":"","payload":"","b":""}'
    const expected = text.replace('"payload":""', `"payload":"${encodeBase64(bytes)}"`)
    assert.equal(decodeUtf8(encodeWithBase64(text, '"payload":""', bytes), 'text'), expected)
  })
