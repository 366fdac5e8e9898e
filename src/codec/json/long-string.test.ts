import assert from 'node:assert/strict'
import { test } from 'node:test'
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
