import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { reviewOf, workloadOf, workloads } from '../../testing/admission/reviews.ts'
import type { Decision } from '../decide.ts'
import type { Mutation } from './admission-response.ts'
import { type Endpoint, parseAdmissionReview } from './admission-review.ts'
import { refuseUnpinned } from './pinned-images.ts'

const [from, to] = ['r.test/app:v1', `r.test/app:v1@sha256:${'a'.repeat(64)}`]
const admitted: Decision = {
  ...{ verdict: 'admitted', message: 'signed', reason: '', warnings: [], explanationId: 'e-1' },
  ...{ pins: [], auditAnnotations: new Map() },
}

for (const { name, kind = 'Pod', endpoint = 'validate', mutation = 'all', verdict = 'admitted', old, judged = to, refused = false } of [
  { name: 'a tag', refused: true },
  { name: 'a tag of a template', kind: 'CronJob', refused: true },
  { name: 'a name with its digest', judged: from },
  { name: 'a tag in place of another', old: 'r.test/app:v0', refused: true },
  { name: 'a tag in place of a digest', old: to, refused: true },
  { name: 'a tag that was there before', old: from },
  { name: 'a tag that is yet to be pinned', endpoint: 'mutate' },
  { name: 'a tag where none is pinned', mutation: 'never' },
  { name: 'a tag where those of pods are pinned', mutation: 'pods-only', refused: true },
  { name: 'a tag of a template where those of pods are pinned', kind: 'Deployment', mutation: 'pods-only' },
  { name: 'a tag of a job that cannot be changed', kind: 'Job', old: 'r.test/app:v0' },
  { name: 'a tag that is refused anyway', verdict: 'unknown' },
] satisfies readonly {
  readonly name: string
  readonly kind?: string
  readonly endpoint?: Endpoint
  readonly mutation?: Mutation
  readonly verdict?: Decision['verdict']
  readonly old?: string
  readonly judged?: string
  readonly refused?: boolean
}[])
  test(`where it is validated ${refused ? 'refused' : 'left alone'} is ${name}`, async () => {
    const workload = workloads.find(workload => workload.kind === kind)!
    const request = old === undefined ? {} : { operation: 'UPDATE', oldObject: workloadOf(workload, [old]) }
    const review = await parseAdmissionReview(
      encodeUtf8(JSON.stringify(reviewOf(workload, workloadOf(workload, [from]), request))),
      endpoint,
    )
    const pins = [{ pointer: `/${workload.podPath.join('/')}/containers/0/image`, from, to: judged }]
    const decision = refuseUnpinned(review, { ...admitted, verdict, pins }, mutation)
    if (!refused) return assert.deepEqual(decision, { ...admitted, verdict, pins })
    assert.deepEqual([decision.verdict, decision.reason], ['refused', 'DIGEST_REQUIRED'])
    const place = `${workload.podPath.join('.')}.containers[0].image`
    assert.ok(
      decision.message.startsWith(`validation failed: invalid value: ${from} must be an image digest: ${place}\n`),
      decision.message,
    )
  })
