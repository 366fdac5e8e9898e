import type { Decision, Pin } from '../decide.ts'
import { isPinned, type Mutation } from './admission-response.ts'
import type { Review } from './admission-review.ts'
import { valueAt } from './image-patch.ts'

/**
 * Refuses, where it is validated, an image that was judged by its digest and is yet to be pulled by its tag, in an object whose images the
 * mutating webhook pins: whoever changed it afterwards, or was not sent there, might have another one pulled than was judged. What stood in the
 * same place before is there already.
 *
 * @see admission.md §1.7 "Mutation", §5
 */
export function refuseUnpinned(review: Review, decision: Decision, mutation: Mutation): Decision {
  if (review.endpoint !== 'validate' || decision.verdict !== 'admitted' || !isPinned(review, mutation)) return decision
  const unpinned = decision.pins.filter(({ pointer, from, to }) => from !== to && valueAt(review.oldObject ?? null, pointer) !== from)
  if (unpinned.length === 0) return decision
  const why = 'the mutating webhook was not asked, or its answer was changed: a tag may lead elsewhere when it is pulled'
  return {
    ...decision,
    verdict: 'refused',
    reason: 'DIGEST_REQUIRED',
    message: `validation failed: ${unpinned.map(pin => `invalid value: ${pin.from} must be an image digest: ${fieldOf(pin)}\n${why}`).join('\n')}`,
  }
}

/** The place as field errors of Kubernetes spell it: `spec.containers[0].image`. */
function fieldOf({ pointer }: Pin): string {
  return pointer
    .slice(1)
    .replace(/\/([0-9]+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
}
