import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { createVerdictCache } from '../../policy/evaluate/memory/verdict-cache.ts'
import { noEvents } from '../../services/service.ts'
import { reviewOf, workloadOf, workloads } from '../../testing/admission/reviews.ts'
import { setOf } from '../../testing/policy/policies.ts'
import { createPolicyRig } from '../../testing/policy/policy-rig.ts'
import { strangerKey, teamKey } from '../../testing/test-keys.ts'
import { nothingToJudge } from '../nothing-to-judge.ts'
import { renderReview } from '../review/admission-response.ts'
import { type Endpoint, parseAdmissionReview } from '../review/admission-review.ts'
import { decideByPolicies, updatesImages } from './decide-by-policies.ts'
import { followPolicies } from './followed-policies.ts'

const signal = AbortSignal.any([])
const outside = {
  world: { now: () => new Date(), fetch: async () => assert.fail('a request') },
  warn: () => {},
  remoteText: async () => assert.fail('a request'),
  kmsKeys: async () => {
    throw new CountersignError('KMS_UNAVAILABLE', 'no KMS')
  },
  publicGood: async () => assert.fail('the public instance'),
}
const key = (pem: string) => `{key: {data: ${JSON.stringify(pem)}}}`
const policyOf = (authority: string, glob = '**') =>
  `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: team}\nspec: {images: [{glob: '${glob}'}], authorities: [${authority}]}\n`

async function decideBy(rig: Awaited<ReturnType<typeof createPolicyRig>>, text: string) {
  const read = async () => [{ name: 'a.yaml', text }]
  const policies = await followPolicies({ read, systemNamespace: 'cosign-system', outside }, noEvents, signal)
  return decideByPolicies({ policies: policies.sets, access: rig.access, cache: createVerdictCache() })
}

const read = (review: unknown, endpoint: Endpoint = 'mutate') => parseAdmissionReview(encodeUtf8(JSON.stringify(review)), endpoint)

for (const workload of workloads)
  test(`a ${workload.kind} of ${workload.version} is admitted by a signature and pinned, and refused without one`, async () => {
    const rig = await createPolicyRig()
    await rig.signLegacy(teamKey.signer())
    const review = await read(reviewOf(workload, workloadOf(workload, ['r.test/app:v1'])))
    const pointer = `/${workload.podPath.join('/')}/containers/0/image`
    const admitted = await (await decideBy(rig, policyOf(key(teamKey.publicPem))))(review, signal)
    assert.deepEqual(
      [admitted.verdict, admitted.pins],
      ['admitted', [{ pointer, from: 'r.test/app:v1', to: `r.test/app:v1@${rig.digest}` }]],
    )
    assert.equal(admitted.auditAnnotations.get('digest.0'), rig.digest)
    const refused = await (await decideBy(rig, policyOf(key(strangerKey.publicPem))))(review, signal)
    assert.equal(refused.verdict, 'refused')
    const { response } = JSON.parse(renderReview(review, refused, 'all'))
    const place = `${workload.podPath.join('.')}.containers[0].image`
    assert.equal(response.status.code, 403)
    assert.ok(
      response.status.message.startsWith(`validation failed: failed policy: team: ${place}\nr.test/app:v1 `),
      response.status.message,
    )
    assert.match(response.status.message, /\n\[countersign: [A-Z_]+ explain=705ab4f5-6393-11e8-b7cc-42010a800002\]$/)
  })

for (const { name, policy, image = 'r.test/app:v1', verdict, reason, message } of [
  {
    name: 'static: fail',
    policy: policyOf('{static: {action: fail, message: no}}'),
    verdict: 'refused',
    reason: 'STATIC_FAIL',
    message: /disallowed by static policy: no/,
  },
  {
    name: 'no policy for it',
    policy: policyOf(key(teamKey.publicPem), 'other.test/**'),
    verdict: 'refused',
    reason: 'NO_POLICY',
    message: /no matching policies: spec.containers\[0\].image\nr.test\/app:v1/,
  },
  {
    name: 'a KMS that does not answer',
    policy: policyOf('{key: {kms: "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k"}}'),
    verdict: 'unknown',
    reason: 'KMS_UNAVAILABLE',
    message: /no KMS/,
  },
  {
    name: 'no such tag',
    policy: policyOf(key(teamKey.publicPem)),
    image: 'r.test/app:v2',
    verdict: 'unknown',
    reason: 'REGISTRY_NOT_FOUND',
    message: /r.test\/app:v2 must be an image digest/,
  },
  {
    name: 'no name of an image',
    policy: policyOf(key(teamKey.publicPem)),
    image: 'r.test/APP',
    verdict: 'refused',
    reason: 'DIGEST_UNRESOLVED',
    message: /./,
  },
] as const)
  test(`a review is decided: ${name}`, async () => {
    const rig = await createPolicyRig()
    const review = await read(reviewOf(workloads[0]!, workloadOf(workloads[0]!, [image])))
    const decision = await (await decideBy(rig, policy))(review, signal)
    assert.deepEqual([decision.verdict, decision.reason], [verdict, reason], decision.message)
    assert.match(decision.message, message)
  })

test('an image that is named by its digest is not pinned', async () => {
  const rig = await createPolicyRig()
  const review = await read(reviewOf(workloads[0]!, workloadOf(workloads[0]!, [`r.test/app@${rig.digest}`])))
  const decision = await (await decideBy(rig, policyOf('{static: {action: pass}}')))(review, signal)
  assert.deepEqual([decision.verdict, decision.pins], ['admitted', []])
})

for (const workload of workloads)
  test(`an update of a ${workload.kind} of ${workload.version} is judged where an image is another`, async () => {
    const object = (image: string) => workloadOf(workload, [image])
    const update = (before: string, after: string) =>
      read(reviewOf(workload, object(after), { operation: 'UPDATE', oldObject: object(before) }))
    const rules = { exemptNamespaces: new Set<string>(), imagesChanged: updatesImages(() => [setOf([])]) }
    assert.equal(nothingToJudge(await update('r.test/a', 'r.test/b'), rules), undefined)
    assert.equal(nothingToJudge(await update('r.test/a', 'r.test/A'), rules), undefined)
    assert.match(nothingToJudge(await update('r.test/a', 'r.test/a'), rules) ?? '', /no image is another/)
  })
