import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64 } from '../../codec/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import { reviewOf, workloadOf, workloads } from '../../testing/admission/reviews.ts'
import type { Decision } from '../decide.ts'
import { type Mutation, renderReview } from './admission-response.ts'
import { type Endpoint, parseAdmissionReview } from './admission-review.ts'

const image = 'r.test/app:v1'
const pinned = `${image}@sha256:${'a'.repeat(64)}`
const admitted: Decision = {
  verdict: 'admitted',
  message: '',
  reason: '',
  warnings: [],
  pins: [],
  auditAnnotations: new Map(),
  explanationId: '',
}

async function render(
  { kind = 'Pod', version = 'v1', endpoint = 'mutate' as Endpoint, operation = 'CREATE', mutation = 'all' as Mutation },
  decision: Partial<Decision>,
) {
  const workload = workloads.find(known => known.kind === kind && known.version === version)!
  const object = workloadOf(workload, [image])
  const bytes = encodeUtf8(JSON.stringify(reviewOf(workload, object, { operation, oldObject: operation === 'UPDATE' ? object : null })))
  const pins = [{ pointer: `/${workload.podPath.join('/')}/containers/0/image`, from: image, to: pinned }]
  const text = renderReview(await parseAdmissionReview(bytes, endpoint), { ...admitted, pins, ...decision }, mutation)
  const { apiVersion, kind: answered, response, ...rest } = JSON.parse(text)
  assert.deepEqual([apiVersion, answered, rest], ['admission.k8s.io/v1', 'AdmissionReview', {}])
  return response
}

for (const { kind, version, podPath } of workloads)
  test(`the images of a ${kind} of ${version} are pinned where they stand`, async () => {
    const { patch, ...response } = await render({ kind, version }, {})
    assert.deepEqual(response, {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      allowed: true,
      patchType: 'JSONPatch',
      auditAnnotations: { decision: 'admitted' },
    })
    const path = `/${podPath.join('/')}/containers/0/image`
    assert.deepEqual(JSON.parse(decodeUtf8(decodeBase64(patch, 'patch'), 'patch')), [
      { op: 'test', path, value: image },
      { op: 'replace', path, value: pinned },
    ])
  })

for (const { name, asked, decision = {}, isPatched } of [
  { name: 'a pod, pods only', asked: { mutation: 'pods-only' }, isPatched: true },
  { name: 'a deployment, pods only', asked: { kind: 'Deployment', mutation: 'pods-only' }, isPatched: false },
  { name: 'a pod, never', asked: { mutation: 'never' }, isPatched: false },
  { name: 'by a validating webhook', asked: { endpoint: 'validate' }, isPatched: false },
  { name: 'an update of a deployment', asked: { kind: 'Deployment', operation: 'UPDATE' }, isPatched: true },
  { name: 'an update of a job, whose template cannot change', asked: { kind: 'Job', operation: 'UPDATE' }, isPatched: false },
  { name: 'a refused pod', asked: {}, decision: { verdict: 'refused' }, isPatched: false },
] as const)
  test(`patch and patchType are there both or neither: ${name}`, async () => {
    const response = await render(asked, decision)
    assert.deepEqual(['patch' in response, 'patchType' in response], [isPatched, isPatched])
  })

for (const { verdict, code, reason } of [
  { verdict: 'refused', code: 403, reason: 'Forbidden' },
  { verdict: 'unknown', code: 503, reason: 'ServiceUnavailable' },
] as const)
  test(`what is ${verdict} is denied with ${code}`, async () => {
    const message = 'validation failed: failed policy: p: spec.containers[0].image\nref text'
    const response = await render({}, { verdict, message, reason: 'NO_SIGNATURE', explanationId: 'e-1', warnings: ['w'] })
    assert.deepEqual(response, {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      allowed: false,
      status: { metadata: {}, status: 'Failure', code, reason, message: `${message}\n[countersign: NO_SIGNATURE explain=e-1]` },
      warnings: ['w'],
      auditAnnotations: { decision: verdict, 'explanation-id': 'e-1' },
    })
  })

test('messages and annotations have an end', async () => {
  const auditAnnotations = new Map(Array.from({ length: 100 }, (_, index) => [`digest.${index}`, 'd'.repeat(2000)]))
  const response = await render({}, { verdict: 'refused', message: 'm'.repeat(100_000), reason: 'INTERNAL', auditAnnotations })
  assert.equal(response.status.message, `${'m'.repeat(16_384)}…\n[countersign: INTERNAL]`)
  assert.equal(Object.keys(response.auditAnnotations).length, 65)
  assert.equal(response.auditAnnotations['digest.0'].length, 1024)
  assert.equal(response.auditAnnotations.decision, 'refused')
})

test('an annotation cannot say another decision, or have a name that API servers refuse', async () => {
  const named = (name: string) => render({}, { auditAnnotations: new Map([[name, 'refused']]) })
  assert.equal((await named('decision')).auditAnnotations.decision, 'admitted')
  await assert.rejects(named('a/b'), { name: 'TypeError', message: /no such name: a\/b/ })
})
