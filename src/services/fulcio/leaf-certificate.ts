import { createHash } from 'node:crypto'
import { type PublicKey, publicKeyOctets } from '../../crypto/public-key.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { extendedKeyUsageOid } from '../../formats/x509/certificate-extensions.ts'
import type { CertificateContents } from '../../formats/x509/certificate-writer.ts'
import { encodeDistinguishedName } from '../../formats/x509/distinguished-name.ts'
import {
  authorityKeyIdExtension,
  extendedKeyUsageExtension,
  fulcioExtensions,
  keyUsageExtension,
  subjectAlternativeNamesExtension,
  subjectKeyIdExtension,
} from '../../formats/x509/extension-writer.ts'
import type { Certified } from './principals/principal.ts'

const validForSeconds = 600

/**
 * What a certificate of a signer says, but for what a log says of it: valid for ten minutes from this second on, no subject, one alternative
 * name, which is critical.
 *
 * @param issuer - certificate of the authority
 * @see services.md §1.5
 */
export function leafContents(
  issuer: Certificate,
  certified: Certified,
  key: PublicKey,
  now: Date,
  serialNumber: bigint,
): CertificateContents {
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000)
  return {
    serialNumber,
    issuer: issuer.subject.der,
    notBefore,
    notAfter: new Date(notBefore.getTime() + validForSeconds * 1000),
    subject: encodeDistinguishedName([]),
    spki: key.spki,
    extensions: [
      keyUsageExtension(['digital-signature']),
      extendedKeyUsageExtension([extendedKeyUsageOid.codeSigning]),
      subjectKeyIdExtension(sha1KeyId(key)),
      authorityKeyIdExtension(issuer.subjectKeyId ?? sha1KeyId(issuer.publicKey)),
      subjectAlternativeNamesExtension([certified.name], true),
      ...fulcioExtensions(certified.extensions),
    ],
  }
}

/** A serial number of 159 random bits, positive. RFC 5280 §4.1.2.2 */
export function randomSerialNumber(randomBytes: (length: number) => Uint8Array): bigint {
  const number = randomBytes(20).reduce((value, octet) => value * 256n + BigInt(octet), 0n) >> 1n
  return number === 0n ? 1n : number
}

/** Key identifier as Fulcio writes it: RFC 5280 §4.2.1.2, method 1. It names a key and proves nothing. */
export function sha1KeyId(key: PublicKey): Uint8Array {
  return Uint8Array.from(createHash('sha1').update(publicKeyOctets(key)).digest())
}
