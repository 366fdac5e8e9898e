import { encodeBase64 } from '../codec/base64.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import type { HashName } from '../crypto/digest.ts'
import { type Message, messageOfBytes } from '../crypto/message.ts'
import type { PublicKey } from '../crypto/public-key.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { type Bundle, encodeBundle } from '../formats/bundle.ts'
import { type DsseEnvelope, preAuthEncoding } from '../formats/dsse.ts'
import { parseEntryBody } from '../formats/log/entry-body.ts'
import { checkEntryMatches, type LoggedContent } from '../formats/log/entry-match.ts'
import type { LogEntry } from '../formats/log/log-entry.ts'
import { parseStatement } from '../formats/statement.ts'
import { parseTimestampResponse } from '../formats/timestamp/timestamp-response.ts'
import { checkMessageImprint } from '../formats/timestamp/verify-timestamp.ts'
import type { Certificate } from '../formats/x509/certificate.ts'
import { checkStatementSubjects } from '../verify/artifact.ts'
import { checkProven } from './bundle-proof.ts'

/** Who made a signature, as a bundle names it. */
export type BundleSigner =
  | { readonly kind: 'key'; readonly key: PublicKey }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }

/** What was signed: an artifact, which a bundle names by its digest, or an envelope that the bundle holds. */
export type BundleSubject =
  | { readonly kind: 'artifact'; readonly signature: Uint8Array; readonly artifact: Message }
  | {
      readonly kind: 'envelope'
      readonly envelope: DsseEnvelope
      readonly encoded?: Uint8Array // its JSON, as it was found
      readonly artifact?: Message // what its statement must be about, where that is known
    }

/** The parts of a bundle, found apart. */
export type BundleParts = {
  readonly subject: BundleSubject
  readonly signer: BundleSigner
  /** Log entries of the signature. Called once that has verified, so that no log is asked about what is not true. */
  readonly findEntries: (content: Bundle['content']) => Promise<readonly LogEntry[]>
  readonly timestamps: readonly Uint8Array[] // RFC 3161 responses, DER
}

/**
 * Makes a bundle of version 0.3 of parts that belong together: the signature verifies with the signer's key over the subject, and each log
 * entry and timestamp is about that signature. Old attestations stamped their whole envelope, which has no place in a bundle. Whether
 * anybody trusts the certificate, the log or the timestamp authority is for `verify` to say.
 *
 * @throws CountersignError `SIGNATURE_INVALID`, `SIGNATURE_MALFORMED`; `ARTIFACT_MISMATCH` and `STATEMENT_MALFORMED` for an envelope that
 *   is not about the artifact given; `TIMESTAMP_INVALID` for one of other bytes, `TIMESTAMP_MALFORMED`;
 *   as `checkEntryIsAbout` and `checkProven` for a log entry, and whatever `findEntries` throws
 * @see formats-and-flows §4
 */
export async function assembleBundle({ subject, signer, findEntries, timestamps }: BundleParts): Promise<Uint8Array> {
  const key = signer.kind === 'key' ? signer.key : signer.certificate.publicKey
  const content = await signedContent(subject, key)
  for (const timestamp of timestamps) checkMessageImprint(parseTimestampResponse(timestamp, 'timestamp'), signatureOf(subject))
  const logEntries = await findEntries(content)
  for (const entry of logEntries) {
    checkEntryIsAbout(entry, subject, signer)
    checkProven(entry)
  }
  const material: Bundle['material'] =
    signer.kind === 'key' ? { kind: 'public-key', hint: encodeBase64(key.id) } : { kind: 'certificate', chain: [signer.certificate.der] }
  return encodeBundle({ version: '0.3', material, logEntries, timestamps, content })
}

/**
 * Proves that a log entry is about this signature by this signer, whatever log it is of.
 *
 * @throws CountersignError `TLOG_ENTRY_MISMATCH`, `LOG_ENTRY_MALFORMED`, `LIMIT_EXCEEDED`
 */
export function checkEntryIsAbout(entry: LogEntry, subject: BundleSubject, signer: BundleSigner): void {
  checkEntryMatches(parseEntryBody(entry), {
    signature: signatureOf(subject),
    signer,
    content: loggedContent(subject),
  })
}

async function signedContent(subject: BundleSubject, key: PublicKey): Promise<Bundle['content']> {
  if (subject.kind === 'envelope') {
    const { payloadType, payload, signature } = subject.envelope
    if (subject.artifact)
      checkStatementSubjects(parseStatement(payload), { kind: 'blob', name: 'the artifact given', message: subject.artifact })
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
