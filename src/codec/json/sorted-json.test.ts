import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson } from '../json.ts'
import { encodeUtf8 } from '../text.ts'
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
    text: '[1e21,1e-7,0.000001,1e2,12345678901234567890]',
    sorted: '[1e+21,1e-7,0.000001,100,12345678901234567000]',
  },
  { name: 'what HTML would escape stays', text: '"<&>\\u2028\\/\\u00e9"', sorted: '"<&>\u2028/é"' },
  { name: 'by bytes, not by UTF-16', text: '{"\u{1f600}":1,"\uffee":2,"z":3}', sorted: '{"z":3,"\uffee":2,"\u{1f600}":1}' },
  { name: 'a member of a treacherous name', text: '{"b":1,"__proto__":{"y":1,"x":2}}', sorted: '{"__proto__":{"x":2,"y":1},"b":1}' },
])
  test(`serializeSortedJson: ${name}`, () => assert.equal(serializeSortedJson(parse(text)), sorted))

test('serializeSortedJson refuses a number that became infinite', () =>
  assert.throws(() => serializeSortedJson(parse('{"a":[1e400]}')), { code: 'JSON_MALFORMED', message: /a number is larger than 1\.8e308/ }))
