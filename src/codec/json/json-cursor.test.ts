import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../error.ts'
import { type Json, parseJson } from '../json.ts'
import { encodeUtf8 } from '../text.ts'
import type { JsonCursor } from './cursor.ts'
import { createJsonCursor } from './json-cursor.ts'
import { createValueBudget } from './value-budget.ts'

const limits = { bytes: 1 << 20 }
const cursorOf = (text: string | Uint8Array, some: Partial<typeof limits> & { depth?: number; values?: number } = {}) =>
  createJsonCursor(typeof text === 'string' ? encodeUtf8(text) : text, 'document', { ...limits, ...some })

/** Makes a value of all that a cursor tells, one piece at a time. */
function build(cursor: JsonCursor): Json {
  switch (cursor.kind()) {
    case 'object': {
      const members: [string, Json][] = []
      cursor.object(name => members.push([name, build(cursor)]))
      return Object.fromEntries(members)
    }
    case 'array': {
      const items: Json[] = []
      cursor.array(() => items.push(build(cursor)))
      return items
    }
    case 'string':
      return cursor.string()
    default:
      return cursor.value()
  }
}

function whole<T>(cursor: JsonCursor, read: (cursor: JsonCursor) => T): T {
  const value = read(cursor)
  cursor.end()
  return value
}

const documents = [
  '[{"a":["b"]},{"a":["b"]},{"a":["b","c"]},[{"a":["b"]}],{"a":["b"]} ,["b"],["b"]]',
  '{}',
  ' [ ] ',
  '"text"',
  '0',
  '-1.5e+10',
  '[1,2.0,-0,1E3]',
  'true',
  '[true,false,null]',
  '{"a":{"b":[{"c":"d"},[]]},"a b":"","é":"ü","😀":1}',
  '{"\\u0061":1,"b\\n":2,"\\ud83d\\ude00":"\\ud83d\\ude00 \\\\ \\" \\/ \\b\\f\\n\\r\\t"}',
  '{"__proto__":1,"constructor":2,"toString":3}',
  `{${Array.from({ length: 40 }, (_, at) => `"name-${at}":${at}`).join()}}`,
  '\t\r\n{ "a" : [ 1 , 2 ] }\n',
]

for (const text of documents)
  test(`a cursor reads what a parser does: ${JSON.stringify(text.slice(0, 40))}`, () => {
    const expected = parseJson(encodeUtf8(text), 'document', limits)
    assert.deepEqual(whole(cursorOf(text), build), expected)
    assert.deepEqual(
      whole(cursorOf(text), cursor => cursor.value()),
      expected,
    )
    const everything = whole(cursorOf(text), cursor => cursor.valueWithout(new Set(), createValueBudget(100)))
    assert.deepEqual([everything, JSON.stringify(everything)], [expected, JSON.stringify(expected)])
    assert.deepEqual(JSON.parse(new TextDecoder().decode(whole(cursorOf(text), cursor => cursor.bytes()))), expected)
  })

for (const { name, text, message } of [
  { name: 'nothing', text: '', message: 'document: not JSON: at byte 0: want a value, got the end' },
  { name: 'two values', text: '1 2', message: 'document: not JSON: at byte 2: want the end, got "2"' },
  { name: 'a member without a value', text: '{"a"}', message: 'document: not JSON: at byte 4: want ":", got "}"' },
  { name: 'a comma too many', text: '[1,]', message: 'document: not JSON: at byte 3: want a value, got "]"' },
  { name: 'a member after a comma', text: '{"a":1,}', message: 'document: not JSON: at byte 7: want a string, got "}"' },
  { name: 'no comma', text: '[1 2]', message: 'document: not JSON: at byte 3: want "," or "]", got "2"' },
  { name: 'a bracket of another kind', text: '{"a":1]', message: 'document: not JSON: at byte 6: want "," or "}", got "]"' },
  { name: 'a string without end', text: '"abc', message: 'document: not JSON: at byte 4: want the rest of a string, got the end' },
  {
    name: 'a line break in a string',
    text: '"a\nb"',
    message: 'document: not JSON: at byte 2: want the rest of a string, got "\\u{000a}"',
  },
  { name: 'an escape of its own', text: '"\\x41"', message: 'document: not JSON: at byte 1: want an escape, got "\\\\"' },
  { name: 'a number with a leading zero', text: '01', message: 'document: not JSON: at byte 1: want the end, got "1"' },
  { name: 'a number without digits', text: '[-]', message: 'document: not JSON: at byte 2: want a digit, got "]"' },
  { name: 'a word', text: 'trUe', message: 'document: not JSON: at byte 0: want "true", got "t"' },
  { name: 'a byte order mark', text: '\uFEFF{}', message: 'document: not JSON: at byte 0: want a value, got byte 0xef' },
  { name: 'a member twice', text: '{"a":1,"a":2}', message: 'document: member "a" appears twice, the second time at byte 7' },
  {
    name: 'a member twice, once escaped',
    text: '{"a":1,"\\u0061":2}',
    message: 'document: member "a" appears twice, the second time at byte 7',
  },
  { name: 'a member twice where nobody looks', text: '[{"x":{"é":1,"é":2}}]', message: /member "é" appears twice/ },
  {
    name: 'a member twice among many',
    text: `{${Array.from({ length: 40 }, (_, at) => `"name-${at % 39}":0`).join()}}`,
    message: /member "name-0" appears twice/,
  },
  { name: 'half a surrogate pair', text: '"\\ud83d"', message: 'document: a string holds half a surrogate pair' },
  { name: 'the other half', text: '"\\ude00"', message: 'document: a string holds half a surrogate pair' },
  { name: 'half a pair and text', text: '"\\ud83dx\\ude00"', message: 'document: a string holds half a surrogate pair' },
] as const)
  test(`a cursor refuses ${name}`, () => {
    assert.throws(() => whole(cursorOf(text), cursor => cursor.bytes()), { code: 'JSON_MALFORMED', message })
    assert.throws(() => parseJson(encodeUtf8(text), 'document', limits), CountersignError)
  })

