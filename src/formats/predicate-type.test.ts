import assert from 'node:assert/strict'
import { test } from 'node:test'
import { predicateTypeOf } from './predicate-type.ts'

for (const [given, uri] of [
  ['custom', 'https://cosign.sigstore.dev/attestation/v1'],
  ['slsaprovenance', 'https://slsa.dev/provenance/v0.2'],
  ['spdxjson', 'https://spdx.dev/Document'],
  ['https://example.com/a', 'https://example.com/a'],
  ['urn:example:claim', 'urn:example:claim'],
] as const)
  test(`the predicate type ${given}`, () => assert.equal(predicateTypeOf(given), uri))

for (const given of ['', 'Custom', 'provenance', '/a/b', 'example.com/a'])
  test(`no predicate type: "${given}"`, () =>
    assert.throws(() => predicateTypeOf(given), { code: 'USAGE', message: /^invalid predicate type: .*want one of custom, / }))
