import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { reviewOf, workloadOf, workloads } from '../../testing/admission/reviews.ts'
import { parseAdmissionReview } from './admission-review.ts'

const [pod] = workloads
const object = workloadOf(pod!, ['registry.test/app:v1'])
const parse = (review: unknown) => parseAdmissionReview(encodeUtf8(JSON.stringify(review)), 'validate')
const request = (changed: Parameters<typeof reviewOf>[2]) => reviewOf(pod!, object, changed)

for (const workload of workloads)
  test(`a review of a ${workload.kind} of ${workload.version} is read`, async () => {
    const made = workloadOf(workload, ['registry.test/app:v1'])
    const { group, version, kind, resource } = workload
    assert.deepEqual(await parse(reviewOf(workload, made)), {
      endpoint: 'validate',
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      operation: 'CREATE',
      kind: { group, version, kind },
      resource: { group, version, resource },
      subResource: '',
      namespace: 'team',
      name: 'app',
      userInfo: { username: 'alice', uid: '', groups: ['developers', 'system:authenticated'] },
      object: made,
      oldObject: undefined,
      dryRun: false,
    })
  })

test('of a review may be left out what Go leaves out', async () => {
  const { uid, kind, resource, operation, userInfo } = request({})['request'] as Record<string, never>
  const least = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid, kind, resource, operation, userInfo, object },
  }
  const { name, namespace, dryRun, subResource, oldObject } = await parse(least)
  assert.deepEqual([name, namespace, dryRun, subResource, oldObject], ['', '', false, '', undefined])
})

for (const { name, review, message, code = 'JSON_MALFORMED' } of [
  {
    name: 'version v1beta1',
    review: { ...request({}), apiVersion: 'admission.k8s.io/v1beta1' },
    message: /apiVersion: want "admission.k8s.io\/v1", got/,
  },
  { name: 'no version', review: { kind: 'AdmissionReview' }, message: /apiVersion: want .*, got nothing/ },
  { name: 'another kind', review: { ...request({}), kind: 'Pod' }, message: /kind: want "AdmissionReview", got "Pod"/ },
  {
    name: 'no request',
    review: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' },
    message: /request: want an object, got nothing/,
  },
  { name: 'an answer', review: { ...request({}), response: { allowed: true } }, message: /unknown member "response"/ },
  { name: 'an unknown member', review: request({ sneaky: true }), message: /request: unknown member "sneaky"/ },
  { name: 'no uid', review: request({ uid: '' }), message: /request.uid: want 1 to 128/ },
  { name: 'a uid with a line end', review: request({ uid: 'a\nb' }), message: /request.uid: want 1 to 128/ },
  { name: 'an unknown operation', review: request({ operation: 'PATCH' }), message: /operation: want CREATE, .*, got "PATCH"/ },
  { name: 'a creation of nothing', review: request({ object: null }), message: /request.object: want an object to "CREATE"/ },
  { name: 'an object that is none', review: request({ object: [] }), message: /request.object: want an object/ },
  {
    name: 'another kind of object',
    review: request({ object: { ...object, kind: 'Job' } }),
    message: /object.kind: want "Pod" as in request.kind, got "Job"/,
  },
  {
    name: 'an object of another version',
    review: request({ object: { ...object, apiVersion: 'v2' } }),
    message: /object.apiVersion: want "v1"/,
  },
  { name: 'an object of no version', review: request({ object: { kind: 'Pod' } }), message: /object.apiVersion: want "v1" .* got nothing/ },
  {
    name: 'a kind without a version',
    review: request({ kind: { group: '', version: '', kind: 'Pod' } }),
    message: /request.kind.version: want a name/,
  },
  {
    name: 'a kind with more',
    review: request({ kind: { group: '', version: 'v1', kind: 'Pod', x: 1 } }),
    message: /request.kind: unknown member/,
  },
  { name: 'no resource', review: request({ resource: null }), message: /request.resource: want an object/ },
  {
    name: 'a resource without a name',
    review: request({ resource: { version: 'v1' } }),
    message: /request.resource.resource: want a name/,
  },
  { name: 'a long name', review: request({ name: 'n'.repeat(254) }), message: /request.name: want at most 253/, code: 'LIMIT_EXCEEDED' },
  { name: 'a namespace that is none', review: request({ namespace: 7 }), message: /request.namespace: want a string/ },
  { name: 'a dry run that is none', review: request({ dryRun: 'yes' }), message: /request.dryRun: want true or false, got "yes"/ },
  {
    name: 'an unknown fact of the user',
    review: request({ userInfo: { username: 'a', admin: true } }),
    message: /userInfo: unknown member "admin"/,
  },
  { name: 'groups that are none', review: request({ userInfo: { groups: 'a' } }), message: /userInfo.groups: want an array/ },
  { name: 'extra that is none', review: request({ userInfo: { extra: 'a' } }), message: /userInfo.extra: want an object/ },
  { name: 'options that are none', review: request({ options: 'a' }), message: /request.options: want an object/ },
  { name: 'a requested kind that is none', review: request({ requestKind: 'Pod' }), message: /request.requestKind: want an object/ },
  {
    name: 'a requested subresource that is none',
    review: request({ requestSubResource: {} }),
    message: /requestSubResource: want a string/,
  },
])
  test(`a review is refused: ${name}`, async () => {
    await assert.rejects(parse(review), { code, message })
  })

test('a review is refused: not JSON, a member twice, too long', async () => {
  const parseText = (text: string) => parseAdmissionReview(encodeUtf8(text), 'mutate')
  await assert.rejects(parseText('{'), { code: 'JSON_MALFORMED' })
  await assert.rejects(parseText('{"kind":1,"kind":2}'), { code: 'JSON_MALFORMED', message: /appears twice/ })
  await assert.rejects(parseText(`"${'x'.repeat(8 << 20)}"`), { code: 'LIMIT_EXCEEDED', message: /at most 8388608 bytes/ })
})
