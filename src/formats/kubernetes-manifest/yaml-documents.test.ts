import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { parseYamlDocuments } from './yaml-documents.ts'

for (const { name, text, values } of [
  {
    name: 'scalars',
    text: '[a, "b\\u0063", \'d\', 5, 1.5, true, null, ~, yes, 0o17]',
    values: [['a', 'bc', 'd', 5, 1.5, true, null, null, 'yes', 15]],
  },
  { name: 'tags of JSON types', text: '[!!str 5, !!int "5"]', values: [['5', 5]] },
  { name: 'block scalars', text: '- |\n  --- a\n  b\n- >-\n  c\n  d\n', values: [['--- a\nb\n', 'c d']] },
  {
    name: 'a map',
    text: 'a: 1\n"b": {c: }',
    values: [
      new Map<string, unknown>([
        ['a', 1],
        ['b', new Map([['c', null]])],
      ]),
    ],
  },
  {
    name: 'keys that are no text in YAML',
    text: '{1: a, true: b, __proto__: c}',
    values: [
      new Map([
        ['1', 'a'],
        ['true', 'b'],
        ['__proto__', 'c'],
      ]),
    ],
  },
  { name: 'an anchor that is set again', text: '[&a 1, *a, &a 2, *a]', values: [[1, 1, 2, 2]] },
  { name: 'lines as Windows ends them', text: '- a # b\r\n- c\r\n', values: [['a', 'c']] },
  { name: 'nothing', text: '', values: [] },
  { name: 'two documents', text: 'a\n--- #x\nb\n', values: ['a', 'b'] },
])
  test(`parseYamlDocuments: ${name}`, () => assert.deepEqual(parseYamlDocuments(text), values))

for (const { name, text, code = 'DOCUMENT_MALFORMED', message } of [
  { name: 'a duplicate key', text: 'a: 1\nb: 2\na: 3', message: /^manifest: line 3: want each key once, got "a" again$/ },
  { name: 'a duplicate key in JSON', text: '{"a": 1, "\\u0061": 2}', message: /want each key once, got "a" again$/ },
  {
    name: 'an alias of nothing',
    text: 'a: *b',
    message: /line 1: want YAML, got bad alias$|want an alias of an anchor that is complete, got "b"$/,
  },
  { name: 'an alias inside its anchor', text: '&a [*a]', message: /want an alias of an anchor that is complete, got "a"$/ },
  { name: 'an anchor of another document', text: '&a 1\n---\n*a\n', message: /alias/ },
  {
    name: 'a merge that Kubernetes lets win over the key before it',
    text: 'image: a\n<<: {image: b}',
    message: /^manifest: line 2: want << ahead of what it merges, got "image" before it$/,
  },
  {
    name: 'two merges, of which Kubernetes lets the later win',
    text: '<<: {a: 1}\n<<: {a: 2}',
    message: /want each key once, got "<<" again$/,
  },
  {
    name: 'a merge in quotes, which is none to Kubernetes',
    text: '"<<": {a: 1}',
    message: /line 1: want << without quotes, got it with them$/,
  },
  {
    name: 'an anchor on a key, which aliases mean in Kubernetes',
    text: 'a: &x 1\n&x b: 2\nc: *x',
    message: /^manifest: line 2: want no anchor on a key, got "x"$/,
  },
  ...['\r', '\u0085', '\u2028', '\u2029', '\uFEFF'].map(character => ({
    name: `${quote(character)}, which ends the comment or begins the line in YAML 1.1`,
    text: `a: 1 # b${character}c: 2\n`,
    message: /^manifest: line 1: want lines that end with LF or CR LF, got "\\u\{[0-9a-f]{4}\}"$/,
  })),
  { name: 'a merge of text', text: '<<: a', message: /want a map to merge by <<, got something else$/ },
  {
    name: 'a merge bomb',
    text: `a: &a {${Array.from({ length: 1000 }, (_, n) => `k${n}: 1`).join(', ')}}\n${Array.from({ length: 101 }, (_, n) => `m${n}: {<<: *a}\n`).join('')}`,
    code: 'LIMIT_EXCEEDED',
    message: /want at most 100000 keys merged by <<, got more$/,
  },
  { name: 'a binary tag', text: 'image: !!binary YQ==', message: /line 1: want YAML, got tag resolve failed$/ },
  { name: 'a tag of its own', text: 'a: !x b', message: /want YAML, got tag resolve failed$/ },
  { name: 'a directive', text: '%YAML 1.1\n---\na: b', message: /line 1: want no directive, got one$/ },
  {
    name: 'text behind a separator',
    text: 'a: b\n--- {c: d}',
    message: /line 2: want nothing but a comment after ---, got "--- \{c: d\}"$/,
  },
  {
    name: 'text that begins like a separator',
    text: 'a: "\n---x\n"',
    message: /line 2: want nothing but a comment after ---, got "---x"$/,
  },
  { name: 'a separator inside quotes', text: 'a: "\n---\n"', message: /want YAML, got/ },
  { name: 'two values of JSON', text: '{"a": 1}\n{"b": 2}', message: /want YAML, got unexpected token$/ },
  { name: 'a key that is a list', text: '[a]: b', message: /want YAML, got non string key$/ },
  { name: 'an open bracket', text: 'a: [', message: /line 1: want YAML, got/ },
  { name: 'an indent of tabs', text: 'a:\n\tb: c', message: /want YAML, got tab as indent$/ },
  { name: 'deep lists', text: '['.repeat(5000), code: 'LIMIT_EXCEEDED', message: /want at most 100 levels of lists and maps, got more$/ },
  { name: 'deep maps', text: '{a: '.repeat(5000), code: 'LIMIT_EXCEEDED', message: /want at most 100 levels of lists and maps, got more$/ },
  { name: 'deep blocks', text: '- '.repeat(5000), code: 'LIMIT_EXCEEDED', message: /want at most 100 levels of lists and maps, got more$/ },
  {
    name: 'a million lexemes',
    text: `[${','.repeat(1_000_001)}`,
    code: 'LIMIT_EXCEEDED',
    message: /want at most 1000000 words and marks, got more$/,
  },
])
  test(`parseYamlDocuments refuses ${name}`, () =>
    assert.throws(() => parseYamlDocuments(text), { name: 'CountersignError', code, message }))

test('parseYamlDocuments tells nothing of what it could not read', () =>
  assert.throws(
    () => parseYamlDocuments('kind: Secret\ndata: {password: hunter2\n'),
    (error: unknown) => error instanceof CountersignError && !error.message.includes('hunter2'),
  ))
