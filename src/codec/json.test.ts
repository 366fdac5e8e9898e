import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  parseJson,
  readArray,
  readAs,
  readBase64,
  readObject,
  readObjectOf,
  readSafeInteger,
  readString,
  readStringMap,
  readUint64,
} from './json.ts'
import { encodeUtf8 } from './text.ts'

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

for (const { name, text, limits, code, error } of [
  { name: 'nested objects may reuse names', text: '{"a":{"a":1},"b":[{"a":1},{"a":2}]}' },
  { name: 'braces and escaped quotes in strings are text', text: '{"a":"{\\"a\\":[","b":"\\\\"}' },
  { name: 'a string value may equal a name', text: '{"a":"b","b":"a"}' },
  { name: '64 levels', text: nested(64) },
  { name: 'same name twice', text: '{"a":1,"a":2}', code: 'JSON_MALFORMED', error: /doc: member "a" appears twice/ },
  { name: 'same name, one escaped', text: '{"a":1,"\\u0061":2}', code: 'JSON_MALFORMED', error: /member "a" appears twice/ },
  { name: 'same name after a nested value', text: '{"a":{"x":[1]},"a":2}', code: 'JSON_MALFORMED', error: /member "a" appears twice/ },
  { name: '__proto__ twice', text: '{"__proto__":1,"__proto__":2}', code: 'JSON_MALFORMED', error: /"__proto__" appears twice/ },
  { name: '65 levels', text: nested(65), code: 'LIMIT_EXCEEDED', error: /at most 64 levels deep/ },
  { name: 'truncated', text: '{"a":', code: 'JSON_MALFORMED', error: /doc: not JSON/ },
  { name: 'two documents', text: '{} {}', code: 'JSON_MALFORMED', error: /doc: not JSON/ },
  { name: 'half a surrogate pair', text: '{"a":"\\ud800"}', code: 'JSON_MALFORMED', error: /half a surrogate pair/ },
  { name: 'byte order mark', text: '\ufeff{}', code: 'JSON_MALFORMED', error: /not JSON/ },
  {
    name: 'too long',
    text: '{"a":"0123456789"}',
    limits: { bytes: 10 },
    code: 'LIMIT_EXCEEDED',
    error: /at most 10 bytes of JSON, got 18/,
  },
])
  test(`parseJson: ${name}`, () => {
    const parse = () => parseJson(encodeUtf8(text), 'doc', limits ?? { bytes: 10_000 })
    if (error) assert.throws(parse, { code, message: error })
    else assert.deepEqual(parse(), JSON.parse(text))
  })

const megabytes = (unit: string, count: number) => unit.repeat(Math.ceil((count << 20) / unit.length))

for (const { name, text, error } of [
  { name: 'objects', text: `[${megabytes('{},', 8)}{}]`, error: /^doc: want JSON of at most 100000 values$/ },
  { name: 'numbers', text: `[${megabytes('1,', 8)}1]`, error: /at most 100000 values/ },
  { name: 'arrays within strings', text: JSON.stringify(megabytes('[\\",[', 8)) },
  { name: 'a string of backslashes', text: `["${megabytes('\\\\', 8)}"]` },
  { name: 'a string that never ends', text: `["${megabytes('[', 8)}`, error: /not JSON/ },
  { name: 'levels', text: megabytes('[', 8), error: /at most 64 levels deep/ },
])
  test(`parseJson: megabytes of ${name}`, () => {
    const parse = () => parseJson(encodeUtf8(text), 'doc', { bytes: 64 << 20 })
    if (error) assert.throws(parse, { name: 'CountersignError', message: error })
    else assert.deepEqual(parse(), JSON.parse(text))
  })

test('a large value where another was wanted is named by its kind', () => {
  assert.throws(() => readString(Array(30_000_000).fill(1e20), 'x'), { message: 'x: want a string, got "[…]"' })
  assert.throws(() => readString({ a: [] }, 'x'), { message: 'x: want a string, got "{…}"' })
})

test('parseJson: bytes that are not UTF-8', () => {
  assert.throws(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), 'doc', { bytes: 10 }), {
    code: 'UTF8_MALFORMED',
    message: /doc: want UTF-8/,
  })
})

