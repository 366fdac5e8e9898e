import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyAuthority, keylessAuthority } from '../../../testing/policy/policies.ts'
import { createTestSigstore } from '../../../testing/sigstore/test-sigstore.ts'
import { strangerKey, teamKey } from '../../../testing/test-keys.ts'
import { parsePattern } from '../../../verify/pattern.ts'
import { authorityKey, whoIs } from './authority-key.ts'
import { contentKey } from './content-key.ts'

test('equal content has one key, whatever order it came in', () => {
  const one = {
    a: 1,
    b: new Map([
      ['x', 1],
      ['y', 2],
    ]),
    c: new Set([1, 2]),
    d: undefined,
  }
  const other = {
    c: new Set([2, 1]),
    b: new Map([
      ['y', 2],
      ['x', 1],
    ]),
    a: 1,
  }
  assert.equal(contentKey(one), contentKey(other))
  assert.equal(contentKey(parsePattern('a+', 'p')), contentKey(parsePattern('a+', 'q')))
})

test('different content has different keys', () => {
  const values = [
    1,
    '1',
    1n,
    true,
    null,
    undefined,
    '',
    'a',
    [],
    {},
    [[]],
    [null],
    ['a'],
    { a: undefined, b: 1 },
    { a: 1 },
    new Map(),
    new Set(),
    new Map([['a', 1]]),
    new Set(['a']),
    new Uint8Array(),
    new Uint8Array([1]),
    new Date(0),
    new Date(1),
    new URL('https://a.test/'),
    'https://a.test/',
    parsePattern('a', 'p'),
    parsePattern('b', 'p'),
    Number.NaN,
    Infinity,
    { list: [] },
    { members: [] },
    { bytes: '' },
    { time: 0 },
    [1, 2],
    [2, 1],
  ]
  assert.equal(new Set(values.map(contentKey)).size, values.length)
})

test('what cannot be compared has no key', () => {
  for (const value of [() => 1, Symbol('x'), { check: () => 1 }])
    assert.throws(() => contentKey(value), { name: 'TypeError', message: /has no content to compare/ })
})

const sigstore = await createTestSigstore()
const team = keyAuthority('a', [teamKey.signer().publicKey])
const us = keylessAuthority('us', sigstore.trustedRoot)

test('every field that decides is in the key of an authority', () => {
  const { demands, trust } = us
  const variants = [
    us,
    { ...us, trust: { ...trust, certificateAuthorities: [] } },
    { ...us, trust: { ...trust, transparencyLogs: [] } },
    { ...us, trust: { ...trust, ctLogs: [] } },
    { ...us, trust: { ...trust, timestampAuthorities: [] } },
    { ...us, trust: { ...trust, takesCarriedIntermediates: true } },
    { ...us, demands: { ...demands, identities: 'anybody' as const } },
    { ...us, demands: { ...demands, hashes: ['sha512' as const] } },
    { ...us, demands: { ...demands, annotations: new Map([['a', 'b']]) } },
    { ...us, demands: { ...demands, logThreshold: 2 } },
    { ...us, demands: { ...demands, timestampThreshold: 1 } },
    { ...us, demands: { ...demands, unsafeSkipTlog: true } },
    { ...us, demands: { ...demands, unsafeSkipSct: true } },
    { ...us, places: [{ tagPrefix: 'x' }] as const },
    { ...us, places: [{ pullSecrets: ['x'] }] as const },
    { ...us, formats: 'legacy' as const },
    { ...us, legacyReferrers: true },
    { ...us, askedLog: new URL('https://log.test/') },
    team,
    keyAuthority('b', [strangerKey.signer().publicKey]),
    keyAuthority('b', [{ ...teamKey.signer().publicKey, validFor: { start: new Date(0), end: undefined } }]),
  ]
  assert.equal(new Set(variants.map(authorityKey)).size, variants.length)
  assert.equal(authorityKey({ ...us, name: 'other', path: 'elsewhere' }), authorityKey(us))
})

test('a signer is one wherever the evidence is kept, and somebody else for another demand', () => {
  assert.equal(whoIs({ ...team, name: 'b', path: 'p', places: [{ tagPrefix: 'x' }], formats: 'legacy' }), whoIs(team))
  assert.notEqual(whoIs(us), whoIs(team))
  assert.notEqual(whoIs({ ...us, demands: { ...us.demands, identities: 'anybody' } }), whoIs(us))
  assert.notEqual(whoIs({ ...team, demands: { annotations: new Map([['a', 'b']]) } }), whoIs(team))
  const demand = { name: 'd', path: 'p', predicateType: 't', quantifier: 'some', conditions: [] } as const
  const attesting = { ...team, proves: { kind: 'attestations', of: [demand] } } as const
  assert.notEqual(whoIs(attesting), whoIs(team))
  assert.equal(whoIs({ ...attesting, name: 'b' }), whoIs(attesting))
})
