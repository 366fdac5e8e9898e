import { encodeBase64 } from '../codec/base64.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { Signer } from '../crypto/signer.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import { encodeSignStatement, signPredicateType, statementPayloadType } from '../formats/statement.ts'
import { signatureTag } from '../oci/attached/attached-tag.ts'
import { fetchEvidence } from '../oci/attached/image-evidence.ts'
import type { Repository } from '../oci/reference.ts'
import type { RegistryClient } from '../oci/registry-client.ts'
import type { Candidate } from '../verify/evidence.ts'
import type { BundledSignature } from './image-signature.ts'
import { encodeSignedBundle, type SignedParts, type Signing, signedBytes } from './signing.ts'

/** What would be signed, and by whom. */
export type IntendedBundle = {
  readonly signing: Signing & { readonly key: Signer } // nobody has signed before with a key that is made for the occasion
  readonly image: OciDigest
  readonly annotations: ReadonlyMap<string, string>
}

export type EarlierBundle = BundledSignature & {
  readonly source: string // `referrer sha256:…`; the bundle is made anew around the signature found there
}

/**
 * The bundle that the image has already when an earlier run came that far: the same statement to the last byte, with a
 * signature that verifies with the signer's own key, found where verifiers look, and witnessed as a new one would be. Bundles that cannot be read are somebody
 * else's; a registry that does not answer is an error, for then nobody knows.
 *
 * @throws CountersignError of kind `unavailable` or `denied` from the registry, `LIMIT_EXCEEDED`
 */
export async function findEarlierBundle(
  client: RegistryClient,
  repository: Repository,
  { signing, image, annotations }: IntendedBundle,
  options: { readonly maxBytes?: number },
  signal: AbortSignal,
): Promise<EarlierBundle | undefined> {
  const payload = encodeSignStatement(image, annotations)
  const candidates = await fetchEvidence(
    client,
    {
      ...options,
      image,
      repository,
      formats: 'bundle-first',
      tag: signatureTag(image, 'sig'),
      legacyReferrers: true, // leaves the tag alone: only referrers can hold the bundle
      predicateTypes: [signPredicateType],
      maxWorkers: 10,
    },
    signal,
  )
  const content = { kind: 'envelope', payloadType: statementPayloadType, payload } as const
  for (const candidate of candidates) {
    const parts = await partsOf(candidate, signedBytes(content), image, signing)
    if (parts) return { payload, signature: parts.signature, bundle: encodeSignedBundle(content, parts), parts, source: candidate.source }
  }
  return undefined
}

/** What an earlier signing came to, if it was of this message and by this key, and proves as much as a new one would. */
async function partsOf(
  candidate: Candidate,
  message: Uint8Array,
  digest: OciDigest,
  { key, prove }: IntendedBundle['signing'],
): Promise<SignedParts | undefined> {
  try {
    const { content, signature, signer, logEntries, timestamps } = candidate.decode()
    if (content.kind !== 'statement' || !bytesEqual(content.bytes, message)) return undefined
    if (signer.kind !== 'hint' || signer.hint !== encodeBase64(key.publicKey.id)) return undefined // verifiers would take it for another's
    await verifySignature(key.publicKey, signature, messageOfBytes(message), [key.hash ?? defaultHash(key.publicKey)])
    await prove?.(candidate, { kind: 'image', digest })
    const witnessed = prove ? { logEntries, timestamps } : { logEntries: [], timestamps: [] }
    return { signer: key, signature, certificate: undefined, chain: [], ...witnessed }
  } catch (error) {
    if (error instanceof CountersignError) return undefined // somebody else's, or none
    throw error
  }
}
