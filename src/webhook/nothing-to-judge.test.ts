import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../codec/json.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { reviewOf, workloadOf, workloads } from '../testing/admission/reviews.ts'
import { nothingToJudge } from './nothing-to-judge.ts'
import { parseAdmissionReview } from './review/admission-review.ts'

const [pod] = workloads
const deployment = workloads.find(({ kind }) => kind === 'Deployment')!
const object = (images: string[], metadata: JsonObject = {}) => workloadOf(deployment, images, metadata)
const deletion = { deletionTimestamp: '2026-01-02T03:04:05Z' }
const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' }
const [before, after] = [object(['r.test/a:v1']), object(['r.test/b:v1'])]
const fewer = { ...after, spec: { ...(after['spec'] as JsonObject), replicas: 0 } }

async function reasonFor(asked: JsonObject, request: JsonObject): Promise<string | undefined> {
  const bytes = encodeUtf8(JSON.stringify(reviewOf(deployment, asked, request)))
  const review = await parseAdmissionReview(bytes, 'validate')
  return nothingToJudge(review, {
    exemptNamespaces: new Set(['cosign-system']),
    imagesChanged: update => JSON.stringify(update.object['spec']) !== JSON.stringify(update.oldObject['spec']),
  })
}

for (const { name, asked = after, request, reason } of [
  { name: 'a creation', request: {}, reason: undefined },
  { name: 'a dry run', request: { dryRun: true }, reason: undefined },
  { name: 'an update of an image', request: { operation: 'UPDATE', oldObject: before }, reason: undefined },
  { name: 'an update of what is not shown', request: { operation: 'UPDATE' }, reason: undefined },
  { name: 'an update of no image', request: { operation: 'UPDATE', oldObject: after }, reason: /no image is another/ },
  { name: 'fewer replicas of another image', asked: fewer, request: { operation: 'UPDATE', oldObject: before }, reason: undefined },
  { name: 'a deletion', request: { operation: 'DELETE' }, reason: /delete runs no image/ },
  { name: 'a connection', request: { operation: 'CONNECT', subResource: 'exec' }, reason: /connect runs no image/ },
  { name: 'a status', request: { operation: 'UPDATE', subResource: 'status', oldObject: before }, reason: /status of an object/ },
  {
    name: 'a number of replicas',
    asked: { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 1 } },
    request: { operation: 'UPDATE', subResource: 'scale', kind: scale },
    reason: /number of replicas/,
  },
  {
    name: 'an ephemeral container',
    request: { operation: 'UPDATE', subResource: 'ephemeralcontainers', oldObject: before },
    reason: undefined,
  },
  { name: 'a resize', request: { operation: 'UPDATE', subResource: 'resize', oldObject: after }, reason: /no image is another/ },
  { name: 'an exempt namespace', request: { namespace: 'cosign-system' }, reason: /namespace is exempt/ },
  { name: 'a namespace that begins alike', request: { namespace: 'cosign-system-2' }, reason: undefined },
  { name: 'no namespace', request: { namespace: '' }, reason: undefined },
  {
    name: 'an object that says of itself to be in an exempt namespace',
    asked: object(['r.test/b:v1'], { namespace: 'cosign-system' }),
    request: {},
    reason: undefined,
  },
  { name: 'a creation that says to be deleted', asked: object(['r.test/b:v1'], deletion), request: {}, reason: undefined },
  {
    name: 'an update that says to be deleted',
    asked: object(['r.test/b:v1'], deletion),
    request: { operation: 'UPDATE', oldObject: before },
    reason: undefined,
  },
  {
    name: 'another image in what is being deleted',
    asked: object(['r.test/b:v1'], deletion),
    request: { operation: 'UPDATE', oldObject: object(['r.test/a:v1'], deletion) },
    reason: undefined,
  },
  {
    name: 'a finalizer taken from what is being deleted',
    asked: object(['not an image'], deletion),
    request: { operation: 'UPDATE', oldObject: object(['not an image'], { ...deletion, finalizers: ['x'] }) },
    reason: /is being deleted/,
  },
  {
    name: 'an object whose annotations say that it was verified',
    asked: object(['r.test/b:v1'], { annotations: { 'kyverno.io/verify-images': '{"r.test/b:v1":"pass"}' } }),
    request: {},
    reason: undefined,
  },
])
  test(`${reason ? 'nothing' : 'something'} is to be judged in ${name}`, async () => {
    const found = await reasonFor(asked, request)
    if (reason) assert.match(found ?? '', reason)
    else assert.equal(found, undefined)
  })

test('a subresource that is not known is refused', async () => {
  const bytes = encodeUtf8(JSON.stringify(reviewOf(pod!, workloadOf(pod!, ['r.test/a:v1']), { subResource: 'binding' })))
  const review = await parseAdmissionReview(bytes, 'validate')
  const rules = { exemptNamespaces: new Set(['team']), imagesChanged: () => false }
  assert.throws(() => nothingToJudge(review, rules), { code: 'CAPABILITY_MISSING', message: /subresource: want none, .*, got "binding"/ })
})
