import { quote } from '../../codec/text.ts'
import { formatTime } from '../../formats/rfc3339.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { CertificateAuthority } from '../../trust/trusted-root.ts'
import type { Trust } from '../../verify/policy.ts'
import type { FoundAt } from './lint-finding.ts'

/** Until when what is looked at is looked at. */
export type Horizon = { readonly now: Date; readonly withinMs: number }

/** Something that ends, or never does. */
type Lasting = { readonly name: string; readonly end: Date | undefined }

/**
 * What of trust has ended, or will soon, of each sort what lasts longest: those before it were replaced by it.
 *
 * @param path - what of a policy or TrustRoot holds it
 */
export function trustFindings(trust: Trust, path: string, horizon: Horizon): readonly FoundAt[] {
  const sorts: readonly (readonly [string, readonly Lasting[]])[] = [
    ['certificate authority', (trust.certificateAuthorities ?? []).map(lastingAuthority)],
    ['timestamp authority', (trust.timestampAuthorities ?? []).map(lastingAuthority)],
    ['transparency log', (trust.transparencyLogs ?? []).map(({ baseUrl, validFor }) => ({ name: baseUrl, end: validFor.end }))],
    ['certificate log', (trust.ctLogs ?? []).map(({ baseUrl, validFor }) => ({ name: baseUrl, end: validFor.end }))],
  ]
  return sorts.flatMap(([sort, all]) => findingsOf(sort, all, path, horizon))
}

/** The same of certificates that a policy holds: each of them ends by itself. */
export function certificateFindings(certificates: readonly Certificate[], path: string, horizon: Horizon): readonly FoundAt[] {
  return certificates.flatMap(({ subject, notAfter }) => findingsOf('certificate', [{ name: subject.text, end: notAfter }], path, horizon))
}

/** An authority can do no more once the first certificate of its chain has expired, whatever the trusted root says. */
function lastingAuthority({ uri, chain, validFor }: CertificateAuthority): Lasting {
  const ends = [...chain.map(({ notAfter }) => notAfter), ...(validFor.end ? [validFor.end] : [])]
  return { name: uri || chain[0].subject.text, end: ends.reduce((soonest, end) => (end < soonest ? end : soonest)) }
}

function findingsOf(sort: string, all: readonly Lasting[], path: string, { now, withinMs }: Horizon): readonly FoundAt[] {
  const [last] = all.toSorted((a, b) => (b.end?.getTime() ?? Number.POSITIVE_INFINITY) - (a.end?.getTime() ?? Number.POSITIVE_INFINITY))
  if (!last?.end || last.end.getTime() - now.getTime() > withinMs) return []
  const isOver = last.end < now
  return [
    {
      code: isOver ? 'MATERIAL_EXPIRED' : 'MATERIAL_EXPIRES',
      path,
      message: `${sort} ${quote(last.name)}: ${isOver ? 'ended' : 'ends'} ${formatTime(last.end)}, and nothing of its kind is there to follow it`,
    },
  ]
}
