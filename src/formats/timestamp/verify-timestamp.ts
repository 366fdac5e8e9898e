import type { Branded } from '../../codec/branded.ts'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError, firstToHold } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { digestOf } from '../../crypto/digest.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { type VerifiedScheme, verifySignatureAs } from '../../crypto/verify-signature.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type CertificatePath, checkPathValidAt, proveCertificatePaths } from '../x509/certificate-path.ts'
import { type SignatureChecks, signatureChecks } from '../x509/certificate-signature.ts'
import { isIdOf, isIssuerSerialOf } from './certificate-id.ts'
import type { SignerId, TimestampToken } from './timestamp-token.ts'

/** Whom a verifier trusts to say when. */
export type TimestampAuthority = {
  /** The root last. Where the first is no CA, it is the one certificate that the authority signs with; else tokens must bring theirs along. */
  readonly chain: readonly [Certificate, ...Certificate[]]
}

/** Certain bytes existed at a certain time, on the word of a trusted authority. Only `verifyTimestamp` makes one. */
export type VerifiedTimestamp = Branded<
  {
    readonly time: Date
    readonly authority: TimestampAuthority
    readonly signer: Certificate // the first of `path`
    readonly path: CertificatePath // was valid at `time`
    readonly serialNumber: bigint
    readonly policy: string
  },
  'VerifiedTimestamp'
>

/** Signatures on certificates that any token in this process came with. It holds facts about bytes, nothing that differs between callers. */
const shared = signatureChecks(256)

/**
 * Proves that a token is about these bytes and was made by this authority while its certificates were valid.
 *
 * One certificate is looked up, and that same object is what the signing-certificate attribute must mean, what the path is proven for and
 * whose key must have signed (GHSA-xm5m-wgh2-rrg3). Certificates that the token carries are candidates for the signer and for links of the
 * path; they add no trust. Revocation is not asked about: an authority that may no longer be believed leaves the trusted root.
 *
 * @param signedBytes - what was stamped: for a bundle the raw signature, formats-and-flows §4
 * @param checks - the process-wide memory unless told
 * @throws CountersignError `TIMESTAMP_INVALID` for a token about other bytes or with broken proofs, `CERTIFICATE_UNTRUSTED` for one by
 *   somebody else, `CERTIFICATE_EXPIRED` when no path was valid at its time
 * @see RFC 3161 §2.4.2, RFC 5816 §2.2.2, RFC 5652 §5.6, RFC 5035 §5
 */
export async function verifyTimestamp(
  token: TimestampToken,
  signedBytes: Uint8Array,
  authority: TimestampAuthority,
  checks: SignatureChecks = shared,
): Promise<VerifiedTimestamp> {
  const { info, attributes, algorithm, signature } = token
  checkMessageImprint(token, signedBytes)
  if (!bytesEqual(attributes.messageDigest, digestOf(token.hash, token.content)))
    throw invalid(`signed message digest is not the ${token.hash} of its content`)
  const signer = findSigner(token, authority)
  const path = await provePath(signer, token, authority, rememberingLeaves(checks))
  await checkSignature(signer, attributes.signedBytes, signature, algorithm.scheme)
  const { time, serialNumber, policy } = info
  return { time, authority, signer, path, serialNumber, policy } as VerifiedTimestamp
}

/**
 * Demands that a token is about these bytes. Whoever made it: that is for `verifyTimestamp` to say.
 *
 * @throws CountersignError `TIMESTAMP_INVALID`
 */
export function checkMessageImprint({ info: { imprint } }: TimestampToken, signedBytes: Uint8Array): void {
  if (!bytesEqual(imprint.digest, digestOf(imprint.hash, signedBytes)))
    throw invalid(`is of other bytes: their ${imprint.hash} is not its message imprint`)
}

