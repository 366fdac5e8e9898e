import type { Signer } from '../crypto/signer.ts'
import { statementPayloadType } from '../formats/statement.ts'
import { encodeSignedBundle, type ToSign } from './signing.ts'

/** Wraps a signed statement in a v0.3 bundle, its hint the SHA-256 of the signer's SPKI. Source: formats-and-flows §3. */
export function encodeEnvelopeBundle(signer: Signer, payload: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeKeySignature({ kind: 'envelope', payloadType: statementPayloadType, payload }, signer, signature)
}

/** Wraps a signature over a file in a v0.3 bundle. Source: formats-and-flows §1.2. */
export function encodeMessageBundle(signer: Signer, message: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeKeySignature({ kind: 'message', bytes: message }, signer, signature)
}

function encodeKeySignature(content: ToSign, signer: Signer, signature: Uint8Array): Uint8Array {
  return encodeSignedBundle(content, { signer, signature, certificate: undefined, chain: [], logEntries: [], timestamps: [] })
}
