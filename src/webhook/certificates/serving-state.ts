import { bytesEqual } from '../../codec/bytes.ts'
import { type Ceremony, type Certified, issueAuthority, issueServing, lifetimes } from './issue-certificate.ts'

const dayMs = 86_400_000

/** When what is replaced. */
const rules = {
  authorityRestDays: 365, // of an authority when the next one is made
  overlapDays: 7, // of the next authority's being trusted before it certifies
  servingRestDays: 30, // of a server's certificate when the next one is made
} as const

/** The authorities that clients trust, the newest last, and the certificate that is served. */
export type ServingState = {
  readonly authorities: readonly [Certified, ...Certified[]]
  readonly serving: Certified
}

/**
 * What is to be at a time, given what was; the same object where nothing is to change. Clients that trust `authorities` as they were at any
 * time of the last week trust what is served: the next authority is shown a week before it certifies anything, and a former one is left out
 * when nothing that it certified can be served any more.
 *
 * @see admission.md §5: rotation with overlap
 */
export async function advanceServing(
  state: ServingState | undefined,
  dnsNames: readonly string[],
  ceremony: Ceremony,
): Promise<ServingState> {
  const authorities = await advanceAuthorities(state?.authorities ?? [], ceremony)
  const issuer = authorities.findLast(authority => ageDays(authority, ceremony) >= rules.overlapDays) ?? authorities[0]
  const isKept = state && isGood(state.serving, authorities, dnsNames, ceremony)
  if (isKept && authorities === state.authorities) return state
  return { authorities, serving: isKept ? state.serving : await issueServing(ceremony, issuer, dnsNames) }
}

async function advanceAuthorities(former: readonly Certified[], ceremony: Ceremony): Promise<ServingState['authorities']> {
  const usable = former.filter(authority => restDays(authority, ceremony) > 0)
  const newest = usable.at(-1)
  const isSettled = newest && ageDays(newest, ceremony) > rules.overlapDays + lifetimes.servingDays
  const needed = isSettled ? [newest] : usable
  const next = !newest || restDays(newest, ceremony) < rules.authorityRestDays ? [await issueAuthority(ceremony)] : []
  const [first, ...others] = [...needed, ...next]
  if (!first) throw new TypeError('there is an authority always')
  return next.length === 0 && needed.length === former.length ? (former as ServingState['authorities']) : [first, ...others]
}

function isGood({ certificate }: Certified, authorities: readonly Certified[], dnsNames: readonly string[], ceremony: Ceremony): boolean {
  const { authorityKeyId, subjectAlternativeNames } = certificate
  const names = subjectAlternativeNames.map(name => (name.kind === 'dns' ? name.value : ''))
  const isCertified = authorities.some(
    ({ certificate: { subjectKeyId } }) => subjectKeyId && authorityKeyId && bytesEqual(subjectKeyId, authorityKeyId),
  )
  const isOfNames = names.length === dnsNames.length && dnsNames.every(name => names.includes(name))
  return isCertified && isOfNames && restDays({ certificate }, ceremony) > rules.servingRestDays
}

function restDays({ certificate }: Pick<Certified, 'certificate'>, { now }: Ceremony): number {
  return (certificate.notAfter.getTime() - now().getTime()) / dayMs
}

function ageDays({ certificate }: Certified, { now }: Ceremony): number {
  return (now().getTime() - certificate.notBefore.getTime()) / dayMs
}
