import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { defaultHash } from '../../crypto/algorithm.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { verifySignature } from '../../crypto/verify-signature.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { fetchBundleBytes, listBundleReferrers } from '../../oci/attached/bundle-referrers.ts'
import { checkTotalSize } from '../../oci/byte-budget.ts'
import { isAboutContent } from '../../oci/content-failure.ts'
import { ociLimits } from '../../oci/limits.ts'
import type { Repository } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import { bundleCandidate, type Candidate } from '../../verify/evidence.ts'
import type { Signing } from '../signing.ts'
import type { StatementToSign } from './sign-attestation.ts'

/**
 * Finds an attestation of an image that says what a new one would: the same statement by the same key, proven by as much. So a run that
 * broke off is completed by another. Who signs without a key of their own signs anew each time.
 *
 * @returns where it is; nothing where there is none
 * @throws CountersignError from the registry; `LIMIT_EXCEEDED` where those of this type are above 1 GiB together
 */
export async function findEarlierAttestation(
  client: RegistryClient,
  repository: Repository,
  image: OciDigest,
  signing: Signing,
  { statement, predicateType }: StatementToSign,
  limits: { readonly maxBytes?: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!signing.key) return undefined
  const referrers = await listBundleReferrers(client, repository, image, () => {}, signal) // what cannot be read is not ours
  const { maxBytes = ociLimits.attachmentBytes } = limits
  const alike = referrers.filter(({ declared, layer }) => declared === predicateType && layer.size <= maxBytes)
  checkTotalSize(
    alike.map(({ layer }) => layer),
    `attestations of ${image}`,
    maxBytes,
  )
  for (const referrer of alike)
    try {
      const candidate = bundleCandidate(referrer.source, await fetchBundleBytes(client, repository, referrer, signal, limits), {
        consumes: true,
      })
      if (await saysAsMuch(candidate, image, signing, { statement, predicateType })) return referrer.source
    } catch (error) {
      if (!isAboutContent(error)) throw error
    }
  return undefined
}

async function saysAsMuch(
  candidate: Candidate,
  digest: OciDigest,
  { key, prove }: Signing,
  { statement, predicateType }: StatementToSign,
): Promise<boolean> {
  try {
    const { content, signature, signer } = candidate.decode()
    if (!key || signer.kind !== 'hint' || content.kind !== 'statement' || !bytesEqual(content.envelope.payload, statement)) return false
    if (prove) await prove(candidate, { kind: 'image', digest }, [predicateType])
    else await verifySignature(key.publicKey, signature, messageOfBytes(content.bytes), [key.hash ?? defaultHash(key.publicKey)])
    return true
  } catch (error) {
    if (error instanceof CountersignError) return false // somebody else's, or with less to show
    throw error
  }
}
