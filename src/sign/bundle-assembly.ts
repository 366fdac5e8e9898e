import { encodeBase64 } from '../codec/base64.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import type { HashName } from '../crypto/digest.ts'
import { type Message, messageOfBytes } from '../crypto/message.ts'
import type { PublicKey } from '../crypto/public-key.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { type Bundle, encodeBundle } from '../formats/bundle.ts'
import { type DsseEnvelope, preAuthEncoding } from '../formats/dsse.ts'
import { parseEntryBody } from '../formats/log/entry-body.ts'
import { checkEntryMatches, type EntrySigner, type LoggedContent } from '../formats/log/entry-match.ts'
import type { LogEntry } from '../formats/log/log-entry.ts'
import type { Certificate } from '../formats/x509/certificate.ts'

/** Who made a signature, as a bundle names it. */
export type BundleSigner =
  | { readonly kind: 'key'; readonly key: PublicKey }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }

/** What was signed: an artifact, which a bundle names by its digest, or an envelope that the bundle holds. */
export type BundleSubject =
  | { readonly kind: 'artifact'; readonly signature: Uint8Array; readonly artifact: Message }
  | { readonly kind: 'envelope'; readonly envelope: DsseEnvelope; readonly encoded?: Uint8Array } // encoded: its JSON, as it was found

/** The parts of a bundle, found apart. */
export type BundleParts = {
  readonly subject: BundleSubject
  readonly signer: BundleSigner
  readonly logEntries: readonly LogEntry[]
  readonly timestamps: readonly Uint8Array[] // RFC 3161 responses, DER
}

/**
 * Makes a bundle of version 0.3 of parts that belong together: the signature verifies with the signer's key over the subject, and each log
 * entry is about that signature. Whether anybody trusts the certificate, the log or the timestamp authority is for `verify` to say.
 *
 * @throws CountersignError `SIGNATURE_INVALID`, `SIGNATURE_MALFORMED`; `TLOG_ENTRY_MISMATCH`, `LOG_ENTRY_MALFORMED`; `CONVERSION_IMPOSSIBLE`
 *   for a log entry without a proof, which version 0.3 wants
 * @see formats-and-flows §4
 */
export async function assembleBundle({ subject, signer, logEntries, timestamps }: BundleParts): Promise<Uint8Array> {
  const key = signer.kind === 'key' ? signer.key : signer.certificate.publicKey
  const content = await signedContent(subject, key)
  for (const entry of logEntries) {
    checkProven(entry)
    checkEntryMatches(parseEntryBody(entry), {
      signature: signatureOf(subject),
      signer: entrySigner(signer),
      content: loggedContent(subject),
    })
  }
  const material: Bundle['material'] =
    signer.kind === 'key' ? { kind: 'public-key', hint: encodeBase64(key.id) } : { kind: 'certificate', chain: [signer.certificate.der] }
  return encodeBundle({ version: '0.3', material, logEntries, timestamps, content })
}

async function signedContent(subject: BundleSubject, key: PublicKey): Promise<Bundle['content']> {
  if (subject.kind === 'envelope') {
    const { payloadType, payload, signature } = subject.envelope
    await verifySignature(key, signature, messageOfBytes(preAuthEncoding(payloadType, payload)), hashesFor(key))
    return { kind: 'dsse', envelope: subject.envelope }
  }
  const { signature, artifact } = subject
  const { hash = defaultHash(key) } = await verifySignature(key, signature, artifact, hashesFor(key))
  return { kind: 'message', messageDigest: { hash, digest: artifact.digest(hash) }, signature }
}

/** The key's own hash first; cosign 2 signed with SHA-256 whatever the key. */
function hashesFor(key: PublicKey): readonly HashName[] {
  return [...new Set([defaultHash(key), 'sha256' as const])]
}

function signatureOf(subject: BundleSubject): Uint8Array {
  return subject.kind === 'envelope' ? subject.envelope.signature : subject.signature
}

function entrySigner(signer: BundleSigner): EntrySigner {
  return signer.kind === 'key' ? signer : { kind: 'certificate', certificate: signer.certificate }
}

function loggedContent(subject: BundleSubject): LoggedContent {
  if (subject.kind === 'artifact') return { kind: 'message', message: subject.artifact }
  const { envelope, encoded } = subject
  return {
    kind: 'envelope',
    envelope,
    preAuthEncoding: preAuthEncoding(envelope.payloadType, envelope.payload),
    ...(encoded && { encoded }),
  }
}

function checkProven({ logIndex, inclusionProof }: LogEntry): void {
  if (inclusionProof?.checkpoint === undefined)
    throw new CountersignError(
      'CONVERSION_IMPOSSIBLE',
      `log entry (log index ${logIndex}) has no inclusion proof with a checkpoint, which version 0.3 wants and only the log can give`,
    )
}

/**
 * The entry that a log gave in place of one without a proof: the same in all but the proof.
 *
 * @throws CountersignError `TLOG_ENTRY_MISMATCH`
 */
export function withProofOf(entry: LogEntry, proven: LogEntry): LogEntry {
  if (!bytesEqual(entry.canonicalizedBody, proven.canonicalizedBody) || !bytesEqual(entry.logId, proven.logId))
    throw new CountersignError('TLOG_ENTRY_MISMATCH', `the log has another entry at index ${entry.logIndex}`)
  return { ...entry, inclusionProof: proven.inclusionProof }
}
