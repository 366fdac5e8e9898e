import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { extendedKeyUsageOid } from '../../formats/x509/certificate-extensions.ts'
import { proveCertificatePaths } from '../../formats/x509/certificate-path.ts'
import { describeCertificate } from '../../formats/x509/path-rules.ts'

/** The certificate that signs timestamps first, then who vouches for it, the root last. */
export type AuthorityChain = readonly [leaf: Certificate, issuer: Certificate, ...above: Certificate[]]

/**
 * Demands that a chain is one that clients will accept timestamps of: two certificates at least, each signed by the next and allowed to; the
 * first of this key, no authority, for digital signatures, its extended key usage critical and time stamping alone; those between it and the
 * root for time stamping too. Validity is not looked at: that is asked each time that one is issued.
 *
 * @param unrestrictedIntermediates - lets intermediates pass that state no extended key usage
 * @throws CountersignError `CONFIGURATION_MALFORMED`, `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_MALFORMED`, `KEY_MISMATCH`
 * @see RFC 3161 §2.3, services §5
 */
export async function checkAuthorityChain(
  certificates: readonly Certificate[],
  key: PublicKey,
  unrestrictedIntermediates = false,
): Promise<AuthorityChain> {
  const [leaf, issuer, ...above] = certificates
  if (!leaf || !issuer) throw malformed(`want at least 2 certificates, got ${certificates.length}`)
  if (!bytesEqual(leaf.spki, key.spki))
    throw new CountersignError(
      'KEY_MISMATCH',
      `timestamp authority: ${describeCertificate(leaf)} is of another key than the one that signs`,
    )
  const paths = await proveCertificatePaths(
    leaf,
    { roots: certificates.slice(-1), intermediates: certificates.slice(1, -1) },
    'time-stamping',
  )
  if (!leaf.keyUsage?.has('digital-signature'))
    throw untrusted(`${describeCertificate(leaf)}: want key usage digital signature, which it does not state`)
  if (!paths.some(path => path.length === certificates.length && path.every((one, at) => bytesEqual(one.der, certificates[at]!.der))))
    throw malformed('want each certificate signed by the next, and none beside them')
  for (const intermediate of certificates.slice(1, -1))
    if (!unrestrictedIntermediates && !intermediate.extendedKeyUsage?.includes(extendedKeyUsageOid.timeStamping))
      throw untrusted(`${describeCertificate(intermediate)}: want extended key usage time stamping, which it does not state`)
  return [leaf, issuer, ...above]
}

function malformed(problem: string): CountersignError {
  return new CountersignError('CONFIGURATION_MALFORMED', `timestamp authority: chain: ${problem}`)
}

function untrusted(problem: string): CountersignError {
  return new CountersignError('CERTIFICATE_UNTRUSTED', problem)
}
