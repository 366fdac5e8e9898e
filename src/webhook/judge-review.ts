import { CountersignError, type ErrorCode, type ErrorKind, reasonOf } from '../codec/error.ts'
import type { Decide, Decision } from './decide.ts'
import { type JudgingRules, nothingToJudge } from './nothing-to-judge.ts'
import type { Review } from './review/admission-review.ts'
import type { ReviewTime } from './review-time.ts'

/**
 * The decision on a review, within its time: every failure is one as well, and none admits. After the deadline nobody is admitted, whatever
 * the verdict: one that ignores its end may have left something out (D2).
 *
 * @param report - is told of failures that are nobody's on purpose
 */
export async function judgeReview(
  review: Review,
  { decide, rules }: { readonly decide: Decide; readonly rules: JudgingRules },
  { signal, lastWords }: Pick<ReviewTime, 'signal' | 'lastWords'>,
  report: (cause: unknown) => void,
): Promise<Decision> {
  try {
    const why = nothingToJudge(review, rules)
    if (why !== undefined) return { ...silent, verdict: 'admitted', message: why, reason: '' }
    signal.throwIfAborted()
    const deciding = decide(review, signal)
    const decision = await Promise.race([deciding, lastWords])
    if (decision && !(signal.aborted && decision.verdict === 'admitted')) return decision
    signal.throwIfAborted()
    throw new TypeError('a review without a decision')
  } catch (cause) {
    if (!(cause instanceof CountersignError) && !signal.aborted) report(cause)
    return failure(signal.aborted && !(cause instanceof CountersignError) ? signal.reason : cause)
  }
}

/** The decision that a failure comes to. */
export function failure(cause: unknown): Decision {
  if (!(cause instanceof CountersignError)) return { ...silent, verdict: 'unknown', message: 'internal error', reason: 'INTERNAL' }
  return { ...silent, verdict: verdictOf(cause.kind), message: reasonOf(cause), reason: reasonCodeOf(cause.code) }
}

const silent = { warnings: [], pins: [], auditAnnotations: new Map(), explanationId: '' } as const

/** Both refuse; the second says that trying again may help. */
function verdictOf(kind: ErrorKind): 'refused' | 'unknown' {
  switch (kind) {
    case 'malformed':
    case 'untrusted':
    case 'denied':
    case 'usage':
      return 'refused'
    case 'unavailable':
      return 'unknown'
    default:
      throw new TypeError(`unhandled error kind ${kind satisfies never}`) // a new kind fails the type check first
  }
}

function reasonCodeOf(code: ErrorCode): string {
  return code === 'TIMED_OUT' ? 'TIMEOUT' : 'INTERNAL'
}
