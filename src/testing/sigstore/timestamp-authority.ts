import { generateKeyPairSync } from 'node:crypto'
import { encodeDerSet } from '../../codec/der-writer.ts'
import { digestOf } from '../../crypto/digest.ts'
import { type Signer, type SignerOptions, signerFromPkcs8 } from '../../crypto/signer.ts'
import { type CertificateId, certificateIdOf, issuerSerialOf } from '../../formats/timestamp/certificate-id.ts'
import type { TimestampHash } from '../../formats/timestamp/digest-algorithm.ts'
import { timestampHash } from '../../formats/timestamp/issue-timestamp.ts'
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
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { extendedKeyUsageOid } from '../../formats/x509/certificate-extensions.ts'
import { issueCertificate, keyIdentifierOf, signerAlgorithm } from '../../formats/x509/certificate-writer.ts'
import { encodeDistinguishedName } from '../../formats/x509/distinguished-name.ts'
import {
  basicConstraintsExtension,
  extendedKeyUsageExtension,
  keyUsageExtension,
  type NewExtension,
  subjectKeyIdExtension,
} from '../../formats/x509/extension-writer.ts'

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
  readonly key?: TestTimestampKey // P-256 unless told
  readonly hash?: TimestampHash // of its digests and signature; the key's default unless told
  readonly notBefore?: Date // of the certificate that stamps; 2020 unless told, and its issuers' in any case
  readonly notAfter?: Date // 2050 unless told
  readonly intermediate?: boolean // none unless told
  readonly flaw?: TimestampCertificateFlaw
}

export type TestTimestampKey = 'p256' | 'p384' | 'p521' | 'rsa' | 'ed25519'

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
const farPast = new Date('2020-01-01T00:00:00Z')
const farFuture = new Date('2049-12-31T23:59:59Z')

/** Sets up an authority with new keys. */
export async function testTimestampAuthority(options: TimestampAuthorityOptions = {}): Promise<TestTimestampAuthority> {
  const { name = 'timestamps.example', intermediate = false, notBefore = farPast, notAfter = farFuture } = options
  const serialNumbers = countFrom(1n)
  const root = await issue({ name: `${name} root`, signer: testSigner('p256'), extensions: authorityExtensions }, serialNumbers)
  const link = intermediate
    ? await issue(
        { name: `${name} intermediate`, signer: testSigner('p256'), extensions: authorityExtensions, issuer: root },
        serialNumbers,
      )
    : undefined
  const newSigner = () => testSigner(options.key ?? 'p256', options.hash && { hash: options.hash })
  const signer = newSigner()
  const leaf = await issue(
    { name, signer, extensions: leafExtensions(signer, options.flaw), issuer: link ?? root, notBefore, notAfter },
    serialNumbers,
  )
  const issuers = link ? ([link.certificate, root.certificate] as const) : ([root.certificate] as const)
  const chain = [leaf.certificate, ...issuers] as const
  const stamps = countFrom(1n << 63n)
  return {
    certificate: leaf.certificate,
    issuers,
    chain,
    signer,
    stamp: (bytes, stamp) => answer(bytes, stamp, leaf, stamps.next().value, newSigner),
  }
}

/** A signer with a new key. */
export function testSigner(key: TestTimestampKey, options?: SignerOptions): Signer {
  const { privateKey } = generate(key)
  return signerFromPkcs8(Uint8Array.from(privateKey.export({ format: 'der', type: 'pkcs8' })), 'test key', options)
}

function generate(key: TestTimestampKey) {
  switch (key) {
    case 'p256':
    case 'p384':
    case 'p521':
      return generateKeyPairSync('ec', { namedCurve: key.replace('p', 'P-') })
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
    case 'ed25519':
      return generateKeyPairSync('ed25519')
    default:
      throw new TypeError(`unhandled key ${key satisfies never}`)
  }
}

function* countFrom(first: bigint): Generator<bigint, never> {
  for (let number = first; ; number++) yield number
}

type Party = { readonly certificate: Certificate; readonly signer: Signer }

type NewParty = {
  readonly name: string
  readonly signer: Signer
  readonly extensions: readonly NewExtension[]
  readonly issuer?: Party // itself unless told
  readonly notBefore?: Date
  readonly notAfter?: Date
}

async function issue(party: NewParty, serialNumbers: Iterator<bigint, never>): Promise<Party> {
  const { name, signer, extensions, issuer, notBefore = farPast, notAfter = farFuture } = party
  const subject = encodeDistinguishedName([['CN', name]])
  const der = await issueCertificate(
    {
      serialNumber: serialNumbers.next().value,
      issuer: issuer?.certificate.subject.der ?? subject,
      notBefore,
      notAfter,
      subject,
      spki: signer.publicKey.spki,
      extensions,
    },
    issuer?.signer ?? signer,
  )
  return { certificate: parseCertificate(der, name), signer }
}

const authorityExtensions = [basicConstraintsExtension(true), keyUsageExtension(['certificate-sign'])]

function leafExtensions({ publicKey }: Signer, flaw: TimestampCertificateFlaw | undefined): readonly NewExtension[] {
  const { timeStamping, codeSigning } = extendedKeyUsageOid
  const usages = flaw === 'another usage' ? [codeSigning] : flaw === 'one usage more' ? [timeStamping, codeSigning] : [timeStamping]
  return [
    basicConstraintsExtension(flaw === 'certificate authority'),
    keyUsageExtension([flaw === 'key not for signatures' ? 'key-agreement' : 'digital-signature']),
    ...(flaw === 'no usage' ? [] : [extendedKeyUsageExtension(usages, flaw !== 'usage not critical')]),
    subjectKeyIdExtension(keyIdentifierOf(publicKey.spki)),
  ]
}

async function answer(
  bytes: Uint8Array,
  options: StampOptions,
  { certificate, signer }: Party,
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
