import { isDeepStrictEqual } from 'node:util'
import { CountersignError } from '../codec/error.ts'
import { type JsonObject, readObject } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import type { Review } from './review/admission-review.ts'

/** An update: what is there, and what is to be. */
export type Update = Review & { readonly object: JsonObject; readonly oldObject: JsonObject }

/** What decides whether a review is judged at all. */
export type JudgingRules = {
  /** Whose objects are admitted unseen: those of the webhook itself, which must come up before anything can be judged. */
  readonly exemptNamespaces: ReadonlySet<string>
  /** Whether another image is to run than did; also where that cannot be told. */
  readonly imagesChanged: (update: Update) => boolean
}

/**
 * Why there is nothing to judge in a review; nothing where there is.
 *
 * What the object says of itself counts for nothing, its annotations least (D15): an object that is made with a time of deletion is judged as
 * any other (GHSA-hq4m-4948-64cc). Of one that is going to be deleted all may change but what runs: otherwise nobody could take its
 * finalizers away. Fewer replicas excuse no other image (D6).
 *
 * @throws CountersignError `CAPABILITY_MISSING` for a subresource that is not known
 * @see admission.md §0.1, §1.7
 */
export function nothingToJudge(review: Review, { exemptNamespaces, imagesChanged }: JudgingRules): string | undefined {
  const { operation, subResource, namespace, object, oldObject } = review
  if (operation === 'DELETE' || operation === 'CONNECT') return `${operation.toLowerCase()} runs no image`
  switch (subResource) {
    case 'status':
      return 'the status of an object runs no image'
    case 'scale':
      return 'the number of replicas changes no image'
    case '':
    case 'ephemeralcontainers':
    case 'resize':
      break
    default:
      throw new CountersignError(
        'CAPABILITY_MISSING',
        `subresource: want none, ephemeralcontainers, resize, scale or status, got ${quote(subResource)}`,
      )
  }
  if (namespace !== '' && exemptNamespaces.has(namespace)) return 'the namespace is exempt'
  if (operation !== 'UPDATE' || !object || !oldObject) return undefined
  const update = { ...review, object, oldObject }
  if (isBeingDeleted(oldObject) && isDeepStrictEqual(whatRuns(object), whatRuns(oldObject))) return 'the object is being deleted'
  return imagesChanged(update) ? undefined : 'no image is another'
}

function isBeingDeleted(object: JsonObject): boolean {
  const { deletionTimestamp } = readObject(object['metadata'] ?? {}, 'request.oldObject.metadata')
  return typeof deletionTimestamp === 'string' && deletionTimestamp !== ''
}

function whatRuns({ metadata: _, status: __, ...rest }: JsonObject): JsonObject {
  return rest
}
