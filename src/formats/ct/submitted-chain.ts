import type { Branded } from '../../codec/branded.ts'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError, firstToHold } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { quote } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { extensionOid } from '../x509/certificate-extensions.ts'
import { signatureChecks, verifyCertificateSignature } from '../x509/certificate-signature.ts'
import { checkAuthority, checkLeaf, checkWholePath, describeCertificate } from '../x509/path-rules.ts'
import { withoutExtension } from '../x509/precertificate.ts'
import type { SctSubject } from '../x509/sct.ts'

/** What a CT log may log: something that an accepted authority issued. Only `proveSubmittedChain` makes one. */
export type ProvenSubmission = Branded<
  {
    readonly subject: SctSubject
    readonly leaf: Certificate // as it was submitted
    readonly issuers: readonly [Certificate, ...Certificate[]] // who signed it first, an accepted root last
  },
  'ProvenSubmission'
>

/** Whose certificates a log takes, and when it is. */
export type AcceptedAuthorities = {
  readonly roots: readonly Certificate[]
  readonly now: Date
  /** Where signatures are checked; in this thread unless told. */
  readonly checkSignature?: typeof verifySignatureAs
}

/** Certificates of a submission at most. */
export const submittedChainLimit = 10
const precertificateSigning = '1.3.6.1.4.1.11129.2.4.4'

/**
 * Proves that a chain, as it is submitted to a log, leads from a certificate for code signing, or a precertificate of one, to an accepted root:
 * each signed by the next and allowed to, none expired. The root may be left out.
 *
 * A precertificate is poisoned, critically and with NULL, and a certificate is not. Stricter than public logs, which take what others would
 * refuse: this one is for one authority, whose mistakes should be seen before a certificate is out.
 *
 * @param chain - DER, the (pre)certificate first
 * @throws CountersignError `CERTIFICATE_MALFORMED`, `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_EXPIRED`; `MATERIAL_UNSUPPORTED` for one kind in place of
 *   the other; `LIMIT_EXCEEDED` past ten certificates
 * @see RFC 6962 §3.1
 */
export async function proveSubmittedChain(
  kind: SctSubject['entry'],
  chain: readonly Uint8Array[],
  { roots, now, checkSignature = verifySignatureAs }: AcceptedAuthorities,
): Promise<ProvenSubmission> {
  if (chain.length > submittedChainLimit)
    throw new CountersignError('LIMIT_EXCEEDED', `chain: want at most ${submittedChainLimit} certificates, got ${chain.length}`)
  const [leaf, ...above] = chain.map((der, at) => met.get(der) ?? parseCertificate(der, `chain[${at}]`))
  if (!leaf) throw new CountersignError('CERTIFICATE_MALFORMED', 'chain: want at least one certificate, got none')
  if (new Set([leaf, ...above].map(({ fingerprint }) => encodeHex(fingerprint))).size !== chain.length)
    throw untrusted('chain: want each certificate once')
  checkPoison(kind, leaf)
  const judged = kind === 'precertificate' ? withoutPoison(leaf) : leaf
  checkLeaf(judged, 'code-signing')
  const issuers = await proveIssuers(leaf, above, roots, checkSignature)
  if (issuers[0].extendedKeyUsage?.includes(precertificateSigning))
    throw untrusted(`${describeCertificate(issuers[0])}: want precertificates signed by their issuer, got one by an authority for them`)
  checkWholePath([judged, ...issuers], 'code-signing')
  for (const certificate of [leaf, ...issuers])
    if (now > certificate.notAfter)
      throw new CountersignError(
        'CERTIFICATE_EXPIRED',
        `${describeCertificate(certificate)}: expired at ${certificate.notAfter.toISOString()}, before ${now.toISOString()}`,
      )
  for (const issuer of issuers) met.remember(issuer)
  const subject: SctSubject =
    kind === 'certificate' ? { entry: kind, der: leaf.der } : { entry: kind, tbs: judged.tbs, issuerKeyId: sha256(issuers[0].spki) }
  return { subject, leaf, issuers } as ProvenSubmission
}

