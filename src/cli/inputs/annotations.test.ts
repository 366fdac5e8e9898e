import assert from 'node:assert/strict'
import { test } from 'node:test'
import { annotationsFromFlag, demandedAnnotations } from './annotations.ts'

for (const { values, pairs } of [
  { values: [], pairs: [] },
  {
    values: ['a=1', 'b=2'],
    pairs: [
      ['a', '1'],
      ['b', '2'],
    ],
  },
  { values: ['a=b=c'], pairs: [['a', 'b=c']] },
  { values: ['a='], pairs: [['a', '']] },
  { values: ['=1'], pairs: [['', '1']] }, // as cosign takes it
  { values: ['a=1', 'a=2'], pairs: [['a', '2']] },
  { values: ['__proto__=1'], pairs: [['__proto__', '1']] },
] as const)
  test(`annotationsFromFlag: ${values.join(' ') || 'none'}`, () => assert.deepEqual([...annotationsFromFlag(values)], pairs))

test('annotationsFromFlag refuses what has no =', () => {
  assert.throws(() => annotationsFromFlag(['a=1', 'b']), { code: 'USAGE', message: 'unable to parse annotation: "b": want NAME=VALUE' })
})

for (const { name, values, isGiven, message } of [
  {
    name: 'two values for one name',
    values: ['a=1', 'b=1', 'a=2'],
    isGiven: true,
    message: '--annotations: no signature carries both "a=1" and "a=2"',
  },
  { name: 'an empty value', values: [], isGiven: true, message: '--annotations: want NAME=VALUE, got nothing' },
])
  test(`demandedAnnotations refuses ${name}`, () => {
    assert.throws(() => demandedAnnotations(values, isGiven), { code: 'USAGE', message })
  })

test('demandedAnnotations: a demand may be repeated, and there may be none', () => {
  assert.deepEqual([...demandedAnnotations(['a=1', 'a=1'], true)], [['a', '1']])
  assert.deepEqual([...demandedAnnotations([], false)], [])
})
