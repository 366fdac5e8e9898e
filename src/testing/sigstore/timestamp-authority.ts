import { encodeDerSet } from '../../codec/der-writer.ts'
import { digestOf } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import { type CertificateId, certificateIdOf, issuerSerialOf } from '../../formats/timestamp/certificate-id.ts'
import type { TimestampHash } from '../../formats/timestamp/digest-algorithm.ts'
import { type TimestampIssuer, timestampHash } from '../../formats/timestamp/issue-timestamp.ts'
import type { SignerId } from '../../formats/timestamp/timestamp-token.ts'
import {
  encodeAttributes,
  encodeSignerInfo,
  encodeTimestampRefusal,
  encodeTimestampResponse,
  encodeTimestampToken,
  encodeTstInfo,
} from '../../formats/timestamp/timestamp-writer.ts'
import type { TimestampAuthority } from '../../formats/timestamp/verify-timestamp.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { extendedKeyUsageOid, extensionOid } from '../../formats/x509/certificate-extensions.ts'
import { signerAlgorithm } from '../../formats/x509/certificate-writer.ts'
import { encodeDistinguishedName } from '../../formats/x509/distinguished-name.ts'
import {
  basicConstraintsExtension,
  extendedKeyUsageExtension,
  keyUsageExtension,
  type NewExtension,
} from '../../formats/x509/extension-writer.ts'
import { createRoot, freshSigner, type TestKeyKind } from './certificate-authority.ts'

/** What is broken about the certificate that stamps, all else being as it should be. */
export type TimestampCertificateFlaw =
  | 'usage not critical'
  | 'no usage'
  | 'another usage'
  | 'one usage more'
  | 'certificate authority'
  | 'key not for signatures'

/** What is broken about a response, all else being as it should be. */
export type TimestampFlaw =
  | 'refused'
  | 'imprint of other bytes'
  | 'digest of other content'
  | 'no content type'
  | 'no message digest'
  | 'no signing certificate'
  | 'id of another certificate'
  | 'id of another issuer'
  | 'id of another serial number'
  | 'signer of another issuer'
  | 'signer of another serial number'
  | 'signed by another key' // which the certificate does not hold
  | 'signed over other attributes'
  | 'signed over the content'
  | 'two signers'

export type TimestampAuthorityOptions = {
  readonly name?: string // of its certificates
  readonly key?: TestKeyKind // P-256 unless told
  readonly hash?: TimestampHash // of its digests and signature; the key's default unless told
  readonly notBefore?: Date // of the certificate that stamps; 2020 unless told
  readonly notAfter?: Date // 2045 unless told
  readonly intermediate?: boolean // none unless told
  readonly flaw?: TimestampCertificateFlaw
}

export type StampOptions = {
  readonly time: Date
  readonly imprintHash?: TimestampHash // SHA-256 unless told
  readonly certificates?: readonly Certificate[] // that the response carries; none unless told
  readonly ids?: readonly (TimestampHash | 'sha1')[] // the hashes that name the certificate, all of one version; SHA-256 unless told
  readonly links?: readonly Certificate[] // named after the signer's certificate
  readonly signer?: SignerId['kind'] // by issuer and serial number unless told
  readonly nonce?: bigint
  readonly accuracyMicroseconds?: number
  readonly flaw?: TimestampFlaw
}

/** A timestamp authority in memory. */
export type TestTimestampAuthority = TimestampAuthority & {
  readonly certificate: Certificate // that it stamps with: the first of `chain`
  readonly issuers: TimestampAuthority['chain'] // the rest of it
  readonly signer: Signer
  /** Answers a request with a TimeStampResp, broken in the one way named. */
  readonly stamp: (bytes: Uint8Array, options: StampOptions) => Promise<Uint8Array>
}

const policy = '1.3.6.1.4.1.57264.2' // of Sigstore's own authority
const { timeStamping, codeSigning } = extendedKeyUsageOid

/** Sets up an authority with new keys. */
export async function testTimestampAuthority(options: TimestampAuthorityOptions = {}): Promise<TestTimestampAuthority> {
  const { name = 'timestamps.example', key = 'p256', hash, flaw } = options
  const named = (role: string) => [['CN', `${name}${role}`]] as const
  const root = await createRoot({ subject: named(' root') })
  const issuer = options.intermediate ? await root.issueIntermediate({ subject: named(' intermediate'), purposes: [timeStamping] }) : root
  const newSigner = () => freshSigner(key, hash)
  const signer = newSigner()
  const { certificate } = await issuer.issueLeaf({
    purpose: 'time-stamping',
    subject: named(''),
    key: signer,
    notBefore: options.notBefore ?? new Date('2020-01-01T00:00:00Z'),
    notAfter: options.notAfter ?? new Date('2045-01-01T00:00:00Z'),
    extensions: brokenExtensions(flaw),
    without: flaw === 'no usage' ? [extensionOid.extendedKeyUsage] : [],
  })
  const issuers = issuer.trusted as TimestampAuthority['chain']
  let serialNumber = 1n << 63n
  return {
    certificate,
    issuers,
    chain: [certificate, ...issuers],
    signer,
    stamp: (bytes, stamp) => answer(bytes, stamp, { certificate, signer }, serialNumber++, newSigner),
  }
}

