import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { buildImage } from '../../testing/image-builder.ts'
import { demandOf, keyAuthority, keylessAuthority, policyOf, quorumOf, setOf } from '../../testing/policy/policies.ts'
import { createPolicyRig, type PolicyRig, podOf } from '../../testing/policy/policy-rig.ts'
import { after } from '../../testing/sigstore/keyless-verification.ts'
import { createTestSigstore } from '../../testing/sigstore/test-sigstore.ts'
import { strangerKey, teamKey } from '../../testing/test-keys.ts'
import type { Attested } from '../../verify/gates/gate.ts'
import type { Authority, Requirement } from '../model.ts'
import { evaluateObject } from './evaluate-object.ts'
import { createVerdictCache } from './memory/verdict-cache.ts'

// What is asked once and what is kept: nothing may stand for what differs from it in anything that decides.

const team = teamKey.signer()
const byTeam = keyAuthority('team', [team.publicKey], { formats: 'legacy' })
const live = new AbortController().signal
const evaluate = (rig: PolicyRig, requirement: Requirement, ...images: readonly string[]) =>
  evaluateObject(podOf(...images), [setOf([policyOf('p', requirement)])], rig.access, live)
const childrenOf = async (rig: PolicyRig, ...of: readonly Requirement[]) =>
  (await evaluate(rig, quorumOf(of), `r.test/app@${rig.digest}`)).images[0]?.policies[0]?.verdict.of?.map(({ outcome }) => outcome)

test('evidence of one repository proves nothing in another, nor that of one digest another', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const other = buildImage({ command: ['/other'] })
  const { images } = await evaluate(
    rig,
    byTeam,
    `r.test/app@${rig.digest}`,
    `r.test/copy@${rig.digest}`,
    `r.test/app@${other.digest}`,
    `q.test/app@${rig.digest}`,
  )
  assert.deepEqual(
    images.map(({ outcome }) => outcome),
    ['passed', 'failed', 'failed', 'passed'], // the rig's client takes every host for its own
  )
})

test('two prefixes are two places', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  assert.deepEqual(await childrenOf(rig, { ...byTeam, places: [{ tagPrefix: 'x-' }] }, byTeam), ['failed', 'passed'])
  assert.deepEqual(await childrenOf(rig, byTeam, { ...byTeam, places: [{ tagPrefix: 'x-' }] }), ['passed', 'failed'])
})

test('a demand on some does not stand for one on every', async () => {
  const rig = await createPolicyRig()
  await rig.attest(team, { ok: true })
  await rig.attestLegacy(team, { ok: false })
  const check = ({ statement }: Attested) => {
    if ((statement.predicate as { readonly ok: boolean }).ok) return 'fine'
    throw new CountersignError('POLICY_REFUSED', 'not fine')
  }
  const asking = (quantifier: 'some' | 'every'): Authority => ({
    ...byTeam,
    formats: 'bundle-first',
    proves: { kind: 'attestations', of: [demandOf(quantifier, [{ step: 'policy', wanted: 'fine', check }])] },
  })
  assert.deepEqual(await childrenOf(rig, asking('some'), asking('every')), ['passed', 'failed'])
  assert.deepEqual(await childrenOf(rig, asking('every'), asking('some')), ['failed', 'passed'])
})

test('a tag, and a list of referrers, is read once for authorities that ask for different formats', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const stranger = keyAuthority('stranger', [strangerKey.signer().publicKey])
  assert.deepEqual(await childrenOf(rig, byTeam, { ...stranger, formats: 'bundle-first' }, { ...stranger, formats: 'every' }), [
    'passed',
    'failed',
    'failed',
  ])
  const places = rig.asked.filter(request => !request.includes('/blobs/'))
  assert.equal(new Set(places).size, places.length, places.join('\n'))
})

test('a registry that seemed to list no referrers is asked again before nothing is said to be there', async () => {
  const rig = await createPolicyRig({ referrers: false })
  const ask = async () => {
    rig.asked.length = 0
    await childrenOf(rig, { ...byTeam, formats: 'bundle-first' })
    return rig.asked.filter(request => request.includes('/referrers/')).length
  }
  assert.deepEqual([await ask(), await ask()], [1, 1])
})

const sigstore = await createTestSigstore()

test('a proof that rests on a certificate ends with it', async () => {
  const clock = { now: after(60) }
  const rig = await createPolicyRig({ access: { now: () => clock.now } })
  await rig.hand.attachBundle('app', rig.image, await sigstore.signImage(rig.digest, { logs: [] }), signPredicateType)
  const cache = createVerdictCache()
  const us = keylessAuthority('us', sigstore.trustedRoot)
  const policies = [setOf([policyOf('p', { ...us, demands: { ...us.demands, unsafeSkipTlog: true } })])]
  const judge = () => evaluateObject(podOf(`r.test/app@${rig.digest}`), policies, rig.access, live, { cache })
  assert.equal((await judge()).outcome, 'passed')
  clock.now = after(599)
  rig.asked.length = 0
  assert.deepEqual([(await judge()).outcome, rig.asked.length], ['passed', 0])
  clock.now = after(602)
  const late = await judge()
  assert.deepEqual([late.outcome, late.images[0]?.policies[0]?.verdict.code], ['failed', 'CERTIFICATE_EXPIRED'])
})

test('what was asked for last is let go of last', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const cache = createVerdictCache({ entries: 2 })
  const requests = async (name: string) => {
    rig.asked.length = 0
    await evaluateObject(podOf(`r.test/app@${rig.digest}`), [setOf([policyOf(name, byTeam)])], rig.access, live, { cache })
    return rig.asked.length
  }
  const costs: number[] = []
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) costs.push(await requests(name))
  assert.deepEqual(costs, [2, 2, 0, 2, 0, 2])
})

test('a signature of another image, wherever it lies, is none of this', async () => {
  const rig = await createPolicyRig()
  const stranger = buildImage({ command: ['/stranger'] })
  await rig.hand.attachBundle('app', rig.image, await sigstore.signImage(stranger.digest), signPredicateType)
  const { images } = await evaluate(rig, keylessAuthority('us', sigstore.trustedRoot), `r.test/app@${rig.digest}`)
  assert.equal(images[0]?.policies[0]?.verdict.code, 'ARTIFACT_MISMATCH')
})