for (const { name, read, error } of [
  { name: 'object from array', read: () => readObject([], 'x'), error: 'x: want an object, got "[]"' },
  { name: 'object from null', read: () => readObject(null, 'x'), error: 'x: want an object, got "null"' },
  { name: 'object with a stranger', read: () => readObjectOf({ a: 1, b: 2 }, 'x', ['a']), error: 'x: unknown member "b"' },
  { name: 'array from object', read: () => readArray({}, 'x', 1, readString), error: 'x: want an array, got "{}"' },
  { name: 'item path', read: () => readArray(['a', 1], 'x', 2, readString), error: 'x[1]: want a string, got "1"' },
  { name: 'string missing', read: () => readString(undefined, 'x.y'), error: 'x.y: want a string, got nothing' },
  { name: 'map value', read: () => readStringMap({ a: 1 }, 'x'), error: 'x["a"]: want a string, got "1"' },
  { name: 'integer: fraction', read: () => readSafeInteger(1.5, 'x'), error: 'x: want a whole number, got "1.5"' },
  { name: 'integer: negative', read: () => readSafeInteger(-1, 'x'), error: 'x: want a whole number, got "-1"' },
  { name: 'uint64: leading zero', read: () => readUint64('07', 'x'), error: 'x: want a decimal number below 2^63, got "\\"07\\""' },
  { name: 'uint64: negative', read: () => readUint64('-1', 'x'), error: 'x: want a decimal number below 2^63, got "\\"-1\\""' },
  { name: 'uint64: 2^63', read: () => readUint64('9223372036854775808', 'x'), error: /below 2\^63/ },
  { name: 'uint64: exponent', read: () => readUint64('1e3', 'x'), error: /below 2\^63/ },
  { name: 'base64: no padding', read: () => readBase64('YQ', 'x'), error: 'x: want padded base64, got "YQ"' },
])
  test(`readers: ${name}`, () => assert.throws(read, { code: 'JSON_MALFORMED', message: error }))

test('readers: good values', () => {
  assert.equal(readUint64('9223372036854775807', 'x'), 2n ** 63n - 1n)
  assert.equal(readUint64(5, 'x'), 5n)
  assert.deepEqual(readStringMap({ __proto__: null, a: 'b' }, 'x'), new Map([['a', 'b']]))
  assert.deepEqual(readBase64('YQ==', 'x'), Uint8Array.of(0x61))
  assert.throws(() => readArray([1, 2, 3], 'x', 2, readSafeInteger), { code: 'LIMIT_EXCEEDED', message: 'x: want at most 2 items, got 3' })
})

test('readAs gives broken JSON the code of its format and leaves limits alone', () => {
  assert.throws(() => readAs('BUNDLE_MALFORMED', 'bundle', () => readString(1, 'mediaType')), {
    code: 'BUNDLE_MALFORMED',
    message: 'bundle: mediaType: want a string, got "1"',
  })
  assert.throws(() => readAs('BUNDLE_MALFORMED', 'bundle', () => readArray([1], 'x', 0, readString)), { code: 'LIMIT_EXCEEDED' })
})

test('parseJson agrees with a naive search for members that appear twice', () => {
  const name = fc.constantFrom('a', 'b', '\\', '"', '\\"', 'é', '{', ':')
  const member = fc.tuple(name, fc.constantFrom('1', '"x\\\\"', '"\\""', '{"a":1}', '["a","a"]', '"a"'))
  fc.assert(
    fc.property(fc.array(member, { maxLength: 5 }), members => {
      const text = `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
      const isDoubled = new Set(members.map(([key]) => key)).size < members.length
      const parse = () => parseJson(encodeUtf8(text), 'doc', { bytes: 10_000 })
      if (isDoubled) assert.throws(parse, { code: 'JSON_MALFORMED', message: /appears twice/ })
      else assert.deepEqual(parse(), Object.fromEntries(members.map(([key, value]) => [key, JSON.parse(value)]))) // V8 misreads `text`: nodejs/node#63785
    }),
  )
})
