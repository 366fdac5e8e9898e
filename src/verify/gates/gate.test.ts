import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import type { JsonObject } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { hexOf, ociDigestOf } from '../../formats/oci-digest.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { after, keylessPolicy } from '../../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type SigningOptions, type TestSigstore } from '../../testing/sigstore/test-sigstore.ts'
import { VerificationError } from '../derivation.ts'
import { bundleCandidate, type Candidate, layerCandidate } from '../evidence.ts'
import type { Policy } from '../policy.ts'
import { renderDerivation } from '../render.ts'
import { verify } from '../verify.ts'
import { ageGate } from './age.ts'
import type { Gate } from './gate.ts'

const image = ociDigestOf(encodeUtf8('an image manifest'))
const other = ociDigestOf(encodeUtf8('another image manifest'))
const type = 'https://example.com/scan'

let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

type Claim = SigningOptions & { readonly predicate?: JsonObject; readonly of?: typeof image; readonly predicateType?: string }

async function attest(source: string, { predicate = {}, of = image, predicateType = type, ...options }: Claim = {}): Promise<Candidate> {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'app', digest: { sha256: hexOf(of) } }],
    predicateType,
    predicate,
  }
  return bundleCandidate(source, await sigstore.signImage(image, { ...options, statement: encodeUtf8(JSON.stringify(statement)) }))
}

/** Wants `{"good": true}`. */
const goodOnly: Gate = {
  step: 'severity',
  wanted: 'a good one',
  check: ({ statement: { document } }) => {
    if ((document['predicate'] as JsonObject)['good'] !== true) throw new CountersignError('SEVERITY_EXCEEDED', 'it is bad')
    return 'it is good'
  },
}
const anyPolicy = (changes: Partial<Policy> = {}) =>
  keylessPolicy({ kind: 'image', digest: image }, { predicateTypes: [type], gates: [goodOnly], ...changes })
const good = { predicate: { good: true } }
const bad = { predicate: { good: false } }
const old = { at: after(-30 * 86_400) }
const unclear: Gate = {
  step: 'policy',
  wanted: 'an answer',
  check: () => {
    throw new CountersignError('POLICY_EXHAUSTED', 'it takes too long')
  },
}
const lastDay = ageGate(86_400_000)

for (const { name, candidates, policy = anyPolicy(), accepted } of [
  { name: 'one that passes', candidates: () => [attest('a', good)], accepted: ['a'] },
  { name: 'all that pass', candidates: () => [attest('a', good), attest('b', good)], accepted: ['a', 'b'] },
  {
    name: 'one that passes beside a bad one by somebody else',
    candidates: () => [attest('a', { ...bad, leaf: { names: [{ kind: 'email', value: 'mallory@example.com' }] } }), attest('b', good)],
    accepted: ['b'],
  },
  {
    name: 'one that passes beside a bad one about another image',
    candidates: () => [attest('a', { ...bad, of: other }), attest('b', good)],
    accepted: ['b'],
  },
  {
    name: 'one that passes beside a bad one of another type',
    candidates: () => [attest('a', { ...bad, predicateType: 'https://example.com/other' }), attest('b', good)],
    accepted: ['b'],
  },
  {
    name: 'a new good one where an old bad one is past its age',
    candidates: () => [attest('a', { ...bad, ...old }), attest('b', good)],
    policy: anyPolicy({ gates: [goodOnly, lastDay] }),
    accepted: ['b'],
  },
] satisfies { name: string; candidates: () => readonly Promise<Candidate>[]; policy?: Policy; accepted: string[] }[])
  test(`gates let pass: ${name}`, async () => {
    const { signatures, derivation } = await verify(await Promise.all(candidates()), sigstore.trustedRoot, policy)
    assert.deepEqual(
      signatures.map(({ source }) => source),
      accepted,
    )
    assert.equal(derivation.outcome, 'accepted')
    assert.equal(derivation.closestMiss, undefined)
  })

