import { CountersignError } from '../../codec/error.ts'
import { encodeHexNumber } from '../../codec/hex.ts'
import { quote } from '../../codec/text.ts'
import { type Certificate, isSelfIssued } from './certificate.ts'
import { extendedKeyUsageOid, extensionOid } from './certificate-extensions.ts'
import { checkNames, readNameConstraints } from './name-constraints.ts'

/** What a leaf must be allowed to do. */
export type CertificatePurpose = 'code-signing' | 'time-stamping'

const usageOf = { 'code-signing': extendedKeyUsageOid.codeSigning, 'time-stamping': extendedKeyUsageOid.timeStamping } as const

/**
 * Extensions that may be critical because this project acts on them. Policies are among them: whoever asks for none accepts any
 * (RFC 5280 §6.1.1 c and e), but constraints and mappings of policies are not, nor is the poison of precertificates.
 */
const understood: ReadonlySet<string> = new Set([
  extensionOid.basicConstraints,
  extensionOid.keyUsage,
  extensionOid.extendedKeyUsage,
  extensionOid.subjectAlternativeNames,
  extensionOid.subjectKeyId,
  extensionOid.authorityKeyId,
  extensionOid.nameConstraints,
  extensionOid.certificatePolicies,
])

/** A certificate as messages name it. */
export function describeCertificate(certificate: Certificate): string {
  const { subject, serialNumber } = certificate
  if (subject.text !== '') return `certificate ${quote(subject.text)}`
  const [first] = certificate.subjectAlternativeNames
  return first && 'value' in first
    ? `certificate for ${quote(first.value)}`
    : `certificate with serial number ${encodeHexNumber(serialNumber)}`
}

/**
 * Demands that a leaf may be used for a purpose.
 *
 * Code signing: key usage digitalSignature and extended key usage codeSigning, both stated, as Fulcio's profile has them. Time stamping:
 * extended key usage critical and timeStamping alone (RFC 3161 §2.3); key usage, where stated, digitalSignature or contentCommitment.
 * Neither is an authority. A purpose "any" is not taken for these.
 *
 * @throws CountersignError `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_MALFORMED`
 */
export function checkLeaf(leaf: Certificate, purpose: CertificatePurpose): void {
  checkExtensions(leaf)
  const { keyUsage, extendedKeyUsage = [] } = leaf
  if (leaf.version !== 3) throw untrusted(leaf, `want a leaf of version 3, got version ${leaf.version}`)
  if (leaf.basicConstraints?.isCa) throw untrusted(leaf, 'want a leaf, got a certificate authority')
  switch (purpose) {
    case 'code-signing':
      if (!keyUsage?.has('digital-signature')) throw untrusted(leaf, 'its key usage does not allow digital signatures')
      if (!extendedKeyUsage.includes(usageOf[purpose])) throw untrusted(leaf, `its extended key usage does not allow code signing`)
      return
    case 'time-stamping':
      if (keyUsage && !keyUsage.has('digital-signature') && !keyUsage.has('content-commitment'))
        throw untrusted(leaf, 'its key usage does not allow digital signatures')
      if (extendedKeyUsage.length !== 1 || extendedKeyUsage[0] !== usageOf[purpose])
        throw untrusted(leaf, 'want extended key usage for time stamping and nothing else')
      if (!leaf.extensions.get(extensionOid.extendedKeyUsage)?.critical) throw untrusted(leaf, 'its extended key usage is not critical')
      return
    default:
      throw new TypeError(`unhandled purpose ${purpose satisfies never}`)
  }
}

/**
 * Demands that a certificate may sign others: an authority by its basic constraints, and by its key usage where it states one. A root of
 * version 1 has no way to say so; being in the store says it.
 *
 * @throws CountersignError `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_MALFORMED`
 * @see RFC 5280 §6.1.4 (k) and (n)
 */
export function checkAuthority(authority: Certificate, role: 'root' | 'intermediate'): void {
  checkExtensions(authority)
  const isOldRoot = role === 'root' && authority.version === 1
  if (!isOldRoot && !authority.basicConstraints?.isCa) throw untrusted(authority, 'is no certificate authority')
  if (authority.keyUsage && !authority.keyUsage.has('certificate-sign'))
    throw untrusted(authority, 'its key usage does not allow signing certificates')
}

/** RFC 5280 §6.1.4 (o), §6.1.5 (f). */
function checkExtensions(certificate: Certificate): void {
  for (const [oid, { critical }] of certificate.extensions)
    if (critical && !understood.has(oid)) throw untrusted(certificate, `unknown critical extension ${oid}`)
}

/**
 * Demands what only a whole path shows: room for as many intermediates, purposes that nest, names within constraints.
 *
 * Extended key usage restricts what is below it, as Go's crypto/x509 and browsers have it: an authority that states some must state the
 * leaf's, or "any". Roots restrict too, although RFC 5280 §6.1 takes nothing but name and key from an anchor; the same goes for their path
 * length and name constraints. Certificates issued to oneself do not count as intermediates (RFC 5280 §4.2.1.9); Go counts them.
 *
 * @param path - leaf first, root last
 * @throws CountersignError `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_MALFORMED`
 */
export function checkWholePath(path: readonly Certificate[], purpose: CertificatePurpose): void {
  const authorities = path.slice(1)
  authorities.forEach((authority, at) => {
    const below = authorities.slice(0, at).filter(certificate => !isSelfIssued(certificate)).length
    const room = authority.basicConstraints?.pathLength
    if (room !== undefined && below > room) throw untrusted(authority, `allows ${room} intermediate certificates below it, got ${below}`)
    const usages = authority.extendedKeyUsage
    if (usages && !usages.includes(usageOf[purpose]) && !usages.includes(extendedKeyUsageOid.any))
      throw untrusted(authority, `its extended key usage does not allow ${purpose} below it`)
    checkNamesBelow(authority, path.slice(0, at + 1))
  })
}

/** RFC 5280 §6.1.3 (b) and (c): authorities issued to themselves are passed over, a leaf never is. */
function checkNamesBelow(authority: Certificate, below: readonly Certificate[]): void {
  const constraints = readNameConstraints(authority)
  if (!constraints) return
  for (const [depth, certificate] of below.entries())
    if (depth === 0 || !isSelfIssued(certificate))
      try {
        checkNames(certificate, constraints)
      } catch (cause) {
        if (!(cause instanceof CountersignError) || cause.code !== 'CERTIFICATE_UNTRUSTED') throw cause
        throw untrusted(authority, `does not allow names of ${describeCertificate(certificate)}: ${cause.message}`, cause)
      }
}

function untrusted(certificate: Certificate, problem: string, cause?: CountersignError): CountersignError {
  return new CountersignError('CERTIFICATE_UNTRUSTED', `${describeCertificate(certificate)}: ${problem}`, cause && { cause })
}
