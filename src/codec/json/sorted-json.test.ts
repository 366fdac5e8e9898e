import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson } from '../json.ts'
import { encodeUtf8 } from '../text.ts'
import { sortJsonObject } from './sort-json.ts'
import { serializeSortedJson } from './sorted-json.ts'

const parse = (text: string) => parseJson(encodeUtf8(text), 'test', { bytes: 1 << 20 })

for (const { name, text, sorted } of [
  {
    name: 'members, at every depth',
    text: '{"b":{"d":1,"c":[{"f":1,"e":2}]},"a":null}',
    sorted: '{"a":null,"b":{"c":[{"e":2,"f":1}],"d":1}}',
  },
  { name: 'nothing in them', text: '[ {}, [ ], "" ]', sorted: '[{},[],""]' },
  {
    name: 'numbers as Go writes them',
    text: '[1e21,1e-7,0.000001,1e2,12345678901234567890,-0.0,-0,0]',
    sorted: '[1e+21,1e-7,0.000001,100,12345678901234567000,-0,-0,0]',
  },
  { name: 'what HTML would escape stays', text: '"<&>\\u2028\\/\\u00e9"', sorted: '"<&>\u2028/é"' },
  { name: 'by bytes, not by UTF-16', text: '{"\u{1f600}":1,"\uffee":2,"z":3}', sorted: '{"z":3,"\uffee":2,"\u{1f600}":1}' },
  { name: 'a member of a treacherous name', text: '{"b":1,"__proto__":{"y":1,"x":2}}', sorted: '{"__proto__":{"x":2,"y":1},"b":1}' },
])
  test(`sorted JSON: ${name}`, () => {
    assert.equal(serializeSortedJson(parse(text)), sorted)
    const inside = sortJsonObject(encodeUtf8(` {"it": ${text}} `), 'test', { bytes: 1 << 20 })
    assert.equal(new TextDecoder().decode(inside), `{"it":${sorted}}`)
  })

test('serializeSortedJson refuses a number that became infinite', () =>
  assert.throws(() => serializeSortedJson(parse('{"a":[1e400]}')), { code: 'JSON_MALFORMED', message: /a number is larger than 1\.8e308/ }))

for (const { name, text, message } of [
  { name: 'a number that is larger than any', text: '{"a":[1e400]}', message: /^test: a number is larger than 1\.8e308$/ },
  { name: 'a list', text: ' [1]', message: /^test: want an object, got a list$/ },
  { name: 'a number', text: '-1', message: /^test: want an object, got a number$/ },
  { name: 'a member twice', text: '{"b":{"a":1,"\\u0061":2}}', message: /member "a" appears twice/ },
  { name: 'more than one value', text: '{} {}', message: /want the end/ },
  { name: 'what does not end', text: '{"a":', message: /want a value, got the end/ },
])
  test(`sortJsonObject refuses ${name}`, () =>
    assert.throws(() => sortJsonObject(encodeUtf8(text), 'test', { bytes: 100 }), { code: 'JSON_MALFORMED', message }))

test('sortJsonObject agrees with serializeSortedJson on whatever there is', () => {
  const seed = 20260102
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % below
  }
  const alphabet = ['a', 'b', '\u00e9', '"', '\\', '\n', '\u{1f600}', '\uffee', '<']
  const text = () => Array.from({ length: random(4) }, () => alphabet[random(alphabet.length)]).join('')
  const value = (depth: number): unknown => {
    const kind = random(depth > 4 ? 4 : 6)
    if (kind === 4) return Array.from({ length: random(4) }, () => value(depth + 1))
    if (kind === 5) return Object.fromEntries(Array.from({ length: random(5) }, () => [text(), value(depth + 1)]))
    return [null, random(2) === 1, text(), random(1000) / 7 - 50][kind]
  }
  for (let round = 0; round < 300; round++) {
    const document = JSON.stringify({ it: value(0), z: 1, a: value(1) }, null, random(3))
    const sorted = new TextDecoder().decode(sortJsonObject(encodeUtf8(document), 'test', { bytes: 1 << 20 }))
    assert.equal(sorted, serializeSortedJson(parse(document)), `seed ${seed}, round ${round}: ${document}`)
  }
})

const long = 'x'.repeat(600_000)
for (const { name, members } of [
  { name: 'two members too large for a copy', members: ['b', 'a'].map(member => [member, long + long]) },
  { name: 'a few large members', members: ['m', 'b', 'z', 'a'].map(member => [member, long]) },
  {
    name: 'a large member behind small ones',
    members: [
      ['z', '1'],
      ['y', long + long],
      ['b', ''],
      ['a', long],
    ],
  },
  { name: 'many members', members: Array.from({ length: 30_000 }, (_, at) => [`name-${(at * 7919) % 30_000}`, 'x'.repeat(at % 80)]) },
])
  test(`sortJsonObject puts in order, and keeps bytes free before: ${name}`, () => {
    const document = { z: 1, it: [Object.fromEntries(members)], ...Object.fromEntries(members) }
    const sorted = sortJsonObject(encodeUtf8(JSON.stringify(document)), 'test', { bytes: 1 << 23 }, 100)
    assert.equal(sorted.byteOffset, 100)
    assert.ok(sorted.byteOffset + sorted.length < sorted.buffer.byteLength)
    assert.ok(new Uint8Array(sorted.buffer, 0, 100).every(byte => byte === 0))
    assert.equal(new TextDecoder().decode(sorted), serializeSortedJson(document))
  })

test('sortJsonObject has room for numbers that grow', () => {
  const numbers = Array.from({ length: 20_000 }, () => 1e20)
  const sorted = sortJsonObject(encodeUtf8(`{"b":[${numbers.map(() => '1E20').join()}],"a":1}`), 'test', { bytes: 1 << 20 })
  assert.equal(new TextDecoder().decode(sorted), JSON.stringify({ a: 1, b: numbers }))
})
