import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Flag, RawFlagValue } from '../command.ts'
import { isDefault, parseFlagValue } from './flag-value.ts'

const list: Flag = { type: 'list', default: [], help: '' }
const strings: Flag = { type: 'strings', default: [], help: '' }
const boolean: Flag = { type: 'boolean', default: false, help: '' }
const integer: Flag = { type: 'integer', default: 10, help: '' }
const duration: Flag = { type: 'duration', default: '3m0s', help: '' }
const choice: Flag = { type: 'string', default: '', choices: ['legacy', 'oci-1-1'], help: '' }

type Case = { name: string; flag: Flag; text: string; before?: RawFlagValue; value?: RawFlagValue; error?: RegExp }
const cases: Case[] = [
  { name: 'a list is split at commas', flag: list, text: 'a=b,c=d', value: ['a=b', 'c=d'] },
  { name: 'a list grows', flag: list, text: 'c', before: ['a'], value: ['a', 'c'] },
  { name: 'quotes protect commas', flag: list, text: '"a=b,c",d', value: ['a=b,c', 'd'] },
  { name: 'a doubled quote stands for one', flag: list, text: '"say ""hi"""', value: ['say "hi"'] },
  { name: 'nothing adds nothing', flag: list, text: '', before: ['a'], value: ['a'] },
  { name: 'a comma at the end adds an empty value', flag: list, text: 'a,', value: ['a', ''] },
  { name: 'a quote inside a value', flag: list, text: 'a="b,c"', error: /in quotes, got "a=\\"b,c\\""/ },
  { name: 'an open quote', flag: list, text: '"a,b', error: /in quotes/ },
  { name: 'text after a closing quote', flag: list, text: '"a"b', error: /in quotes/ },
  { name: 'two lines', flag: list, text: 'a\nb', error: /one line/ },
  { name: 'strings are kept as they are', flag: strings, text: 'a,b', before: ['x'], value: ['x', 'a,b'] },
  { name: 'an empty string is a value', flag: strings, text: '', value: [''] },
  { name: 'T is true', flag: boolean, text: 'T', value: true },
  { name: '0 is false', flag: boolean, text: '0', value: false },
  { name: 'yes is neither', flag: boolean, text: 'yes', error: /true or false, got "yes"/ },
  { name: 'an empty boolean', flag: boolean, text: '', error: /true or false/ },
  { name: 'a negative number', flag: integer, text: '-3', value: -3 },
  { name: 'a number with a leading zero', flag: integer, text: '010', error: /whole number, got "010"/ },
  { name: 'a fraction', flag: integer, text: '1.5', error: /whole number/ },
  { name: 'more digits than a number holds', flag: integer, text: '99999999999999999', error: /whole number/ },
  { name: 'a duration in milliseconds', flag: duration, text: '90s', value: 90_000 },
  { name: 'a choice', flag: choice, text: 'legacy', value: 'legacy' },
  { name: 'no choice of ours', flag: choice, text: 'Legacy', error: /one of "legacy", "oci-1-1", got "Legacy"/ },
]
for (const { name, flag, text, before, value, error } of cases)
  test(`parseFlagValue: ${name}`, () => {
    if (error) assert.throws(() => parseFlagValue(flag, text, before), { code: 'USAGE', message: error })
    else assert.deepEqual(parseFlagValue(flag, text, before), value)
  })

test('isDefault compares durations by length, not by spelling', () => {
  assert.equal(isDefault(duration, 180_000), true)
  assert.equal(isDefault(duration, 180_001), false)
  assert.equal(isDefault(list, []), true)
  assert.equal(isDefault(list, ['']), false)
})
