import { CountersignError } from '../../codec/error.ts'
import { digestOf, type HashName } from '../../crypto/digest.ts'
import { encodeDsseEnvelope } from '../../formats/dsse.ts'
import type { EntrySigner, LoggedContent } from '../../formats/log/entry-match.ts'
import type { EnvelopeEntryKind, SearchedSignature } from './ask-log.ts'

/** A signature that a log is to record. */
export type Submission = {
  readonly signature: Uint8Array
  readonly signer: EntrySigner
  readonly hash: HashName | undefined // that the signature was made with; nothing for pure Ed25519
  readonly content: LoggedContent
  readonly envelopeKind?: EnvelopeEntryKind // of the entry that a Rekor v1 makes of an envelope; dsse unless told
}

/**
 * The digest that an entry of kind hashedrekord has of what was signed: of an envelope, of what its signature covers.
 *
 * @throws CountersignError `MATERIAL_UNSUPPORTED` for pure Ed25519, which signs no digest
 */
export function digestToLog({ hash, content }: Submission): { readonly hash: HashName; readonly digest: Uint8Array } {
  if (hash === undefined)
    throw new CountersignError('MATERIAL_UNSUPPORTED', 'a log records the digest of what was signed, and pure Ed25519 signs none')
  return { hash, digest: content.kind === 'message' ? content.message.digest(hash) : digestOf(hash, content.preAuthEncoding) }
}

/** A signature as Rekor v1 is given it and searched for it. An envelope goes whole: its kind of entry holds the digests of it and of its payload. */
export function searchedSignature(submission: Submission): SearchedSignature {
  const { signature, signer, content, envelopeKind = 'dsse' } = submission
  const { kind } = signer
  return {
    signature,
    signer: kind === 'key' ? { kind, spki: signer.key.spki } : { kind, der: signer.certificate.der },
    content:
      content.kind === 'envelope'
        ? { kind: 'envelope', json: content.encoded ?? encodeDsseEnvelope(content.envelope), entryKind: envelopeKind }
        : { kind: 'digest', ...digestToLog(submission) },
  }
}