/** The certificate that both the SignerInfo and the signing-certificate attribute mean, among those it may be. */
function findSigner({ signer, attributes, certificates }: TimestampToken, { chain }: TimestampAuthority): Certificate {
  const known = knownSigner(chain)
  const isMeant = (certificate: Certificate) => attributes.signingCertificates.every(([id]) => isIdOf(id, certificate))
  if (known && isNamed(signer, known) && !isMeant(known))
    throw invalid(`signer is named as ${describe(known)}, its signing-certificate attribute means another certificate`)
  if (known && isMeant(known) && !isNamed(signer, known))
    throw invalid(`signing-certificate attribute means ${describe(known)}, its signer is named otherwise`)
  const named = (known ? [known] : certificates).filter(certificate => isNamed(signer, certificate))
  const found = named.find(isMeant)
  if (found && found === known && certificates.length > 0 && !certificates.some(({ der }) => bytesEqual(der, found.der)))
    throw invalid(`carries certificates, and not that of its signer, ${describe(found)}`) // RFC 3161 §2.4.1: it must, if it carries any
  if (found) return found
  const [first] = named
  if (first) throw untrusted(`its signing-certificate attribute means another certificate than ${describe(first)}`)
  if (known) throw untrusted(`signed with another certificate than ${describe(known)} of the trusted authority`)
  if (certificates.length === 0) throw untrusted(`carries no certificate, and of the trusted authority only ${describe(chain[0])} is known`)
  throw untrusted('signed with none of the certificates it carries')
}

/** As sigstore-go reads chains of timestamp authorities: the certificate they sign with is given first, or not at all. */
function knownSigner(chain: TimestampAuthority['chain']): Certificate | undefined {
  return chain.length > 1 && !chain[0].basicConstraints?.isCa ? chain[0] : undefined
}

function isNamed(signer: SignerId, certificate: Certificate): boolean {
  switch (signer.kind) {
    case 'issuer-serial':
      return isIssuerSerialOf(signer.issuerSerial, certificate)
    case 'subject-key-id':
      return certificate.subjectKeyId !== undefined && bytesEqual(signer.keyId, certificate.subjectKeyId)
    default:
      throw new TypeError(`unhandled signer ${signer satisfies never}`)
  }
}

/** A path to the authority's root, by links that the signer allows, whose certificates were all valid when the token was made. */
async function provePath(
  signer: Certificate,
  { info: { time }, attributes, certificates }: TimestampToken,
  { chain }: TimestampAuthority,
  checks: SignatureChecks,
): Promise<CertificatePath> {
  const roots = chain.slice(-1)
  const intermediates = [...chain.slice(knownSigner(chain) ? 1 : 0, -1), ...certificates]
  const paths = await proveCertificatePaths(signer, { roots, intermediates }, 'time-stamping', checks)
  const allowed = paths.filter(path =>
    attributes.signingCertificates.every(
      ([, ...links]) => links.length === 0 || linksOf(path).every(link => links.some(id => isIdOf(id, link))),
    ),
  )
  if (allowed.length === 0)
    throw untrusted('the only way to the trusted root is by certificates its signing-certificate attribute leaves out')
  return await firstToHold(allowed, path => {
    checkPathValidAt(path, time)
    return path
  })
}

/** Leaves are remembered too: other than a signer's certificate, an authority's is met with every timestamp it makes. */
function rememberingLeaves(checks: SignatureChecks): SignatureChecks {
  return {
    ...checks,
    verify: async (subject, issuer) => {
      if (checks.isKnown(subject, issuer)) return
      await checks.verify(subject, issuer)
      checks.remember(subject, issuer)
    },
  }
}

/** What lies between the signer and the root, which are not for the attribute to limit. */
function linksOf(path: CertificatePath): readonly Certificate[] {
  return path.slice(1, -1)
}

async function checkSignature(signer: Certificate, message: Uint8Array, signature: Uint8Array, scheme: VerifiedScheme): Promise<void> {
  try {
    await verifySignatureAs(signer.publicKey, signature, messageOfBytes(message), scheme)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError('TIMESTAMP_INVALID', `timestamp: not signed by ${describe(signer)}: ${cause.message}`, { cause })
  }
}

function describe({ subject }: Certificate): string {
  return quote(subject.text)
}

function invalid(problem: string): CountersignError {
  return new CountersignError('TIMESTAMP_INVALID', `timestamp: ${problem}`)
}

function untrusted(problem: string): CountersignError {
  return new CountersignError('CERTIFICATE_UNTRUSTED', `timestamp: ${problem}`)
}
