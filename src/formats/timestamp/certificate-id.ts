import { bytesEqual } from '../../codec/bytes.ts'
import { contextTag, type DerReader, derTag } from '../../codec/der.ts'
import { encodeDer, encodeDerInteger, encodeDerOctetString, encodeDerSequence } from '../../codec/der-writer.ts'
import { digestOf, hashLength } from '../../crypto/digest.ts'
import type { Certificate } from '../x509/certificate.ts'
import { encodeDigestAlgorithm, readDigestAlgorithm, type TimestampHash } from './digest-algorithm.ts'
import { sha1 } from './sha1.ts'

/** Which certificate a signing-certificate attribute means: an ESSCertID, whose hash is SHA-1, or an ESSCertIDv2. Source: RFC 5035 §4. */
export type CertificateId = {
  readonly hash: TimestampHash | 'sha1'
  readonly digest: Uint8Array // of the certificate's DER
  readonly issuerSerial: IssuerSerial | undefined
}

/** A certificate by its issuer's name and its number. */
export type IssuerSerial = {
  readonly issuer: Uint8Array // DER of the Name
  readonly serialNumber: bigint
}

/** Certificate, its issuers below the root, and room for what else is named. */
const maxCertificates = 16

/**
 * Reads a SigningCertificate (version 1) or SigningCertificateV2: the signer's certificate first.
 *
 * When others follow, they limit which certificates a path may pass through. Certificate policies, which may follow too, are refused: this
 * project does not process them, and leaving them out would widen what the signer meant.
 *
 * @throws CountersignError the reader's code
 * @see RFC 2634 §5.4, RFC 5035 §3
 */
export function readSigningCertificate(der: DerReader, version: 1 | 2): readonly [CertificateId, ...CertificateId[]] {
  return der.sequence(attribute => {
    const ids: CertificateId[] = []
    attribute.sequence(certificates => {
      while (certificates.next !== undefined) {
        if (ids.length === maxCertificates) throw der.malformed(`signing certificate: more than ${maxCertificates} are named`)
        ids.push(certificates.sequence(id => readCertificateId(id, version)))
      }
    })
    if (attribute.next === derTag.sequence) throw der.malformed('signing certificate: policies are named, which are not processed')
    const [signer, ...others] = ids
    if (!signer) throw der.malformed('signing certificate: none is named')
    return [signer, ...others]
  })
}

function readCertificateId(der: DerReader, version: 1 | 2): CertificateId {
  const hash = version === 1 ? 'sha1' : der.next === derTag.sequence ? readDigestAlgorithm(der) : 'sha256' // the default of version 2
  const digest = der.octetString()
  const length = hash === 'sha1' ? 20 : hashLength(hash)
  if (digest.length !== length) throw der.malformed(`signing certificate: want ${length} bytes of ${hash}, got ${digest.length}`)
  return { hash, digest, issuerSerial: der.next === derTag.sequence ? der.sequence(readGeneralIssuerSerial) : undefined }
}

/** IssuerSerial of RFC 5035 §4: the issuer is a GeneralNames that must hold one directory name. */
function readGeneralIssuerSerial(der: DerReader): IssuerSerial {
  const issuer = der.sequence(names => names.constructed(contextTag(4, 'constructed'), readName))
  return { issuer, serialNumber: der.integer() }
}

/** Reads an IssuerAndSerialNumber. @throws CountersignError the reader's code. @see RFC 5652 §10.2.4 */
export function readIssuerAndSerialNumber(der: DerReader): IssuerSerial {
  return der.sequence(id => ({ issuer: readName(id), serialNumber: id.integer() }))
}

function readName(der: DerReader): Uint8Array {
  const { tag, bytes } = der.any()
  if (tag !== derTag.sequence) throw der.malformed('issuer: want a distinguished name')
  return bytes
}

/** Whether a certificate has this issuer and number. Names are compared byte for byte, as certificate paths chain them. */
export function isIssuerSerialOf({ issuer, serialNumber }: IssuerSerial, certificate: Certificate): boolean {
  return serialNumber === certificate.serialNumber && bytesEqual(issuer, certificate.issuer.der)
}

/** Whether an id means this certificate: its hash, and its issuer and number where they are given. */
export function isIdOf({ hash, digest, issuerSerial }: CertificateId, certificate: Certificate): boolean {
  return bytesEqual(digest, fingerprint(hash, certificate)) && (!issuerSerial || isIssuerSerialOf(issuerSerial, certificate))
}

function fingerprint(hash: CertificateId['hash'], { der, fingerprint }: Certificate): Uint8Array {
  if (hash === 'sha256') return fingerprint
  return hash === 'sha1' ? sha1(der) : digestOf(hash, der)
}

/** The id of a certificate, with issuer and number. */
export function certificateIdOf(certificate: Certificate, hash: CertificateId['hash']): CertificateId {
  return { hash, digest: fingerprint(hash, certificate), issuerSerial: issuerSerialOf(certificate) }
}

/** Issuer and number of a certificate. */
export function issuerSerialOf({ issuer, serialNumber }: Certificate): IssuerSerial {
  return { issuer: issuer.der, serialNumber }
}

/** SigningCertificate or SigningCertificateV2, whichever the hashes ask for; SHA-256 is left out as version 2's default. */
export function encodeSigningCertificate(ids: readonly CertificateId[]): Uint8Array {
  return encodeDerSequence(encodeDerSequence(...ids.map(encodeCertificateId)))
}

function encodeCertificateId({ hash, digest, issuerSerial }: CertificateId): Uint8Array {
  return encodeDerSequence(
    ...(hash === 'sha1' || hash === 'sha256' ? [] : [encodeDigestAlgorithm(hash)]),
    encodeDerOctetString(digest),
    ...(issuerSerial
      ? [
          encodeDerSequence(
            encodeDerSequence(encodeDer(contextTag(4, 'constructed'), issuerSerial.issuer)),
            encodeDerInteger(issuerSerial.serialNumber),
          ),
        ]
      : []),
  )
}

/** IssuerAndSerialNumber, RFC 5652 §10.2.4. */
export function encodeIssuerAndSerialNumber({ issuer, serialNumber }: IssuerSerial): Uint8Array {
  return encodeDerSequence(issuer, encodeDerInteger(serialNumber))
}
