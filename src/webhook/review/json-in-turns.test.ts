import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CountersignError } from '../../codec/error.ts'
import { type Json, parseJson } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { parseJsonInTurns } from './json-in-turns.ts'

const limits = { bytes: 1 << 22, depth: 64, values: 400_000 }
const padding = `"${'p'.repeat(40_000)}"` // so that a text is too long for one turn

/** Parses, and counts how often others had their turn. */
async function parse(
  text: string | Uint8Array,
  some: Partial<typeof limits> = {},
): Promise<{ readonly value: Json; readonly turns: number }> {
  let turns = 0
  const rest = async () => void turns++
  const value = await parseJsonInTurns(typeof text === 'string' ? encodeUtf8(text) : text, 'review', { ...limits, ...some }, rest)
  return { value, turns }
}

test('JSON in turns is what it is at once, and compact or spaced makes no difference', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), fc.constantFrom(0, 2), async (json, spaces) => {
      const text = JSON.stringify([json, 'p'.repeat(40_000), json], null, spaces).toWellFormed()
      const both = [(await parse(text)).value, parseJson(encodeUtf8(text), 'review', limits)] as const
      assert.deepEqual(both[0], both[1])
      assert.equal(JSON.stringify(both[0]), JSON.stringify(both[1]))
    }),
    { numRuns: 300 },
  )
})

test('JSON in turns that one byte breaks is refused wherever it is refused at once, and else the same', async () => {
  const text = JSON.stringify([{ a: [1, -2.5e3, true, null, 'é\n"\\'], '': {}, '😀': [[]] }, { b: false }], null, 1)
  const before = encodeUtf8(`[${padding},`)
  const bytes = encodeUtf8(`${text}]`)
  const bytesOf = (mutant: Uint8Array) => Uint8Array.from([...before, ...mutant])
  for (let at = 0; at < bytes.length; at++)
    for (const byte of [0x00, 0x20, 0x22, 0x2c, 0x30, 0x3a, 0x5b, 0x5c, 0x5d, 0x65, 0x7b, 0x7d, 0xc3]) {
      const mutant = bytesOf(bytes.with(at, byte))
      const once = outcome(() => parseJson(mutant, 'review', limits))
      const turns = await parse(mutant).then(({ value }) => JSON.stringify(value), codeOf)
      assert.equal(turns, once, `byte ${at} as ${byte}`)
    }
})

function outcome(read: () => Json): string {
  try {
    return JSON.stringify(read())
  } catch (cause) {
    return codeOf(cause)
  }
}

function codeOf(cause: unknown): string {
  assert.ok(cause instanceof CountersignError, String(cause))
  return cause.code
}

for (const { name, text } of [
  { name: 'many values', text: JSON.stringify(Array.from({ length: 20_000 }, (_, index) => ({ name: `n${index}`, value: index }))) },
  { name: 'one long string', text: JSON.stringify(['x'.repeat(500_000)]) },
  { name: 'one long string of escapes', text: `["${'\\u00e9\\"\\\\\\ud83d\\ude00'.repeat(20_000)}"]` },
  { name: 'much white space', text: `[${' '.repeat(31_000)}1,${' '.repeat(31_000)}2]` },
  { name: 'brackets that close', text: `[${'[['.repeat(30)}${padding}${`]${' '.repeat(3000)}]`.repeat(30)}]` },
])
  test(`JSON in turns lets others have their turn: ${name}`, async () => {
    const { value, turns } = await parse(text)
    assert.deepEqual(value, JSON.parse(text))
    assert.ok(turns >= text.length / (1 << 16) - 1, `${turns} turns for ${text.length} characters`)
  })

for (const { name, text, some, code, message } of [
  { name: 'a member twice', text: `{"a":${padding},"\\u0061":1}`, code: 'JSON_MALFORMED', message: /member "a" appears twice/ },
  { name: '__proto__ twice', text: `{"__proto__":${padding},"__proto__":1}`, code: 'JSON_MALFORMED', message: /"__proto__" appears twice/ },
  { name: 'half a surrogate pair', text: `[${padding},"\\ud83d"]`, code: 'JSON_MALFORMED', message: /half a surrogate pair/ },
  {
    name: 'half a pair in a long string',
    text: `["${'p'.repeat(40_000)}\\ud83d"]`,
    code: 'JSON_MALFORMED',
    message: /half a surrogate pair/,
  },
  {
    name: 'a long string without end',
    text: `["${'p'.repeat(70_000)}`,
    code: 'JSON_MALFORMED',
    message: /the rest of a string, got the end/,
  },
  { name: 'a torn escape', text: `[${padding},"\\u00"]`, code: 'JSON_MALFORMED', message: /escape that is none|rest of a string/ },
  { name: 'no end', text: `[${padding},`, code: 'JSON_MALFORMED', message: /want a value, got the end/ },
  { name: 'more behind it', text: `[${padding}] 1`, code: 'JSON_MALFORMED', message: /want the end, got "1"/ },
  { name: 'a word', text: `[${padding},nul]`, code: 'JSON_MALFORMED', message: /want "null"/ },
  { name: 'a name that is none', text: `{"a":${padding},1:2}`, code: 'JSON_MALFORMED', message: /want a string, got "1"/ },
  { name: 'a name without a colon', text: `{"a":${padding},"b" 2}`, code: 'JSON_MALFORMED', message: /want ":", got "2"/ },
  { name: 'a bracket of another kind', text: `{"a":${padding}]`, code: 'JSON_MALFORMED', message: /want "," or "}"/ },
  { name: 'a long name', text: `{"${'n'.repeat(40_000)}":1}`, code: 'LIMIT_EXCEEDED', message: /names of at most 32768/ },
  { name: 'a long number', text: `[${padding},1${'0'.repeat(2000)}]`, code: 'LIMIT_EXCEEDED', message: /numbers of at most 1000/ },
  { name: 'too many values', text: `[${padding},1,2,3]`, some: { values: 4 }, code: 'LIMIT_EXCEEDED', message: /at most 4 values/ },
  { name: 'too deep', text: `[${padding},[[[]]]]`, some: { depth: 3 }, code: 'LIMIT_EXCEEDED', message: /at most 3 levels/ },
  { name: 'too long', text: `[${padding}]`, some: { bytes: 40_000 }, code: 'LIMIT_EXCEEDED', message: /at most 40000 bytes/ },
] as const)
  test(`JSON in turns refuses ${name}`, async () => {
    await assert.rejects(parse(text, some), { code, message })
  })

test('JSON in turns refuses what is no UTF-8', async () => {
  const bytes = encodeUtf8(`[${padding}]`)
  bytes[100] = 0xff
  await assert.rejects(parse(bytes), { code: 'UTF8_MALFORMED' })
})