for (const { name, candidates, policy = anyPolicy(), code, message, decides, step = 'severity' } of [
  {
    name: 'a bad one',
    candidates: () => [attest('a', bad)],
    code: 'SEVERITY_EXCEEDED',
    message: /^refused by a gate \(severity\): a: it is bad$/,
    decides: 0,
  },
  {
    name: 'an old good one does not hide a new bad one',
    candidates: () => [attest('old', { ...good, ...old }), attest('new', bad)],
    code: 'SEVERITY_EXCEEDED',
    message: /^refused by a gate \(severity\): new: it is bad$/,
    decides: 1,
  },
  {
    name: 'nor does a new good one an old bad one, unless its age is limited',
    candidates: () => [attest('old', { ...bad, ...old }), attest('new', good)],
    code: 'SEVERITY_EXCEEDED',
    message: /^refused by a gate \(severity\): old: it is bad$/,
    decides: 0,
  },
  {
    name: 'two bad ones are counted',
    candidates: () => [attest('a', bad), attest('b', good), attest('c', bad)],
    code: 'SEVERITY_EXCEEDED',
    message: /^refused by a gate \(severity\), one of 2 attestations so refused: a: it is bad$/,
    decides: 0,
  },
  {
    name: 'what it cannot tell is a refusal by the gate that could not, not by what is said',
    candidates: () => [attest('a', good)],
    policy: anyPolicy({ gates: [goodOnly, unclear] }),
    code: 'POLICY_EXHAUSTED',
    message: /^refused by a gate \(policy\): a: it takes too long$/,
    decides: 0,
    step: 'policy',
  },
  {
    name: 'a bad one speaks, though one that is too old came first',
    candidates: () => [attest('a', { ...good, ...old, stamped: true }), attest('b', bad)],
    policy: anyPolicy({ gates: [goodOnly, lastDay] }),
    code: 'SEVERITY_EXCEEDED',
    message: /^refused by a gate \(severity\): b: it is bad$/,
    decides: 1,
  },
  {
    name: 'where all are too old, none is left',
    candidates: () => [attest('a', { ...good, ...old })],
    policy: anyPolicy({ gates: [goodOnly, lastDay] }),
    code: 'ATTESTATION_TOO_OLD',
    message: /^no matching attestations: a: signed at 2025-05-02T12:00:00\.000Z, 30d1h before 2025-06-01T13:00:00\.000Z$/,
    decides: 0,
    step: 'age',
  },
  {
    name: 'what is no attestation has nothing for gates to look at',
    candidates: () => [sigstore.signPayload(image).then(({ payload, annotations }) => layerCandidate('sig', payload, annotations))],
    policy: anyPolicy({ predicateTypes: 'any' }),
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /^no matching attestations: sig: .*no attestation/,
    decides: 0,
    step: 'predicate-type',
  },
  {
    name: 'nor does it where the type asked for is that of signatures',
    candidates: () => [sigstore.signPayload(image).then(({ payload, annotations }) => layerCandidate('sig', payload, annotations))],
    policy: anyPolicy({ predicateTypes: [signPredicateType] }),
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /no attestation/,
    decides: 0,
    step: 'predicate-type',
  },
] satisfies {
  name: string
  candidates: () => readonly Promise<Candidate>[]
  policy?: Policy
  code: string
  message: RegExp
  decides: number
  step?: string
}[])
  test(`gates refuse: ${name}`, async () => {
    const found = await Promise.all(candidates())
    await assert.rejects(verify(found, sigstore.trustedRoot, policy), error => {
      assert.ok(error instanceof VerificationError, String(error))
      assert.deepEqual(
        { code: error.code, outcome: error.derivation.outcome, decides: error.derivation.closestMiss },
        { code, outcome: 'refused', decides },
      )
      assert.match(error.message, message)
      const last = error.derivation.candidates[decides]!.steps.at(-1)!
      assert.deepEqual({ step: last.name, outcome: last.outcome, code: last.code }, { step, outcome: 'failed', code })
      return true
    })
  })

test('who refuses beside one that is accepted is shown as such', async () => {
  const found = await Promise.all([attest('one', good), attest('two', bad)])
  await assert.rejects(verify(found, sigstore.trustedRoot, anyPolicy()), error => {
    const text = renderDerivation((error as VerificationError).derivation)
    const [one = '', two = ''] = text.split(/(?=^ {2}refused)/m)
    assert.match(one, /^ {2}accepted one\n(.*\n)* {4}✓ severity: it is good\n$/)
    assert.match(two, /^ {2}refused two \(refuses the artifact\)\n(.*\n)* {4}✗ severity: want a good one; it is bad\n$/)
    return true
  })
})

test('a defect of a gate refuses everything', async () => {
  const defect: Gate = { ...goodOnly, check: () => assert.fail('a defect') }
  await assert.rejects(verify([await attest('a', good)], sigstore.trustedRoot, anyPolicy({ gates: [defect] })), { message: 'a defect' })
})

test('gates are told who signed, and the earliest time that is proven', async () => {
  const told: unknown[] = []
  const listen: Gate = {
    step: 'policy',
    wanted: 'nothing',
    check: ({ signer, signedAt, now }) => {
      told.push({ who: signer.identity?.subjects[0]?.value, issuer: signer.identity?.issuer, signedAt, now })
      return 'heard'
    },
  }
  const candidate = await attest('a', { ...good, logs: ['v1'], stamped: true, stampedAt: after(300) })
  await verify([candidate], sigstore.trustedRoot, anyPolicy({ gates: [listen] }))
  assert.deepEqual(told, [{ who: 'signer@example.com', issuer: 'https://issuer.example', signedAt: after(0), now: after(3600) }])
})
