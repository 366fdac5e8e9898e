import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../text.ts'
import { splitJsonObjects } from './json-documents.ts'

const split = (text: string) => splitJsonObjects(encodeUtf8(text), 'file', 3).map(bytes => new TextDecoder().decode(bytes))

for (const { name, text, documents } of [
  { name: 'one on each line', text: '{"a":1}\n{"b":{}}\n', documents: ['{"a":1}', '{"b":{}}'] },
  { name: 'laid out over lines', text: '{\n  "a": 1\n}\r\n\t{\n}', documents: ['{\n  "a": 1\n}', '{\n}'] },
  { name: 'close together', text: '{}{}{}', documents: ['{}', '{}', '{}'] },
  { name: 'braces and quotes in strings', text: '{"a":"}\\"}\\\\"}{"{":"é}"}', documents: ['{"a":"}\\"}\\\\"}', '{"{":"é}"}'] },
  { name: 'nothing', text: ' \n', documents: [] },
])
  test(`splitJsonObjects: ${name}`, () => assert.deepEqual(split(text), documents))

for (const { name, text, code = 'JSON_MALFORMED', message } of [
  { name: 'no object', text: '{} [1]', message: /^file: want a JSON object at byte 3$/ },
  { name: 'one that does not end', text: '{}\n{"a":{}', message: /^file: the JSON object at byte 3 does not end$/ },
  { name: 'a string that does not end', text: '{"a":"}\\"}', message: /^file: the JSON object at byte 0 does not end$/ },
  { name: 'a backslash at the end', text: '{"a\\', message: /does not end$/ },
  { name: 'more than are wanted', text: '{}{}{}{}', code: 'LIMIT_EXCEEDED', message: /^file: want at most 3 documents, got more$/ },
])
  test(`splitJsonObjects refuses ${name}`, () => assert.throws(() => split(text), { name: 'CountersignError', code, message }))
