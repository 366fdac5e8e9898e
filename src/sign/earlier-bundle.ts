import { encodeBase64 } from '../codec/base64.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { Signer } from '../crypto/signer.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { preAuthEncoding } from '../formats/dsse.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import { encodeSignStatement, signPredicateType, statementPayloadType } from '../formats/statement.ts'
import { signatureTag } from '../oci/attached/attached-tag.ts'
import { fetchEvidence } from '../oci/attached/image-evidence.ts'
import type { Repository } from '../oci/reference.ts'
import type { RegistryClient } from '../oci/registry-client.ts'
import type { Candidate } from '../verify/evidence.ts'
import { encodeEnvelopeBundle } from './bundle.ts'
import type { ImageSignature } from './image-signature.ts'

/** What would be signed, and by whom. */
export type IntendedBundle = {
  readonly signer: Signer
  readonly image: OciDigest
  readonly annotations: ReadonlyMap<string, string>
}

export type EarlierBundle = ImageSignature & {
  readonly bundle: Uint8Array // made anew around the earlier signature
  readonly source: string // `referrer sha256:…`
}

/**
 * The bundle that the image has already when an earlier run came that far: the same statement to the last byte, with a
 * signature that verifies with the signer's own key, found where verifiers look. Bundles that cannot be read are somebody
 * else's; a registry that does not answer is an error, for then nobody knows.
 *
 * @throws CountersignError of kind `unavailable` or `denied` from the registry, `LIMIT_EXCEEDED`
 */
export async function findEarlierBundle(
  client: RegistryClient,
  repository: Repository,
  { signer, image, annotations }: IntendedBundle,
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
  for (const candidate of candidates) {
    const signature = await signatureOver(preAuthEncoding(statementPayloadType, payload), candidate, signer)
    if (signature) return { payload, signature, bundle: encodeEnvelopeBundle(signer, payload, signature), source: candidate.source }
  }
  return undefined
}

async function signatureOver(message: Uint8Array, candidate: Candidate, { publicKey, hash }: Signer): Promise<Uint8Array | undefined> {
  try {
    const { content, signature, signer } = candidate.decode()
    if (content.kind !== 'statement' || !bytesEqual(content.bytes, message)) return undefined
    if (signer.kind !== 'hint' || signer.hint !== encodeBase64(publicKey.id)) return undefined // verifiers would take it for another's
    await verifySignature(publicKey, signature, messageOfBytes(message), [hash ?? defaultHash(publicKey)])
    return signature
  } catch (error) {
    if (error instanceof CountersignError) return undefined // somebody else's, or none
    throw error
  }
}
