import { contextTag, type DerReader, parseDer } from '../../codec/der.ts'
import { encodeDer, encodeDerBitString, encodeDerInteger, encodeDerSequence, encodeDerTime } from '../../codec/der-writer.ts'
import { readAlgorithmIdentifier } from '../../crypto/algorithm-identifier.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { VerifiedScheme } from '../../crypto/verify-signature.ts'
import { encodeExtension, type NewExtension } from './extension-writer.ts'
import { encodeSignatureAlgorithm } from './signature-algorithm.ts'

/** What a certificate is to say. */
export type CertificateContents = {
  readonly serialNumber: bigint // positive, below 2^159, so that it takes at most 20 octets (RFC 5280 §4.1.2.2)
  readonly issuer: Uint8Array // Name, DER
  readonly notBefore: Date // to the second; what is below is dropped
  readonly notAfter: Date
  readonly subject: Uint8Array // Name, DER
  readonly spki: Uint8Array
  readonly extensions: readonly NewExtension[] // in this order; none makes a certificate of version 1
}

/** TBSCertificate, which is what is signed. RFC 5280 §4.1.2. */
export function encodeTbsCertificate(contents: CertificateContents, algorithm: Uint8Array): Uint8Array {
  const { serialNumber, issuer, notBefore, notAfter, subject, spki, extensions } = contents
  const hasExtensions = extensions.length > 0
  return encodeDerSequence(
    ...(hasExtensions ? [encodeDer(contextTag(0, 'constructed'), encodeDerInteger(2n))] : []), // version 3
    encodeDerInteger(serialNumber),
    algorithm,
    issuer,
    encodeDerSequence(encodeDerTime(notBefore), encodeDerTime(notAfter)),
    subject,
    spki,
    ...(hasExtensions ? [encodeDer(contextTag(3, 'constructed'), encodeDerSequence(...extensions.map(encodeExtension)))] : []),
  )
}

/** Certificate of a TBSCertificate and its signature. RFC 5280 §4.1. */
export function encodeCertificate(tbs: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeDerSequence(tbs, algorithm, encodeDerBitString(signature))
}

/** Writes and signs a certificate, DER. */
export async function issueCertificate(contents: CertificateContents, signer: Signer): Promise<Uint8Array> {
  const algorithm = signerAlgorithm(signer)
  const tbs = encodeTbsCertificate(contents, algorithm)
  return encodeCertificate(tbs, algorithm, await signer.sign(tbs))
}

/** AlgorithmIdentifier, DER, of the way in which a signer signs. Throws a TypeError for prehashed Ed25519 and PSS keys. */
export function signerAlgorithm(signer: Pick<Signer, 'publicKey' | 'hash'>): Uint8Array {
  return encodeSignatureAlgorithm(schemeOf(signer))
}

function schemeOf({ publicKey: { algorithm }, hash }: Pick<Signer, 'publicKey' | 'hash'>): VerifiedScheme {
  switch (algorithm) {
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
      return { scheme: 'ecdsa', hash }
    case 'rsa':
      return { scheme: 'rsa-pkcs1v15', hash }
    case 'rsa-pss':
      return { scheme: 'rsa-pss', hash }
    case 'ed25519':
      return hash === undefined ? { scheme: 'ed25519' } : { scheme: 'ed25519ph', hash }
    default:
      throw new TypeError(`unhandled key algorithm ${algorithm satisfies never}`)
  }
}

/** Key identifier of a SubjectPublicKeyInfo: the first 20 bytes of the SHA-256 of the key's own octets. RFC 7093 §2, method 1. */
export function keyIdentifierOf(spki: Uint8Array): Uint8Array {
  const readOctets = (der: DerReader) =>
    der.sequence(info => {
      readAlgorithmIdentifier(info)
      return info.bitString()
    })
  return sha256(parseDer(spki, 'public key', readOctets, 'KEY_MALFORMED')).subarray(0, 20)
}
