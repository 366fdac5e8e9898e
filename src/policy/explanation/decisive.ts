import type { ObjectVerdict } from '../evaluate/evaluate-object.ts'
import type { Dialect, ImageVerdict, RequirementVerdict } from '../model.ts'
import { type ReasonCode, reasonOfFailure, reasonOfVerdict } from './reason-code.ts'

/** The shortest path from a verdict to what made it. */
export type Decisive = {
  readonly pointer?: string // of the image
  readonly dialect?: Dialect
  readonly policy?: string
  readonly rule?: string
  readonly path?: string // of the part of the policy
  readonly reasonCode?: ReasonCode // nothing where it passed because evidence was accepted
  readonly message: string
}

/** What made the verdict on an object: the first image that was not admitted, the first policy that refused it, the first part of that. */
export function decisiveOf({ outcome, images, failure }: ObjectVerdict): Decisive | undefined {
  if (failure) return { reasonCode: reasonOfFailure(failure), message: failure.message }
  const image = images.find(image => image.outcome === outcome)
  return image && decisiveOfImage(image)
}

function decisiveOfImage({ image, outcome, policies, unmatched, failure }: ImageVerdict): Decisive | undefined {
  const { pointer } = image
  if (failure && outcome !== 'passed' && policies.length === 0)
    return { pointer, reasonCode: reasonOfFailure(failure), message: failure.message }
  const enforced = policies.filter(({ policy }) => policy.action === 'enforce')
  const telling = enforced.find(({ verdict }) => verdict.outcome === outcome)
  if (telling) {
    const { policy, verdict } = telling
    const { path, message, reasonCode } = leafOf(verdict)
    const rule = policy.rule !== undefined && { rule: policy.rule }
    return { pointer, dialect: policy.dialect, policy: policy.name, ...rule, path, ...(reasonCode && { reasonCode }), message }
  }
  const silent = unmatched.find(({ whenNone }) => (whenNone === 'deny') === (outcome !== 'passed'))
  if (!silent) return undefined
  return { pointer, dialect: silent.dialect, reasonCode: 'NO_POLICY', message: `no policy applies, which means ${silent.whenNone}` }
}

/** The first part, downwards, that has the outcome of the whole; a count that is not reached speaks for itself. */
function leafOf(verdict: RequirementVerdict): {
  readonly path: string
  readonly message: string
  readonly reasonCode: ReasonCode | undefined
} {
  const { kind, outcome, code, path, message, of = [] } = verdict
  const own = (kind === 'judged' && of.some(inner => inner.outcome !== outcome)) || code === 'THRESHOLD_NOT_MET'
  const below = own ? undefined : of.find(inner => inner.outcome === outcome)
  return below ? leafOf(below) : { path, message, reasonCode: reasonOfVerdict(verdict) }
}
