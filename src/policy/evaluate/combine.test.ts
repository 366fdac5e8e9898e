import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyOf, staticAuthority } from '../../testing/policy/policies.ts'
import type { Action, Outcome, PolicyVerdict } from '../model.ts'
import { combine, worst } from './combine.ts'

const judged = (action: Action, outcome: Outcome): PolicyVerdict => ({
  policy: policyOf('p', staticAuthority('s', true), action),
  matchedBy: '**',
  verdict: { kind: 'static', name: 's', path: 'p', outcome, message: '' },
})

for (const { name, policies, unmatched = [], outcome } of [
  { name: 'nothing was said', policies: [], outcome: 'failed' },
  { name: 'passed', policies: [judged('enforce', 'passed')], outcome: 'passed' },
  { name: 'not known', policies: [judged('enforce', 'passed'), judged('enforce', 'unknown')], outcome: 'unknown' },
  { name: 'refused, and not known', policies: [judged('enforce', 'unknown'), judged('enforce', 'failed')], outcome: 'failed' },
  { name: 'a warning is not known', policies: [judged('warn', 'unknown')], outcome: 'passed' },
  { name: 'a warning beside what is not known', policies: [judged('warn', 'failed'), judged('enforce', 'unknown')], outcome: 'unknown' },
  { name: 'silence denies', policies: [judged('enforce', 'passed')], unmatched: ['deny'], outcome: 'failed' },
  { name: 'silence warns', policies: [], unmatched: ['warn'], outcome: 'passed' },
  { name: 'silence allows', policies: [judged('enforce', 'unknown')], unmatched: ['allow'], outcome: 'unknown' },
] as const)
  test(`combine: ${name}`, () => {
    assert.equal(combine({ policies, unmatched: unmatched.map(whenNone => ({ dialect: 'cip', whenNone })) }), outcome)
  })

test('of nothing the worst is a refusal', () => assert.equal(worst([]), 'failed'))
