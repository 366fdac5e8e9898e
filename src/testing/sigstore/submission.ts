import { defaultHash } from '../../crypto/algorithm.ts'
import { digestOf, type HashName, sha256 } from '../../crypto/digest.ts'
import { keyDetailsFor } from '../../crypto/key-details.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { encodeEntryBody } from '../../formats/log/entry-body.ts'
import type { EntrySigner, LoggedContent } from '../../formats/log/entry-match.ts'
import type { DetailedVerifier, EntryVerifier } from '../../formats/log/kinds/entry-verifier.ts'

/** A signature to log, and as which kind; Rekor v2 logs an envelope by its pre-authentication encoding unless told. */
export type Submission = {
  readonly signature: Uint8Array
  readonly signer: EntrySigner
  readonly content: LoggedContent
  readonly kind?: 'hashedrekord' | 'dsse' | 'intoto 0.0.1' | 'intoto 0.0.2'
  readonly hash?: HashName // of the artifact; the signer's default unless told
}

type EncodableBody = Parameters<typeof encodeEntryBody>[0]

/** What a log keeps of a submission. @throws TypeError for a kind that the content has no place in */
export function entryBodyOf(rekor: 'v1' | 'v2', submission: Submission): EncodableBody {
  const { signature, content } = submission
  const key = submission.signer.kind === 'certificate' ? submission.signer.certificate.publicKey : submission.signer.key
  const kind = submission.kind ?? (content.kind === 'message' || rekor === 'v2' ? 'hashedrekord' : 'dsse')
  if (kind === 'hashedrekord') {
    const hash = submission.hash ?? defaultHash(key)
    const digest = content.kind === 'message' ? content.message.digest(hash) : digestOf(hash, content.preAuthEncoding)
    const entry = { kind, artifact: { hash, digest }, signature } as const
    return rekor === 'v1'
      ? { ...entry, version: '0.0.1', verifier: verifierOf(submission.signer) }
      : { ...entry, version: '0.0.2', verifier: detailedVerifierOf(submission.signer, key, hash) }
  }
  if (content.kind !== 'envelope') throw new TypeError(`only an envelope is logged as ${kind}`)
  const { payload, payloadType } = content.envelope
  const digests = { envelope: sha256Digest(content.encoded ?? content.preAuthEncoding), payload: sha256Digest(payload) } // only 0.0.1 of in-toto holds anyone to the first
  const verifier = verifierOf(submission.signer)
  switch (kind) {
    case 'dsse':
      return rekor === 'v1'
        ? { kind, version: '0.0.1', ...digests, signatures: [{ signature, verifier }] }
        : {
            kind,
            version: '0.0.2',
            payload: digests.payload,
            signatures: [{ signature, verifier: detailedVerifierOf(submission.signer, key, defaultHash(key)) }],
          }
    case 'intoto 0.0.1':
      return { kind: 'intoto', version: '0.0.1', ...digests, verifier }
    case 'intoto 0.0.2':
      return { kind: 'intoto', version: '0.0.2', ...digests, payloadType, signatures: [{ signature, verifier }] }
    default:
      throw new TypeError(`unhandled kind ${kind satisfies never}`)
  }
}

function sha256Digest(bytes: Uint8Array) {
  return { hash: 'sha256', digest: sha256(bytes) } as const
}

function verifierOf(signer: EntrySigner): EntryVerifier {
  return signer.kind === 'certificate'
    ? { kind: 'certificate', der: signer.certificate.der, details: undefined }
    : { kind: 'key', spki: signer.key.spki, details: undefined }
}

/** Rekor v2 takes Ed25519 prehashed alone. */
function detailedVerifierOf(signer: EntrySigner, key: PublicKey, hash: HashName): DetailedVerifier {
  const details = key.algorithm === 'ed25519' ? keyDetailsFor(key, { scheme: 'ed25519ph', hash }) : keyDetailsOfHash(key, hash)
  if (!details) throw new TypeError(`no name for ${key.algorithm} with ${hash}`)
  return { ...verifierOf(signer), details }
}

function keyDetailsOfHash(key: PublicKey, hash: HashName) {
  return keyDetailsFor(key, { scheme: key.algorithm === 'rsa' ? 'rsa-pkcs1v15' : 'ecdsa', hash })
}
