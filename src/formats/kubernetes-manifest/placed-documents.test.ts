import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonOfYaml, parsePlacedDocuments, type YamlPlace } from './placed-documents.ts'

const text = `# first
a: &x
  b: [one, 'two', "three"]
  c: |
    block
---
<<: {d: merged}
e: {"0": zero, n: 5}
`
const withAlias = 'x: &x {b: one}\ny: *x\nz: {<<: *x, c: two}\nl: {<<: [{q: 1}, *x]}\n'

for (const { name, of = text, document = 0, place, written, at } of [
  { name: 'plain', place: ['a', 'b', 0], written: 'one', at: [3, 7, 'plain'] },
  { name: 'in single quotes', place: ['a', 'b', 1], written: "'two'", at: [3, 12, 'single'] },
  { name: 'in double quotes', place: ['a', 'b', 2], written: '"three"', at: [3, 19, 'double'] },
  { name: 'a block', place: ['a', 'c'], written: '|\n    block\n', at: [4, 6, 'block'] },
  { name: 'merged', document: 1, place: ['d'], written: 'merged', at: [7, 9, 'plain'] },
  { name: 'a key of digits', document: 1, place: ['e', 0], written: 'zero', at: [8, 10, 'plain'] },
  { name: 'no text', document: 1, place: ['e', 'n'], written: undefined, at: undefined },
  { name: 'not there', place: ['a', 'nosuch'], written: undefined, at: undefined },
  { name: 'past a text', place: ['a', 'b', 0, 'more'], written: undefined, at: undefined },
  { name: 'by an alias', of: withAlias, place: ['y', 'b'], written: 'one', at: [1, 11, 'plain'] },
  { name: 'merged by an alias', of: withAlias, place: ['z', 'b'], written: 'one', at: [1, 11, 'plain'] },
  { name: 'beside what is merged', of: withAlias, place: ['z', 'c'], written: 'two', at: [3, 16, 'plain'] },
  { name: 'merged by a list', of: withAlias, place: ['l', 'b'], written: 'one', at: [1, 11, 'plain'] },
] as readonly { name: string; of?: string; document?: number; place: YamlPlace; written: string | undefined; at: unknown }[])
  test(`textAt: ${name}`, () => {
    const found = parsePlacedDocuments(of)[document]!.textAt(place)
    assert.equal(found && of.slice(found.start, found.end), written)
    assert.deepEqual(found && [found.line, found.column, found.style], at)
  })

test('spotAt leads to the nearest value that is written', () => {
  const [first, second] = parsePlacedDocuments(text)
  assert.equal(first!.spotAt(['a', 'b', 7]).line, 3)
  assert.equal(first!.spotAt(['nosuch', 0]).line, 2)
  assert.equal(second!.spotAt([]).line, 7)
})

test('what is malformed is refused with its line', () =>
  assert.throws(() => parsePlacedDocuments('a: 1\na: 2\n'), { code: 'DOCUMENT_MALFORMED', message: /line 2: want each key once/ }))

test('jsonOfYaml: maps become objects of their own members, and what is shared stays so', () => {
  const [document] = parsePlacedDocuments('__proto__: {a: 1}\nx: &x [1]\ny: *x\n')
  const json = jsonOfYaml(document!.value) as Record<string, unknown>
  assert.deepEqual(Object.keys(json), ['__proto__', 'x', 'y'])
  assert.equal(json['x'], json['y'])
})
