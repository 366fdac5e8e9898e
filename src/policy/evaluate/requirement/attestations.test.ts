import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../../codec/error.ts'
import { signPredicateType } from '../../../formats/statement.ts'
import { demandOf, keyAuthority, keylessAuthority, policyOf, setOf } from '../../../testing/policy/policies.ts'
import { attestationOf, containerImage, createPolicyRig, type PolicyRig, podOf, verdictType } from '../../../testing/policy/policy-rig.ts'
import { signingTime } from '../../../testing/sigstore/certificate-authority.ts'
import { createTestSigstore } from '../../../testing/sigstore/test-sigstore.ts'
import { teamKey } from '../../../testing/test-keys.ts'
import type { Attested, Gate } from '../../../verify/gates/gate.ts'
import type { Authority, Requirement } from '../../model.ts'
import { evaluateImage } from '../evaluate-image.ts'

const team = teamKey.signer()
const sigstore = await createTestSigstore()
const named = containerImage('r.test/app:v1')

async function verdictOf(rig: PolicyRig, requirement: Requirement) {
  const signal = new AbortController().signal
  const { policies } = await evaluateImage(named, podOf(named.original), [setOf([policyOf('p', requirement)])], rig.access, signal)
  return policies[0]?.verdict
}

const attesting = (authority: Authority, quantifier: 'some' | 'every', ...conditions: readonly Gate[]): Authority => ({
  ...authority,
  proves: { kind: 'attestations', of: [demandOf(quantifier, conditions)] },
})
const byTeam = keyAuthority('team', [team.publicKey])
const numberOf = ({ statement }: Attested): unknown => (statement.predicate as { readonly n?: unknown }).n

/** Refuses attestations by what they say, one as too old and another for good. */
const gates: readonly Gate[] = [
  { step: 'policy', wanted: 'no 2', check: attested => refusing(numberOf(attested) === 2, 'POLICY_REFUSED', 'it is 2') },
  { step: 'age', wanted: 'no 1', check: attested => refusing(numberOf(attested) === 1, 'ATTESTATION_TOO_OLD', 'it is 1') },
]

function refusing(refuses: boolean, code: 'POLICY_REFUSED' | 'ATTESTATION_TOO_OLD', message: string): string {
  if (refuses) throw new CountersignError(code, message)
  return 'fine'
}

for (const { name, numbers, every, some } of [
  { name: 'an old one beside a good one', numbers: [1, 3], every: undefined, some: undefined },
  { name: 'old ones alone', numbers: [1], every: 'ATTESTATION_TOO_OLD', some: 'ATTESTATION_TOO_OLD' },
  { name: 'a bad one beside a good one', numbers: [2, 3], every: 'POLICY_REFUSED', some: undefined },
  { name: 'a bad one beside an old one', numbers: [1, 2], every: 'POLICY_REFUSED', some: 'ATTESTATION_TOO_OLD or POLICY_REFUSED' },
])
  test(`what is too old does not count: ${name}`, async () => {
    const rig = await createPolicyRig()
    for (const n of numbers) await rig.attest(team, { n })
    assert.equal((await verdictOf(rig, attesting(byTeam, 'every', ...gates)))?.code, every)
    const code = (await verdictOf(rig, attesting(byTeam, 'some', ...gates)))?.code
    assert.ok(some === undefined ? code === undefined : code !== undefined && some.includes(code), code ?? 'passed')
  })

test('a condition is shown who signed, when it was proven to exist, and the time of the request', async () => {
  const rig = await createPolicyRig()
  const statement = attestationOf(rig.digest, { n: 7 })
  await rig.hand.attachBundle('app', rig.image, await sigstore.signImage(rig.digest, { statement, stamped: true }), verdictType)
  const seen: Attested[] = []
  const look: Gate = { step: 'policy', wanted: 'a look', check: attested => `${seen.push(attested)} seen` }
  assert.equal((await verdictOf(rig, attesting(keylessAuthority('us', sigstore.trustedRoot), 'some', look)))?.outcome, 'passed')
  const [attested] = seen
  assert.deepEqual(
    [attested?.signedAt, attested?.now, attested?.signer.identity?.subjects[0]?.value, attested && numberOf(attested)],
    [signingTime, rig.access.now(), 'signer@example.com', 7],
  )
})

test('what an attestation is declared to be makes it nothing else', async () => {
  const rig = await createPolicyRig()
  const other = attestationOf(rig.digest, {}, 'https://example.com/other/v1')
  for (const declared of [verdictType, signPredicateType])
    await rig.hand.attachBundle('app', rig.image, await sigstore.signImage(rig.digest, { statement: other }), declared)
  const us = keylessAuthority('us', sigstore.trustedRoot)
  assert.equal((await verdictOf(rig, attesting(us, 'some')))?.code, 'PREDICATE_TYPE_MISMATCH')
  assert.equal((await verdictOf(rig, us))?.code, 'SIGNATURES_NOT_FOUND')
})

test('no judge is asked of what is not known', async () => {
  const rig = await createPolicyRig({
    wrap: honest => request =>
      request.method === 'HEAD' ? honest(request) : Promise.reject(new CountersignError('REGISTRY_UNAVAILABLE', 'down')),
  })
  const judge = () => assert.fail('asked')
  const verdict = await verdictOf(rig, { kind: 'judged', path: 'j', requirement: byTeam, judge })
  assert.deepEqual([verdict?.outcome, verdict?.code, verdict?.kind], ['unknown', 'REGISTRY_UNAVAILABLE', 'judged'])
})
