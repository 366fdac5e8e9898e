import type { World } from '../../codec/world.ts'
import type { Signer } from '../../crypto/signer.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { extendedKeyUsageOid } from '../../formats/x509/certificate-extensions.ts'
import { issueCertificate, keyIdentifierOf } from '../../formats/x509/certificate-writer.ts'
import { encodeDistinguishedName } from '../../formats/x509/distinguished-name.ts'
import {
  authorityKeyIdExtension,
  basicConstraintsExtension,
  extendedKeyUsageExtension,
  keyUsageExtension,
  type NewExtension,
  subjectKeyIdExtension,
} from '../../formats/x509/extension-writer.ts'

const day = 86_400_000
const rootDays = 3653
const issuerDays = 1826 // of whatever a root certifies, unless the root expires before

/** Common names; the organization is who runs the stack. */
export const certificateNames = {
  root: 'Sigstore root',
  intermediate: 'Sigstore intermediate',
  timestampRoot: 'timestamp root',
  timestamps: 'timestamp authority',
} as const

/** A certificate for `subject`'s key, by `issuer`. */
type Request = {
  readonly name: string
  readonly organization: string
  readonly subject: Signer
  readonly issuer: { readonly signer: Signer; readonly certificate: Certificate } | undefined // itself where there is none
  readonly days: number
  readonly extensions: readonly NewExtension[]
}

/** What a stack's certificates are made of: who runs it, when, and the keys. */
export type Ceremony = Pick<World, 'now' | 'randomBytes'> & { readonly operator: string }

/**
 * The chain of a certificate authority: intermediate first, root last. The root signs nothing but intermediates, so its key can be kept
 * away; the intermediate issues code-signing certificates alone.
 *
 * @see services §1.5
 */
export async function createAuthorityChain(
  ceremony: Ceremony,
  root: Signer,
  intermediate: Signer,
): Promise<readonly [Certificate, Certificate]> {
  const rootCertificate = await createRoot(ceremony, certificateNames.root, root, 1)
  return [await createIntermediate(ceremony, root, rootCertificate, intermediate), rootCertificate]
}

/** The certificate of an authority for code signing alone, by a root that is there. It does not outlive the root. @see services §1.5 */
export function createIntermediate(
  ceremony: Ceremony,
  root: Signer,
  rootCertificate: Certificate,
  intermediate: Signer,
): Promise<Certificate> {
  const extensions = [
    keyUsageExtension(['certificate-sign', 'crl-sign']),
    extendedKeyUsageExtension([extendedKeyUsageOid.codeSigning]),
    basicConstraintsExtension(true, 0),
  ]
  return certify(ceremony, certificateNames.intermediate, intermediate, { root, rootCertificate }, extensions)
}

/** The chain of a timestamp authority: the certificate that stamps first, root last. @see services §5, RFC 3161 §2.3 */
export async function createTimestampChain(
  ceremony: Ceremony,
  root: Signer,
  stamper: Signer,
): Promise<readonly [Certificate, Certificate]> {
  const rootCertificate = await createRoot(ceremony, certificateNames.timestampRoot, root, 0)
  const extensions = [keyUsageExtension(['digital-signature']), extendedKeyUsageExtension([extendedKeyUsageOid.timeStamping], true)]
  return [await certify(ceremony, certificateNames.timestamps, stamper, { root, rootCertificate }, extensions), rootCertificate]
}

function createRoot({ operator, ...world }: Ceremony, name: string, subject: Signer, pathLength: number): Promise<Certificate> {
  const extensions = [keyUsageExtension(['certificate-sign', 'crl-sign']), basicConstraintsExtension(true, pathLength)]
  return issue(world, { name, organization: operator, subject, issuer: undefined, days: rootDays, extensions })
}

function certify(
  { operator, ...world }: Ceremony,
  name: string,
  subject: Signer,
  { root, rootCertificate }: { readonly root: Signer; readonly rootCertificate: Certificate },
  extensions: readonly NewExtension[],
): Promise<Certificate> {
  const issuer = { signer: root, certificate: rootCertificate }
  return issue(world, { name, organization: operator, subject, issuer, days: issuerDays, extensions })
}

async function issue({ now, randomBytes }: Pick<World, 'now' | 'randomBytes'>, request: Request): Promise<Certificate> {
  const { name, organization, subject, issuer, days, extensions } = request
  const own = encodeDistinguishedName([
    ['O', organization],
    ['CN', name],
  ])
  const signer = issuer?.signer ?? subject
  const der = await issueCertificate(
    {
      serialNumber: serialNumberOf(randomBytes(16)),
      issuer: issuer?.certificate.subject.der ?? own,
      notBefore: now(),
      notAfter: new Date(Math.min(now().getTime() + days * day, issuer?.certificate.notAfter.getTime() ?? Number.POSITIVE_INFINITY)),
      subject: own,
      spki: subject.publicKey.spki,
      extensions: [
        ...extensions,
        subjectKeyIdExtension(keyIdentifierOf(subject.publicKey.spki)),
        ...(issuer ? [authorityKeyIdExtension(keyIdentifierOf(signer.publicKey.spki))] : []),
      ],
    },
    signer,
  )
  return parseCertificate(der, name)
}

/** Positive, and of 127 random bits. */
function serialNumberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n) >> 1n || 1n
}
