import { dsseEnvelopeText, encodeDsseEnvelope } from '../../formats/dsse.ts'
import { statementPayloadType } from '../../formats/statement.ts'
import type { BlobContent } from '../../oci/blob-content.ts'
import { bundleCandidate, type Candidate, envelopeLayerCandidate } from '../../verify/evidence.ts'
import type { Artifact } from '../../verify/policy.ts'
import { layerMaterial } from '../image-signature.ts'
import type { EnvelopeEntryKind } from '../rekor/ask-log.ts'
import { encodeSignedBundle, type SignedParts, type Signing, signedBundleText } from '../signing.ts'
import { bundleTextCandidate, checkReadable, isLarge, sourceOfText } from './encoded-attestation.ts'

/** A statement that is to be signed. */
export type StatementToSign = {
  readonly statement: Uint8Array
  readonly predicateType: string
  readonly entryKind?: EnvelopeEntryKind // in a Rekor v1
}

/** A signed statement as one layout has it; one that is large is made piece by piece whenever it is written. */
export type SignedAttestation<Encoded extends BlobContent = BlobContent> = {
  readonly predicateType: string
  readonly encoded: Encoded // a Sigstore bundle, or the JSON of the envelope
  readonly parts: SignedParts
}

/**
 * Signs a statement as cosign 3 keeps it: a DSSE envelope in a v0.3 bundle. Whatever witnesses it must prove it before it is returned.
 *
 * @param artifact - what the statement is about; nothing where that was not given
 * @throws CountersignError as `Signing`; `LIMIT_EXCEEDED` for what would be too large to be read again
 */
export async function signAttestationBundle(signing: Signing, toSign: StatementToSign, artifact: Artifact): Promise<SignedAttestation> {
  const { statement: payload, predicateType, entryKind } = toSign
  const content = { kind: 'envelope', payloadType: statementPayloadType, payload, ...(entryKind && { entryKind }) } as const
  const parts = await signing.sign(content)
  if (isLarge(payload)) {
    const text = signedBundleText(content, parts)
    const encoded = await sourceOfText(text)
    await signing.prove?.(bundleTextCandidate('the new bundle', text), artifact, [predicateType])
    return { predicateType, encoded, parts }
  }
  const encoded = readable(encodeSignedBundle(content, parts))
  await signing.prove?.(bundleCandidate('the new bundle', encoded), artifact, [predicateType])
  return { predicateType, encoded, parts }
}

/**
 * Signs a statement as cosign 2 keeps it: the JSON of a DSSE envelope, of which timestamps are made. Otherwise as `signAttestationBundle`.
 *
 * @param candidate - how whoever verifies will find it; in a layer unless told
 * @see formats-and-flows §2.2 and §4
 */
export async function signAttestationEnvelope(
  signing: Signing,
  toSign: StatementToSign,
  artifact: Artifact,
  candidate: (signed: SignedAttestation<Uint8Array>) => Candidate = signed =>
    envelopeLayerCandidate('the new attestation', signed.encoded, layerMaterial(signed.parts)),
): Promise<SignedAttestation> {
  const { statement: payload, predicateType, entryKind } = toSign
  const content = {
    kind: 'envelope',
    payloadType: statementPayloadType,
    payload,
    stamped: 'envelope',
    ...(entryKind && { entryKind }),
  } as const
  const parts = await signing.sign(content)
  const envelope = { payloadType: statementPayloadType, payload, signature: parts.signature }
  if (!signing.prove && isLarge(payload)) return { predicateType, encoded: await sourceOfText(dsseEnvelopeText(envelope)), parts }
  const signed = { predicateType, encoded: readable(encodeDsseEnvelope(envelope)), parts }
  await signing.prove?.(candidate(signed), artifact, [predicateType])
  return signed
}

function readable(encoded: Uint8Array): Uint8Array {
  checkReadable(encoded.length)
  return encoded
}
