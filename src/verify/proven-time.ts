import type { Branded } from '../codec/branded.ts'
import { CountersignError } from '../codec/error.ts'
import type { Found } from './derivation.ts'
import type { Policy } from './policy.ts'

/**
 * A moment at which a signature already existed, on the word of a trusted log or timestamp authority that was bound to this very
 * signature. Only the steps `transparency-log` and `timestamp` make one.
 */
export type ProvenTime = Branded<{ readonly time: Date; readonly witness: () => string }, 'ProvenTime'>

/** When a certificate must have been valid: at each of these, which were proven, or at the time that the policy calls now. */
export type SigningTimes =
  | { readonly kind: 'proven'; readonly times: readonly [ProvenTime, ...ProvenTime[]] }
  | { readonly kind: 'now'; readonly times: readonly [Pick<ProvenTime, 'time' | 'witness'>] }

/**
 * Step `time`: when a certificate's signature was made. Every proven time counts, not the most convenient one. The present counts only for
 * a policy that does without a log, where nothing else was proven.
 *
 * @throws CountersignError `TIME_UNPROVEN`
 * @see formats-and-flows §5.2 step 3
 */
export function signingTimes(proven: readonly ProvenTime[], policy: Policy): Found<SigningTimes> {
  const [first, ...others] = proven
  if (first) return { value: { kind: 'proven', times: [first, ...others] }, found: () => proven.map(describeTime).join('; ') }
  if (!policy.unsafeSkipTlog)
    throw new CountersignError(
      'TIME_UNPROVEN',
      'nobody trusted says when the signature was made: want a signed entry timestamp of a log, or a timestamp',
    )
  const now = { time: policy.now, witness: () => 'now, for nothing proves when it was made' }
  return { value: { kind: 'now', times: [now] }, found: () => describeTime(now) }
}

/**
 * Makes a proven time of what a witness said, unless it lies in the future.
 *
 * @throws CountersignError `TIME_UNPROVEN`
 */
export function provenTime(time: Date, witness: () => string, { now, clockSkewMs = 0 }: Policy): ProvenTime {
  if (time.getTime() > now.getTime() + clockSkewMs)
    throw new CountersignError('TIME_UNPROVEN', `${witness()} says ${time.toISOString()}, which is later than ${now.toISOString()}`)
  return { time, witness } as ProvenTime
}

/** A time and whose word it is. */
export function describeTime({ time, witness }: Pick<ProvenTime, 'time' | 'witness'>): string {
  return `${time.toISOString()} (${witness()})`
}
