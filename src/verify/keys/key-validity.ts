import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { TrustedKey } from '../../trust/key-set.ts'
import { describeValidity, isWithin, type Validity } from '../../trust/validity.ts'
import type { Found } from '../derivation.ts'
import type { Policy } from '../policy.ts'
import { describeTime, type ProvenTime } from '../proven-time.ts'
import { describeKey, type Signed } from '../signer.ts'

/** A trusted key that counts for what was signed at some time only. */
export type LimitedKey = TrustedKey & { readonly validFor: Validity }

/** What limits the key of a signature in time: nothing where it is trusted without a limit as well. */
export function limitsOf({ key }: Signed, trusted: readonly TrustedKey[]): readonly LimitedKey[] {
  const same = trusted.filter(({ spki }) => bytesEqual(spki, key.spki))
  const limited = same.filter(isLimited)
  return limited.length === same.length ? limited : []
}

/** What the step `key-validity` wants, for the derivation. */
export function describeLimits(limited: readonly LimitedKey[]): string {
  return `a signature made by ${describeKey(limited[0]!)} while it was valid: ${limited.map(describeLimit).join(' or ')}`
}

/**
 * Step `key-validity`: the signature was made while its key was valid, at every time that is proven of it. Where none is, the key must be valid
 * at the time that the policy calls now: nobody can tell an old signature from one that was made today with a key that was stolen.
 *
 * @throws CountersignError `KEY_EXPIRED`
 */
export function checkKeyValidity(limited: readonly LimitedKey[], proven: readonly ProvenTime[], { now }: Policy): Found<undefined> {
  const unproven = { time: now, witness: () => 'now, for nothing proves when it was made' }
  const times: readonly Pick<ProvenTime, 'time' | 'witness'>[] = proven.length > 0 ? proven : [unproven]
  const holding = limited.find(({ validFor }) => times.every(({ time }) => isWithin(validFor, time)))
  if (holding) return { value: undefined, found: () => `${times.map(describeTime).join('; ')}: ${describeLimit(holding)}` }
  const [first] = limited
  const outside = times.find(({ time }) => !(first && isWithin(first.validFor, time))) ?? times[0]!
  throw new CountersignError(
    'KEY_EXPIRED',
    `${describeKey(first!)} is valid ${limited.map(describeLimit).join(' or ')}; the signature counts as of ${describeTime(outside)}`,
  )
}

function isLimited(key: TrustedKey): key is LimitedKey {
  return key.validFor !== undefined
}

function describeLimit({ name, validFor }: LimitedKey): string {
  return `${describeValidity(validFor)}${name === undefined ? '' : ` (${quote(name)})`}`
}
