import type { Certificate } from '../../formats/x509/certificate.ts'
import type { RoleStanding } from '../tuf/tuf-repository.ts'
import type { Measure } from './events.ts'

const dayMs = 86_400_000

/** What is known of a stack whenever its metrics are asked for. */
export type Measured = {
  readonly authority: readonly Certificate[]
  readonly timestamps: readonly Certificate[]
  readonly roles: readonly RoleStanding[]
  readonly isReady: boolean
}

/**
 * For how many days the stack's authorities and its TUF repository are good, and whether it is ready. Of a chain the certificate counts that
 * expires first, as upstream has it; days past are negative.
 *
 * @see services.md §5, §7 and §11
 */
export function measuresOf({ authority, timestamps, roles, isReady }: Measured, now: Date): readonly Measure[] {
  const daysLeft = (...ends: readonly Date[]) => (Math.min(...ends.map(end => end.getTime())) - now.getTime()) / dayMs
  const daysOf = (chain: readonly Certificate[]) => daysLeft(...chain.map(({ notAfter }) => notAfter))
  return [
    { metric: 'fulcio_certificate_valid_days_remaining', value: daysOf(authority) },
    { metric: 'timestamp_authority_certificate_valid_days_remaining', value: daysOf(timestamps) },
    ...roles.map(({ role, expires }) => ({ metric: 'tuf_role_valid_days_remaining', value: daysLeft(expires), labels: { role } })),
    { metric: 'stack_ready', value: Number(isReady) },
  ]
}

/** Services that say, each by a gauge that is always 1, which version of them runs. services.md §1.5, §3.3, §4.1 and §5 */
const builtServices = ['fulcio', 'rekor', 'rekor_v2', 'timestamp_authority'] as const

/** What runs, by the names that upstream's services have for it. */
export function buildMeasures(build: {
  readonly version: string
  readonly revision: string
  readonly build_date: string
}): readonly Measure[] {
  return builtServices.map(service => ({ metric: `${service}_build_info`, value: 1, labels: build }))
}
