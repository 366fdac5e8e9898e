import { encodeBase64 } from '../codec/base64.ts'
import type { TextWithBase64 } from '../codec/json/text-with-base64.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import { digestOf } from '../crypto/digest.ts'
import type { Signer } from '../crypto/signer.ts'
import { type Bundle, bundleText, encodeBundle } from '../formats/bundle.ts'
import { preAuthEncoding } from '../formats/dsse.ts'
import type { LogEntry } from '../formats/log/log-entry.ts'
import type { Certificate } from '../formats/x509/certificate.ts'
import type { Candidate } from '../verify/evidence.ts'
import type { Artifact } from '../verify/policy.ts'
import type { EnvelopeEntryKind } from './rekor/ask-log.ts'

/** What is to be signed: bytes as they are, or in an envelope. */
export type ToSign =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'envelope'
      readonly payloadType: string
      readonly payload: Uint8Array
      /** What timestamps are to be of: the signature unless told; in the older layout the envelope's whole JSON, as cosign 2 has it. */
      readonly stamped?: 'signature' | 'envelope'
      readonly entryKind?: EnvelopeEntryKind // in a Rekor v1
    }

/** Everything that came of signing: what a bundle, or the older layout, is made of. */
export type SignedParts = {
  readonly signer: Signer
  readonly signature: Uint8Array
  readonly certificate: Certificate | undefined // of the signer's key; without one the key has to be known
  readonly chain: readonly Certificate[] // issuers of the certificate, the root last
  readonly logEntries: readonly LogEntry[]
  readonly timestamps: readonly Uint8Array[] // RFC 3161 responses, DER
}

/** Somebody who signs, with whoever witnesses what they sign. */
export type Signing = {
  /** The key that signs, where it is known beforehand and stands for itself: not one made for the occasion, or one with a certificate. */
  readonly key: Signer | undefined
  readonly sign: (content: ToSign) => Promise<SignedParts>
  /**
   * Demands that what was made verifies, by the trust that verifiers of it have, before anybody is shown it. Absent where nobody witnessed
   * anything: a signature by a key and nothing else needs no proof.
   *
   * @param predicateTypes - of a statement, one of which it must have: that of a signature unless told
   * @throws CountersignError of the step that refuses it
   */
  readonly prove: ((candidate: Candidate, artifact: Artifact, predicateTypes?: readonly string[]) => Promise<void>) | undefined
}

/** Signing with a key and nothing else: no certificate, no log, no timestamp. */
export function keySigning(signer: Signer): Signing {
  const sign = async (content: ToSign): Promise<SignedParts> => {
    const signature = await signer.sign(signedBytes(content))
    return { signer, signature, certificate: undefined, chain: [], logEntries: [], timestamps: [] }
  }
  return { key: signer, sign, prove: undefined }
}

/** The bytes that the signature covers. */
export function signedBytes(content: ToSign): Uint8Array {
  return content.kind === 'message' ? content.bytes : preAuthEncoding(content.payloadType, content.payload)
}

/**
 * The v0.3 bundle of what was signed. Of a message the digest is always declared, also for Ed25519 where cosign 3.1.1 leaves it out and then
 * cannot read its own bundle.
 *
 * @see formats-and-flows §1.2, §3 and §4
 */
export function encodeSignedBundle(content: ToSign, parts: SignedParts): Uint8Array {
  return encodeBundle({ ...evidenceOf(parts), content: bundleContent(content, parts.signer, parts.signature) })
}

/** The same of an envelope whose payload is large, piece by piece. */
export function signedBundleText({ payloadType, payload }: Extract<ToSign, { kind: 'envelope' }>, parts: SignedParts): TextWithBase64 {
  return bundleText(evidenceOf(parts), { payloadType, payload, signature: parts.signature })
}

function evidenceOf({ signer, certificate, logEntries, timestamps }: SignedParts): Omit<Bundle, 'content'> {
  const material: Bundle['material'] = certificate
    ? { kind: 'certificate', chain: [certificate.der] }
    : { kind: 'public-key', hint: encodeBase64(signer.publicKey.id) }
  return { version: '0.3', material, logEntries, timestamps }
}

function bundleContent(content: ToSign, signer: Signer, signature: Uint8Array): Bundle['content'] {
  if (content.kind === 'envelope') {
    const { payloadType, payload } = content
    return { kind: 'dsse', envelope: { payloadType, payload, signature } }
  }
  const hash = signer.hash ?? defaultHash(signer.publicKey)
  return { kind: 'message', messageDigest: { hash, digest: digestOf(hash, content.bytes) }, signature }
}
