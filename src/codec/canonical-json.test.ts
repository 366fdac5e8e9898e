import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serializeCanonicalJson } from './canonical-json.ts'
import { encodeHex } from './hex.ts'
import { type Json, parseJson } from './json.ts'
import { encodeUtf8 } from './text.ts'

test('serializeCanonicalJson: the sample of RFC 8785 §3.2.2 to §3.2.4', () => {
  const input = String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`
  const canonical = serializeCanonicalJson(parseJson(encodeUtf8(input), 'sample', { bytes: 1000 }))
  const wanted = [
    '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333',
    '332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75',
    '303030665c6e4127425c225c5c5c5c5c222f227d',
  ]
  assert.equal(encodeHex(encodeUtf8(canonical)), wanted.join(''))
})

test('serializeCanonicalJson: members in the order of RFC 8785 §3.2.3', () => {
  const members = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  }
  const order = [...serializeCanonicalJson(members).matchAll(/:"(.*?)"/g)].map(match => match[1])
  assert.deepEqual(order, [
    'Carriage Return',
    'One',
    'Control',
    'Latin Small Letter O With Diaeresis',
    'Euro Sign',
    'Emoji: Grinning Face',
    'Hebrew Letter Dalet With Dagesh',
  ])
})

// RFC 8785 appendix B: the bits of an IEEE 754 number, and its text
const numbers: readonly (readonly [string, string])[] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
]
for (const [bits, text] of numbers)
  test(`serializeCanonicalJson: number ${bits}`, () => {
    assert.equal(serializeCanonicalJson(Buffer.from(bits, 'hex').readDoubleBE()), text)
  })

const forms: readonly { readonly name: string; readonly value: Json; readonly text: string }[] = [
  { name: 'nothing in an object', value: {}, text: '{}' },
  { name: 'nothing in an array', value: [], text: '[]' },
  { name: 'names that look like numbers', value: { 10: 1, 9: 2, a: 3 }, text: '{"10":1,"9":2,"a":3}' },
  { name: 'a name before one it begins', value: { ab: 1, a: 2, '': 3 }, text: '{"":3,"a":2,"ab":1}' },
  { name: 'what Go would escape stays', value: '<>&\u2028\u2029/', text: '"<>&\u2028\u2029/"' },
  { name: 'controls', value: '\b\t\n\f\r\u0000\u001f\u007f', text: '"\\b\\t\\n\\f\\r\\u0000\\u001f\u007f"' },
]
for (const { name, value, text } of forms)
  test(`serializeCanonicalJson: ${name}`, () => {
    assert.equal(serializeCanonicalJson(value), text)
    assert.deepEqual(JSON.parse(text), value)
  })

for (const { name, value, error } of [
  { name: 'half a pair in a string', value: 'a\ud83d', error: /half a surrogate pair/ },
  { name: 'half a pair in a name', value: { '\ude00': 1 }, error: /half a surrogate pair/ },
  { name: 'not a number', value: [Number.NaN], error: /want a finite number, got NaN/ },
  { name: 'infinity', value: -Infinity, error: /want a finite number, got -Infinity/ },
])
  test(`serializeCanonicalJson refuses ${name}`, () => {
    assert.throws(() => serializeCanonicalJson(value), { code: 'JSON_MALFORMED', message: error })
  })
