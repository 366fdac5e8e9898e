import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, attestedOf } from '../../../testing/sigstore/attested.ts'
import { signingTime } from '../../../testing/sigstore/certificate-authority.ts'
import type { Attested } from '../gate.ts'
import { policyGate } from './policy-gate.ts'

const type = 'https://example.com/scan'
const byKey = attestedOf(type, { critical: 0, findings: [{ id: 'CVE-1', severity: 'LOW' }], scanner: { name: 'x' } })
const identity: Attested['signer']['identity'] = {
  subjects: [{ kind: 'uri', value: 'https://github.com/org/app/.github/workflows/release.yml@refs/heads/main' }],
  issuer: 'https://token.actions.githubusercontent.com',
  extensions: new Map([['source-repository-uri', 'https://github.com/org/app']]),
}
const byWorkflow: Attested = { ...byKey, signer: { ...byKey.signer, identity } }

for (const { name, source, attested = byKey } of [
  { name: 'what the predicate says', source: 'predicate.critical == 0 && predicate.findings.all(f, f.severity in ["LOW", "MEDIUM"])' },
  { name: 'the statement as a whole', source: `statement._type == "https://in-toto.io/Statement/v1" && statement.predicate == predicate` },
  { name: 'its type', source: `predicateType == "${type}" && predicateType == statement.predicateType` },
  { name: 'what it is about', source: `subject.exists(s, s.name == "app" && s.digest.sha256 == "${'ab'.repeat(32)}")` },
  { name: 'now', source: 'now > timestamp("2025-01-01T00:00:00Z")' },
  {
    name: 'when it was signed',
    source: `now - signer.signedAt == duration("1h") && signer.signedAt == timestamp("${signingTime.toISOString()}")`,
  },
  {
    name: 'a signer with a key',
    source: 'size(signer.key) == 64 && !has(signer.issuer) && !has(signer.identity) && signer.identities == []',
  },
  {
    name: 'a signer with a certificate',
    source:
      'signer.issuer.startsWith("https://token.") && signer.identity.contains("/release.yml@") && signer.identities == [signer.identity]',
    attested: byWorkflow,
  },
  {
    name: 'what a certificate certifies',
    source: 'signer.extensions["source-repository-uri"] == "https://github.com/org/app"',
    attested: byWorkflow,
  },
  { name: 'no time that is not proven', source: '!has(signer.signedAt)', attested: { ...byKey, signedAt: undefined } },
  {
    name: 'no name of several',
    source: '!has(signer.identity) && size(signer.identities) == 2',
    attested: { ...byKey, signer: { ...byKey.signer, identity: { ...identity, subjects: [...identity.subjects, ...identity.subjects] } } },
  },
  { name: 'a predicate that is not there', source: 'predicate == null', attested: attestedOf(type, undefined) },
  {
    name: 'a predicate that is text',
    source: 'predicate.startsWith("SPDXVersion")',
    attested: attestedOf('https://spdx.dev/Document', 'SPDXVersion: SPDX-2.3'),
  },
] satisfies { name: string; source: string; attested?: Attested }[])
  test(`a policy sees ${name}`, async () => assert.equal(await answerOf(policyGate('p.cel', source), attested), 'true'))

for (const { name, source, code, message } of [
  { name: 'false', source: 'predicate.critical > 0', code: 'POLICY_REFUSED', message: /^policy "p\.cel" is false$/ },
  {
    name: 'a number',
    source: 'predicate.critical',
    code: 'POLICY_INCONCLUSIVE',
    message: /^policy "p\.cel": want true or false, got the number 0$/,
  },
  { name: 'a text, even "true"', source: 'dyn("true")', code: 'POLICY_INCONCLUSIVE', message: /got the text "true"$/ },
  { name: 'null', source: 'dyn(null)', code: 'POLICY_INCONCLUSIVE', message: /got null$/ },
  { name: 'a list', source: 'predicate.findings', code: 'POLICY_INCONCLUSIVE', message: /got a list$/ },
  { name: 'a map', source: 'predicate.scanner', code: 'POLICY_INCONCLUSIVE', message: /got something else$/ },
  {
    name: 'an error',
    source: 'predicate.high == 0',
    code: 'POLICY_FAILED',
    message: /^policy "p\.cel": line 1, column 11: "No such key: high"$/,
  },
])
  test(`a policy refuses by ${name}`, async () => assert.rejects(answerOf(policyGate('p.cel', source), byKey), { code, message }))

test('a policy names its file, its line and its column', () =>
  assert.throws(() => policyGate('p.cel', 'predicate.critical == 0 &&\n  statment == 1'), {
    code: 'POLICY_MALFORMED',
    message: 'policy "p.cel": line 2, column 3: "Unknown variable: statment"',
  }))