/** Authorities that chains were proven with: they come with each submission, and are read, and their keys imported, once. */
const met = {
  limit: 64,
  byDigest: new Map<string, Certificate>(),
  get: (der: Uint8Array): Certificate | undefined => met.byDigest.get(encodeHex(sha256(der))),
  remember: (issuer: Certificate): void => {
    const digest = encodeHex(issuer.fingerprint)
    if (met.byDigest.has(digest)) return
    met.byDigest.set(digest, issuer)
    const [oldest] = met.byDigest.keys()
    if (met.byDigest.size > met.limit && oldest !== undefined) met.byDigest.delete(oldest)
  },
}

/** RFC 6962 §3.1: critical, and its value is NULL. A list of timestamps is not for precertificates: it would be in what is signed. */
function checkPoison(kind: SctSubject['entry'], { extensions }: Certificate): void {
  const poison = extensions.get(extensionOid.precertificatePoison)
  if (kind === 'certificate') {
    if (poison) throw new CountersignError('MATERIAL_UNSUPPORTED', 'chain[0]: want a certificate, got a precertificate')
    return
  }
  if (!poison) throw new CountersignError('MATERIAL_UNSUPPORTED', 'chain[0]: want a precertificate, got a certificate without poison')
  if (!poison.critical || !bytesEqual(poison.value, derNull))
    throw new CountersignError('CERTIFICATE_MALFORMED', 'chain[0]: want the poison of a precertificate to be critical, and NULL')
  if (extensions.has(extensionOid.sctList))
    throw new CountersignError('CERTIFICATE_MALFORMED', 'chain[0]: want a precertificate without certificate timestamps')
}

const derNull = Uint8Array.of(0x05, 0x00)

/** What is judged of a precertificate: all that it says but its poison. Its bytes and its signature stay those of the poisoned one. */
function withoutPoison(leaf: Certificate): Certificate {
  const extensions = new Map(leaf.extensions)
  extensions.delete(extensionOid.precertificatePoison)
  const tbs = withoutExtension(leaf.tbs, extensionOid.precertificatePoison)
  return Object.create(leaf, { extensions: { value: extensions }, tbs: { value: tbs } }) as Certificate // what it reads late it reads once
}

/** Signatures among authorities that were submitted before. It holds facts about bytes, nothing that differs between logs. */
const shared = signatureChecks(256)

async function proveIssuers(
  leaf: Certificate,
  above: readonly Certificate[],
  roots: readonly Certificate[],
  check: typeof verifySignatureAs,
): Promise<readonly [Certificate, ...Certificate[]]> {
  let subject = leaf
  for (const [at, issuer] of above.entries()) {
    const isRoot = at === above.length - 1 && roots.some(root => bytesEqual(root.fingerprint, issuer.fingerprint))
    await proveIssuer(subject, issuer, isRoot ? 'root' : 'intermediate', subject !== leaf, check)
    subject = issuer
  }
  const [first, ...others] = above
  const last = others.at(-1) ?? first
  if (first && roots.some(root => bytesEqual(root.fingerprint, last!.fingerprint))) return [first, ...others]
  const candidates = roots.filter(root => bytesEqual(root.subject.der, subject.issuer.der))
  if (candidates.length === 0)
    throw untrusted(`${describeCertificate(subject)}: its issuer ${quote(subject.issuer.text)} is not accepted here`)
  const root = await firstToHold(candidates, async candidate => {
    await proveIssuer(subject, candidate, 'root', subject !== leaf, check)
    return candidate
  })
  return first ? [first, ...others, root] : [root]
}

async function proveIssuer(
  subject: Certificate,
  issuer: Certificate,
  role: 'root' | 'intermediate',
  isToBeRemembered: boolean, // a leaf is met once
  check: typeof verifySignatureAs,
): Promise<void> {
  if (!bytesEqual(subject.issuer.der, issuer.subject.der))
    throw untrusted(
      `${describeCertificate(subject)}: its issuer is ${quote(subject.issuer.text)}, and next in the chain is ${describeCertificate(issuer)}`,
    )
  checkAuthority(issuer, role)
  if (shared.isKnown(subject, issuer)) return
  try {
    await verifyCertificateSignature(subject, issuer, check)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError(
      'CERTIFICATE_UNTRUSTED',
      `${describeCertificate(subject)}: not signed by ${describeCertificate(issuer)}: ${cause.message}`,
      { cause },
    )
  }
  if (isToBeRemembered) shared.remember(subject, issuer)
}

function untrusted(problem: string): CountersignError {
  return new CountersignError('CERTIFICATE_UNTRUSTED', problem)
}
