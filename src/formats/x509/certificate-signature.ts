import { encodeHex } from '../../codec/hex.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import type { Certificate } from './certificate.ts'

/**
 * Proves that the key of one certificate signed another, and nothing else about either.
 *
 * @param check - where the signature is checked; in this thread unless told
 * @throws CountersignError `CERTIFICATE_UNTRUSTED` for algorithms this project does not verify, `SIGNATURE_INVALID`, `SIGNATURE_MALFORMED`,
 *   `MATERIAL_UNSUPPORTED` where the key cannot sign so, `KEY_MALFORMED`, `KEY_UNSUPPORTED`
 */
export async function verifyCertificateSignature(subject: Certificate, issuer: Certificate, check = verifySignatureAs): Promise<void> {
  await check(issuer.publicKey, subject.signature, messageOfBytes(subject.tbs), subject.signatureScheme)
}

/** Checks signatures of certificates, and remembers which authorities it has seen sign which. */
export type SignatureChecks = {
  /** Proves one signature. @throws as `verifyCertificateSignature` */
  readonly verify: (subject: Certificate, issuer: Certificate) => Promise<void>
  /** Whether this very authority was proven before to have signed this very one. */
  readonly isKnown: (subject: Certificate, issuer: Certificate) => boolean
  /** Remembers an authority proven by another on a path to a trusted root; never a leaf, for each of those is met once. */
  readonly remember: (subject: Certificate, issuer: Certificate) => void
}

/**
 * Checks with a memory of at most `limit` signatures, the ones not remembered for longest forgotten first. Known by content, the fingerprints of
 * both certificates, so it cannot be wrong about either, whoever asks and whatever they trust.
 */
export function signatureChecks(limit: number, verify: SignatureChecks['verify'] = verifyCertificateSignature): SignatureChecks {
  const known = new Set<string>() // in the order in which they were last remembered
  const keyOf = (subject: Certificate, issuer: Certificate) => `${encodeHex(issuer.fingerprint)} ${encodeHex(subject.fingerprint)}`
  return {
    verify,
    isKnown: (subject, issuer) => known.has(keyOf(subject, issuer)),
    remember: (subject, issuer) => {
      const key = keyOf(subject, issuer)
      known.delete(key)
      known.add(key)
      const [oldest] = known
      if (known.size > limit && oldest !== undefined) known.delete(oldest)
    },
  }
}
