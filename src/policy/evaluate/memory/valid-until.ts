import type { Certificate } from '../../../formats/x509/certificate.ts'
import type { Validity } from '../../../trust/validity.ts'
import type { Trust } from '../../../verify/policy.ts'
import type { Proof } from '../evidence/prove.ts'

/**
 * The earliest time after `now` at which the same evidence could be judged otherwise: where the validity of something trusted, or of a
 * certificate that was proven, begins or ends. Nothing where no such time is to come.
 */
export function validUntil({ signatures }: Pick<Proof, 'signatures'>, trust: Trust, now: Date): Date | undefined {
  const authorities = [...(trust.certificateAuthorities ?? []), ...(trust.timestampAuthorities ?? [])]
  const spans = [
    ...(trust.keys ?? []).flatMap(({ validFor }) => validFor ?? []),
    ...authorities.flatMap(({ validFor, chain }) => [validFor, ...chain.map(validityOf)]),
    ...[...(trust.transparencyLogs ?? []), ...(trust.ctLogs ?? [])].map(({ validFor }) => validFor),
    ...signatures.flatMap(({ certificate }) => (certificate ? certificate.path.map(validityOf) : [])),
  ]
  const times = spans.flatMap(({ start, end }) => [start, ...afterEnd(end)]).filter(time => time > now)
  return times.sort((one, other) => one.getTime() - other.getTime())[0]
}

function validityOf({ notBefore, notAfter }: Certificate): Validity {
  return { start: notBefore, end: notAfter }
}

/** The end itself belongs to what it ends. */
function afterEnd(end: Date | undefined): readonly Date[] {
  return end ? [new Date(end.getTime() + 1)] : []
}
