import { firstToHold } from '../../../codec/error.ts'
import { defaultHash } from '../../../crypto/algorithm.ts'
import type { Message } from '../../../crypto/message.ts'
import type { PublicKey } from '../../../crypto/public-key.ts'
import { type VerifiedScheme, verifySignatureAs } from '../../../crypto/verify-signature.ts'

/**
 * Proves that a key signed a message that is held whole: ECDSA with SHA-256, as Rekor v1 and cosign 2 have it for every curve, or with the
 * curve's own hash, as later clients do; RSA by PKCS#1 v1.5; Ed25519 pure.
 *
 * @throws CountersignError `SIGNATURE_INVALID`, `SIGNATURE_MALFORMED`, `KEY_UNSUPPORTED`, `MATERIAL_UNSUPPORTED`
 */
export function verifyMessageSignature(key: PublicKey, signature: Uint8Array, message: Message): Promise<void> {
  return firstToHold(schemesOf(key), scheme => verifySignatureAs(key, signature, message, scheme))
}

function schemesOf(key: PublicKey): readonly VerifiedScheme[] {
  switch (key.algorithm) {
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
      return [...new Set(['sha256', defaultHash(key)] as const)].map(hash => ({ scheme: 'ecdsa', hash }))
    case 'rsa':
      return [{ scheme: 'rsa-pkcs1v15', hash: 'sha256' }]
    case 'rsa-pss':
      return [{ scheme: 'rsa-pss', hash: key.pssHash ?? 'sha256' }]
    case 'ed25519':
      return [{ scheme: 'ed25519' }]
    default:
      throw new TypeError(`unhandled key algorithm ${key.algorithm satisfies never}`)
  }
}