for (const { name, text, some, message } of [
  { name: 'bytes', text: '[1,2,3]', some: { bytes: 6 }, message: 'document: want at most 6 bytes of JSON, got 7' },
  { name: 'levels', text: '[[[]]]', some: { depth: 2 }, message: 'document: want JSON at most 2 levels deep' },
  { name: 'values', text: '[1,2,3]', some: { values: 3 }, message: 'document: want JSON of at most 3 values' },
])
  test(`a cursor bounds ${name}`, () =>
    assert.throws(() => whole(cursorOf(text, some), cursor => cursor.bytes()), { code: 'LIMIT_EXCEEDED', message }))

test('a cursor refuses what is no UTF-8, and no name that is none', () => {
  const [before, after] = [encodeUtf8('{"a'), encodeUtf8('":1}')]
  assert.throws(() => whole(cursorOf(Uint8Array.from([...before, 0xff, ...after])), build), { code: 'UTF8_MALFORMED' })
  assert.throws(() => whole(cursorOf(Uint8Array.from([0x22, 0xc0, 0xaf, 0x22])), cursor => cursor.bytes()), { code: 'UTF8_MALFORMED' })
})

test('a cursor passes over what is left, and tells what is asked for', () => {
  const cursor = cursorOf('{"skip":{"a":[1,{"b":2}]},"names":["x","y\\n"],"raw":"QUJD","rest":[1, {"z":"é"}]}')
  const seen: unknown[] = []
  cursor.object(name => {
    if (name === 'names') cursor.array(index => seen.push(index, cursor.stringBytes().isPlain))
    if (name === 'raw') seen.push(new TextDecoder().decode(cursor.stringBytes().bytes))
    if (name === 'rest') seen.push(new TextDecoder().decode(cursor.bytes()))
  })
  cursor.end()
  assert.deepEqual(seen, [0, true, 1, false, 'QUJD', '[1, {"z":"é"}]'])
})

test('a cursor makes a value without what nobody looks at, in bounded steps', () => {
  const text = '{"a":[{"b":1,"c":{"b":[1,2,3]}},"b"],"b":{"a":1,"a2":[]}}'
  assert.deepEqual(
    whole(cursorOf(text), cursor => cursor.valueWithout(new Set(['b']), createValueBudget(5))),
    { a: [{ c: {} }, 'b'] },
  )
  assert.throws(() => cursorOf(text).valueWithout(new Set(['b']), createValueBudget(4)), {
    code: 'LIMIT_EXCEEDED',
    message: 'document: want at most 4 values that are looked at',
  })
  assert.throws(() => cursorOf('{"b":{"x":1,"x":2}}').valueWithout(new Set(['b']), createValueBudget(5)), {
    message: /member "x" appears twice/,
  })
})

test('values of several calls have one budget together', () => {
  const cursor = cursorOf('[{"a":1},[2],"x"]')
  const budget = createValueBudget(4)
  const made: Json[] = []
  const tooMany = { code: 'LIMIT_EXCEEDED', message: 'document: want at most 4 values that are looked at' }
  assert.throws(() => cursor.array(() => made.push(cursor.valueWithout(new Set(), budget))), tooMany)
  assert.deepEqual(made, [{ a: 1 }, [2]])
})

test('texts of many spellings are told apart, short and long', () => {
  const texts = Array.from({ length: 3000 }, (_, at) => `${'é'.repeat(at % 2)}${(at % 1500) * 37}${'x'.repeat(at % 40)}`)
  const read: string[] = []
  const cursor = cursorOf(JSON.stringify([...texts, ...texts]))
  cursor.array(() => read.push(cursor.string()))
  assert.deepEqual(read, [...texts, ...texts])
})