function brokenExtensions(flaw: TimestampCertificateFlaw | undefined): readonly NewExtension[] {
  switch (flaw) {
    case undefined:
    case 'no usage':
      return []
    case 'usage not critical':
      return [extendedKeyUsageExtension([timeStamping], false)]
    case 'another usage':
      return [extendedKeyUsageExtension([codeSigning], true)]
    case 'one usage more':
      return [extendedKeyUsageExtension([timeStamping, codeSigning], true)]
    case 'certificate authority':
      return [basicConstraintsExtension(true)]
    case 'key not for signatures':
      return [keyUsageExtension(['key-agreement'])]
    default:
      throw new TypeError(`unhandled flaw ${flaw satisfies never}`)
  }
}

async function answer(
  bytes: Uint8Array,
  options: StampOptions,
  { certificate, signer }: TimestampIssuer,
  serialNumber: bigint,
  newSigner: () => Signer,
): Promise<Uint8Array> {
  const { time, imprintHash = 'sha256', nonce, accuracyMicroseconds = 1_000_000, flaw } = options
  if (flaw === 'refused') return encodeTimestampRefusal('Error generating timestamp response')
  const imprint = {
    hash: imprintHash,
    digest: digestOf(imprintHash, flaw === 'imprint of other bytes' ? Uint8Array.of(...bytes, 0) : bytes),
  }
  const content = encodeTstInfo({ policy, imprint, serialNumber, time, accuracyMicroseconds, ordering: false, nonce })
  const hash = timestampHash(signer)
  const attributes = attributesOf(content, hash, options, certificate)
  const key = flaw === 'signed by another key' ? newSigner() : signer
  const signerInfo = encodeSignerInfo({
    signer: signerIdOf(options, certificate),
    hash,
    attributes,
    signatureAlgorithm: signerAlgorithm(signer),
    signature: await key.sign(signedBytesOf(content, attributes, flaw)),
  })
  return encodeTimestampResponse(
    encodeTimestampToken({
      content,
      hash,
      certificates: (options.certificates ?? []).map(({ der }) => der),
      signerInfos: flaw === 'two signers' ? [signerInfo, signerInfo] : [signerInfo],
    }),
  )
}

function attributesOf(
  content: Uint8Array,
  hash: TimestampHash,
  { time, ids = ['sha256'], links = [], flaw }: StampOptions,
  certificate: Certificate,
): readonly Uint8Array[] {
  const messageDigest = digestOf(hash, flaw === 'digest of other content' ? Uint8Array.of(...content, 0) : content)
  const signingCertificates = ids.map(
    idHash => [brokenId(certificateIdOf(certificate, idHash), flaw), ...links.map(link => certificateIdOf(link, idHash))] as const,
  )
  const [contentType, signingTime, digest, ...certificates] = encodeAttributes({ messageDigest, signingTime: time, signingCertificates })
  return [
    ...(flaw === 'no content type' ? [] : [contentType!]),
    signingTime!,
    ...(flaw === 'no message digest' ? [] : [digest!]),
    ...(flaw === 'no signing certificate' ? [] : certificates),
  ]
}

function brokenId(id: CertificateId, flaw: TimestampFlaw | undefined): CertificateId {
  const { digest, issuerSerial } = id
  if (flaw === 'id of another certificate') return { ...id, digest: digest.map(octet => octet ^ 1) }
  if (flaw === 'id of another issuer') return { ...id, issuerSerial: { ...issuerSerial!, issuer: anotherName } }
  if (flaw === 'id of another serial number')
    return { ...id, issuerSerial: { ...issuerSerial!, serialNumber: issuerSerial!.serialNumber + 1n } }
  return id
}

const anotherName = encodeDistinguishedName([['CN', 'somebody else']])

function signerIdOf({ signer = 'issuer-serial', flaw }: StampOptions, certificate: Certificate): SignerId {
  if (signer === 'subject-key-id') return { kind: signer, keyId: certificate.subjectKeyId! }
  const { issuer, serialNumber } = issuerSerialOf(certificate)
  return {
    kind: signer,
    issuerSerial: {
      issuer: flaw === 'signer of another issuer' ? anotherName : issuer,
      serialNumber: flaw === 'signer of another serial number' ? serialNumber + 1n : serialNumber,
    },
  }
}

function signedBytesOf(content: Uint8Array, attributes: readonly Uint8Array[], flaw: TimestampFlaw | undefined): Uint8Array {
  if (flaw === 'signed over the content') return content
  return encodeDerSet(...(flaw === 'signed over other attributes' ? attributes.slice(1) : attributes))
}
