import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { decodePem, encodePem } from '../../../codec/pem.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../../codec/text.ts'
import { type Sha256, sha256 } from '../../../crypto/digest.ts'
import { type PublicKey, parsePublicKeyDer } from '../../../crypto/public-key.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { verifyCertificateSignature } from '../../x509/certificate-signature.ts'
import type { EntryVerifier } from '../kinds/entry-verifier.ts'
import { nameKeys } from './search-keys.ts'

/** What an entry's signature is to verify with. A certificate's issuer is not asked about: the log says what was signed, not whom to trust. */
export type ProposedSigner = {
  readonly key: PublicKey
  readonly pem: Uint8Array // the key, or certificates from the signer's up, as Go writes them
  readonly keyDigest: string // hex SHA-256 of `pem`, by which Rekor knows keys
  readonly fingerprint: Sha256 // of the DER of the key, or of the signer's certificate
  readonly names: readonly string[] // of its certificate
}

const maxChain = 10

/**
 * Reads PEM as Rekor v1 takes it: one `PUBLIC KEY`, or 1 to 10 `CERTIFICATE` blocks of which each is signed by the next.
 *
 * @param at - begins every message
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `PEM_MALFORMED`, `KEY_*`, `CERTIFICATE_MALFORMED`, `LIMIT_EXCEEDED`; `CERTIFICATE_UNTRUSTED`,
 *   `SIGNATURE_*` where a certificate is not signed by the next
 */
export async function parsePemSigner(pem: Uint8Array, at: string): Promise<ProposedSigner> {
  const blocks = decodePem(decodeUtf8(pem, at), at)
  const [first] = blocks
  if (!first || blocks.length > maxChain) throw malformed(`${at}: want 1 to ${maxChain} PEM blocks, got ${blocks.length}`)
  if (first.label === 'PUBLIC KEY' && blocks.length === 1) return signerOfKey(first.bytes, at)
  const odd = blocks.find(({ label }) => label !== 'CERTIFICATE')
  if (odd) throw malformed(`${at}: want one PEM PUBLIC KEY, or CERTIFICATE alone, got ${quote(odd.label)}`)
  const [leaf, ...chain] = blocks.map(({ bytes }) => parseCertificate(bytes, at))
  for (const [index, issuer] of chain.entries()) await verifyCertificateSignature(chain[index - 1] ?? leaf!, issuer)
  return signerOfCertificates([leaf!, ...chain])
}

/** The signer that an entry of Rekor v2 names. @throws CountersignError `KEY_*`, `CERTIFICATE_MALFORMED`, `LIMIT_EXCEEDED` */
export function signerOfVerifier(verifier: EntryVerifier, at: string): ProposedSigner {
  return verifier.kind === 'key' ? signerOfKey(verifier.spki, at) : signerOfCertificates([parseCertificate(verifier.der, at)])
}

function signerOfKey(spki: Uint8Array, at: string): ProposedSigner {
  const key = parsePublicKeyDer(spki, at)
  return { key, ...pemOf(encodePem('PUBLIC KEY', key.spki)), fingerprint: key.id, names: [] }
}

function signerOfCertificates(certificates: readonly [Certificate, ...Certificate[]]): ProposedSigner {
  const [{ publicKey, fingerprint, subjectAlternativeNames }] = certificates
  const pem = certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
  return { key: publicKey, ...pemOf(pem), fingerprint, names: nameKeys(subjectAlternativeNames) }
}

function pemOf(text: string): Pick<ProposedSigner, 'pem' | 'keyDigest'> {
  const pem = encodeUtf8(text)
  return { pem, keyDigest: encodeHex(sha256(pem)) }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', problem)
}
