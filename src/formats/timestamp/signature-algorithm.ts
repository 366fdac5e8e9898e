import { type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { CountersignError } from '../../codec/error.ts'
import { isAbsentOrNull, keyOid, readAlgorithmIdentifier } from '../../crypto/algorithm-identifier.ts'
import type { VerifiedScheme } from '../../crypto/verify-signature.ts'
import { signatureSchemeOf } from '../x509/signature-algorithm.ts'
import type { TimestampHash } from './digest-algorithm.ts'

/** The signature algorithm of a SignerInfo: its object identifier, and the way of signing that it names. */
export type SignatureAlgorithm = { readonly oid: string; readonly scheme: VerifiedScheme }

/**
 * Reads the signature algorithm of a SignerInfo: one that certificates are signed with, or `rsaEncryption`, which is PKCS#1 v1.5 with the
 * hash of the SignerInfo's digest (RFC 5754 §3.2). Any other hash than that one is refused: who signs says twice which it is, RFC 5652 §5.3.
 *
 * Ed25519 hashes for itself, so the digest may be any, though RFC 8419 §3 asks for SHA-512: Go's authorities take the one they are
 * configured with.
 *
 * @param digest - the SignerInfo's digest algorithm
 * @param what - begins every message
 * @throws CountersignError `TIMESTAMP_MALFORMED`
 */
export function readSignatureAlgorithm(der: DerReader, digest: TimestampHash, what: string): SignatureAlgorithm {
  const { bytes } = der.whole(derTag.sequence)
  const { oid, parameters } = parseDer(bytes, what, readAlgorithmIdentifier, 'TIMESTAMP_MALFORMED')
  if (oid === keyOid.rsa) {
    if (!isAbsentOrNull(parameters)) throw der.malformed('signature algorithm: RSA wants NULL parameters')
    return { oid, scheme: { scheme: 'rsa-pkcs1v15', hash: digest } }
  }
  const scheme = schemeOf(bytes, what)
  if (scheme.hash && scheme.hash !== digest) throw der.malformed(`signature algorithm takes ${scheme.hash}, digest algorithm is ${digest}`)
  return { oid, scheme }
}

/** In a timestamp an unknown algorithm is not yet a distrusted certificate. */
function schemeOf(identifier: Uint8Array, what: string): VerifiedScheme {
  try {
    return signatureSchemeOf(identifier, what)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError('TIMESTAMP_MALFORMED', cause.message, { cause })
  }
}
