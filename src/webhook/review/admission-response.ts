import type { JsonObject } from '../../codec/json.ts'
import type { Decision } from '../decide.ts'
import type { Review } from './admission-review.ts'
import { imagePatch } from './image-patch.ts'
import { deliverableWarnings } from './warnings.ts'

/** Whose images are pinned when they are admitted. */
export type Mutation = 'pods-only' | 'all' | 'never'

const limits = { message: 16_384, annotations: 64, annotation: 1024 } as const

const statuses = {
  refused: { code: 403, reason: 'Forbidden' },
  unknown: { code: 503, reason: 'ServiceUnavailable' },
} as const

/**
 * The answer to a review, as JSON. HTTP has nothing to say of a denial: its status is 200, and 403 or 503 stands in the answer.
 *
 * @throws CountersignError as `imagePatch`
 * @see Kubernetes, API `admission.k8s.io/v1` AdmissionResponse; admission.md §1.8 and §5
 */
export function renderReview(review: Review, decision: Decision, mutation: Mutation): string {
  const isPatched = review.endpoint === 'mutate' && decision.verdict === 'admitted' && isPinned(review, mutation)
  const patch = isPatched ? imagePatch(review.object ?? null, decision.pins) : undefined
  const warnings = deliverableWarnings(decision.warnings)
  const response = {
    uid: review.uid,
    allowed: decision.verdict === 'admitted',
    ...(decision.verdict !== 'admitted' && { status: renderStatus(decision.verdict, decision) }),
    ...(patch !== undefined && { patchType: 'JSONPatch', patch }),
    ...(warnings.length > 0 && { warnings }),
    auditAnnotations: renderAnnotations(decision),
  }
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response })
}

/** Whether the mutating webhook pins the images of such an object. */
export function isPinned({ operation, kind }: Pick<Review, 'operation' | 'kind'>, mutation: Mutation): boolean {
  if (mutation === 'never') return false
  if (mutation === 'pods-only' && !(kind.group === '' && kind.kind === 'Pod')) return false
  return !(operation === 'UPDATE' && kind.group === 'batch' && kind.kind === 'Job') // whose template cannot be changed
}

function renderStatus(verdict: 'refused' | 'unknown', { message, reason, explanationId }: Decision): JsonObject {
  const trailer = `[countersign: ${[reason, ...(explanationId === '' ? [] : [`explain=${explanationId}`])].join(' ')}]`
  const said = message.length > limits.message ? `${message.slice(0, limits.message)}…`.toWellFormed() : message
  return { metadata: {}, status: 'Failure', ...statuses[verdict], message: `${said}\n${trailer}` }
}

/** The API server puts the webhook's name before each. */
function renderAnnotations({ verdict, explanationId, auditAnnotations }: Decision): JsonObject {
  const more = [...auditAnnotations].slice(0, limits.annotations).map(([name, value]) => {
    if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name)) throw new TypeError(`audit annotation: no such name: ${name}`)
    return [name, value.slice(0, limits.annotation).toWellFormed()] as const
  })
  return Object.fromEntries([...more, ['decision', verdict], ...(explanationId === '' ? [] : [['explanation-id', explanationId] as const])])
}
