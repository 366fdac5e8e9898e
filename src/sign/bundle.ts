import { encodeBase64 } from '../codec/base64.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import { digestOf } from '../crypto/digest.ts'
import type { Signer } from '../crypto/signer.ts'
import { encodeKeyBundle } from '../formats/bundle.ts'
import { statementPayloadType } from '../formats/statement.ts'

/** Wraps a signed statement in a v0.3 bundle, its hint the SHA-256 of the signer's SPKI. Source: formats-and-flows §3. */
export function encodeEnvelopeBundle(signer: Signer, payload: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeKeyBundle(hintOf(signer), { kind: 'dsse', envelope: { payloadType: statementPayloadType, payload, signature } })
}

/**
 * Wraps a signature over a file in a v0.3 bundle. The digest is always declared, also for Ed25519 where cosign 3.1.1 leaves
 * it out and then cannot read its own bundle. Source: formats-and-flows §1.2.
 */
export function encodeMessageBundle(signer: Signer, message: Uint8Array, signature: Uint8Array): Uint8Array {
  const hash = signer.hash ?? defaultHash(signer.publicKey)
  return encodeKeyBundle(hintOf(signer), { kind: 'message', messageDigest: { hash, digest: digestOf(hash, message) }, signature })
}

function hintOf(signer: Signer): string {
  return encodeBase64(signer.publicKey.id)
}
