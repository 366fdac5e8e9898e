import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { embeddedScts, parseDetachedSct, type VerifiedSct, verifySct } from '../formats/x509/sct.ts'
import type { TransparencyLog } from '../trust/transparency-log.ts'
import { isWithin } from '../trust/validity.ts'
import type { TrustedCertificate } from './certificate.ts'
import type { Found } from './derivation.ts'
import type { Evidence } from './evidence.ts'
import type { Trust } from './policy.ts'
import { describeLog } from './transparency-log.ts'

/**
 * Step `sct`: a trusted certificate transparency log has seen the certificate, by a timestamp embedded in it or detached beside it. One
 * that no trusted log made is passed over, one of a trusted log that does not verify refuses the certificate.
 *
 * @throws CountersignError `SCT_INVALID`, `SCT_MALFORMED`
 * @see RFC 6962 §3.2; formats-and-flows §5.2 step 5
 */
export async function checkCertificateLogged(
  { leaf, path }: TrustedCertificate,
  { certificateTimestamp }: Evidence,
  { ctLogs = [] }: Trust,
): Promise<Found<readonly VerifiedSct[]>> {
  const detached = certificateTimestamp ? [parseDetachedSct(certificateTimestamp, 'certificate timestamp')] : []
  const scts = [...embeddedScts(leaf), ...detached]
  const verified: { readonly sct: VerifiedSct; readonly log: TransparencyLog }[] = []
  const reasons: string[] = []
  for (const sct of scts) {
    const logs = ctLogs.filter(({ logId }) => bytesEqual(logId, sct.logId))
    const log = logs.find(({ validFor }) => isWithin(validFor, sct.time))
    if (log) verified.push({ sct: await verifySct(sct, leaf, path[1]!, log), log })
    else
      reasons.push(
        `log ${encodeHex(sct.logId).slice(0, 16)}… ${logs.length > 0 ? `was not trusted at ${sct.time.toISOString()}` : 'is not trusted'}`,
      )
  }
  if (verified.length === 0)
    throw new CountersignError(
      'SCT_INVALID',
      `only able to verify 0 SCT entries; unable to meet threshold of 1: ${reasons.join('; ') || 'the certificate brings none along'}`,
    )
  return {
    value: verified.map(({ sct }) => sct),
    found: () => verified.map(({ sct, log }) => `${describeLog(log)} at ${sct.time.toISOString()}`).join('; '),
  }
}