test('a value that was made before is counted as if it were made anew', () => {
  const text = `[${'{"a":[1]},'.repeat(3)}0]`
  const read = (values: number, made: number) => () =>
    whole(cursorOf(text, { values }), cursor => cursor.valueWithout(new Set(), createValueBudget(made)))
  const one = { a: [1] }
  assert.deepEqual(read(11, 11)(), [one, one, one, 0])
  assert.throws(read(10, 11), { message: 'document: want JSON of at most 10 values' })
  assert.throws(read(9, 11), { message: 'document: want JSON of at most 9 values' })
  assert.throws(read(11, 10), { message: 'document: want at most 10 values that are looked at' })
  assert.throws(read(11, 6), { message: 'document: want at most 6 values that are looked at' })
})

test('a value is made anew where other members are left aside, and at another depth', () => {
  const cursor = cursorOf('[{"a":1,"b":[2]},{"a":1,"b":[2]},[{"a":1,"b":[2]}]]', { depth: 4 })
  const made: Json[] = []
  cursor.array(index => made.push(cursor.valueWithout(new Set(index === 1 ? 'a' : 'z'), createValueBudget(9))))
  assert.deepEqual(made, [{ a: 1, b: [2] }, { b: [2] }, [{ a: 1, b: [2] }]])
})

for (const { name, before, text, expected } of [
  { name: 'a line break', before: '{"a":1,"b\\\\":2}', text: '{"a":1,"b\\n":2}', expected: { a: 1, 'b\n': 2 } },
  {
    name: 'beside the one it is like',
    before: '{"a":1,"b\\\\":2}',
    text: '{"a":1,"b\\n":2,"b\\\\":3}',
    expected: { a: 1, 'b\n': 2, 'b\\': 3 },
  },
  { name: 'a letter', before: '{"a":1,"pay\\\\u00":2}', text: '{"a":1,"pay\\u006coad":2}', expected: { a: 1, payload: 2 } },
  {
    name: 'a letter, in the same document',
    before: '1',
    text: '[{"a":{"b":1,"pay\\\\u00":1}},[{"b":1,"pay\\u006coad":2}]]',
    expected: [{ a: { b: 1, 'pay\\u00': 1 } }, [{ b: 1, payload: 2 }]],
  },
])
  test(`a name is read as it is written, whatever was read before: ${name}`, () => {
    JSON.parse(before)
    assert.deepEqual(parseJson(encodeUtf8(text), 'document', limits), expected)
    for (const read of [
      build,
      (cursor: JsonCursor) => cursor.value(),
      (cursor: JsonCursor) => cursor.valueWithout(new Set(), createValueBudget(100)),
    ])
      assert.deepEqual(whole(cursorOf(text), read), expected)
  })

test('a cursor tells names of one hash apart, where the characters of one are the bytes of the other', () => {
  const [name, other] = ['gaajjhe\u0375\u0231', 'gaajjhe\u00cd\u00b5\u00c8\u00b1']
  assert.equal(Buffer.from(name).toString('latin1'), other)
  assert.deepEqual(whole(cursorOf(`{"${other}":1,"${name}":2}`), build), { [other]: 1, [name]: 2 })
})

test('a cursor that is asked for another kind says where', () => {
  assert.throws(() => cursorOf(' 12').object(() => {}), { message: 'document: not JSON: at byte 1: want an object, got "1"' })
  assert.throws(() => cursorOf('{}').array(() => {}), { message: 'document: not JSON: at byte 0: want an array, got "{"' })
  assert.throws(() => cursorOf('[]').string(), { message: 'document: not JSON: at byte 0: want a string, got "["' })
})

test('a cursor and a parser take the same documents, however they are changed', t => {
  let state = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  t.diagnostic(`SEED=${state}`)
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % below
  }
  const pieces = ['"', '\\', '{', '}', '[', ']', ',', ':', '0', 'e', '-', '.', ' ', '\\u', 'd83d', 'a', 'é', '\u0000', 'true']
  let taken = 0
  for (let round = 0; round < 4000; round++) {
    const text = documents[random(documents.length)]!
    const at = random(text.length + 1)
    const changed = text.slice(0, at) + pieces[random(pieces.length)] + text.slice(at + random(3))
    const outcome = (read: () => Json) => {
      try {
        return read()
      } catch (error) {
        assert.ok(error instanceof CountersignError, changed)
        return 'refused'
      }
    }
    const expected = outcome(() => parseJson(encodeUtf8(changed), 'document', limits))
    assert.deepEqual(
      outcome(() => whole(cursorOf(changed), build)),
      expected,
      changed,
    )
    assert.deepEqual(
      outcome(() => whole(cursorOf(changed), cursor => cursor.value())),
      expected,
      changed,
    )
    if (expected !== 'refused') taken++
  }
  assert.ok(taken > 400, String(taken))
})
