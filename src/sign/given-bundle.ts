import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import type { World } from '../codec/world.ts'
import { parseBundle } from '../formats/bundle.ts'
import { hexOf, type OciDigest } from '../formats/oci-digest.ts'
import { parseStatement, statementPayloadType } from '../formats/statement.ts'
import { attachReferrer } from '../oci/attached/attach-referrer.ts'
import { createBundleReferrer } from '../oci/attached/bundle-referrer.ts'
import { listBundleReferrers } from '../oci/attached/bundle-referrers.ts'
import { type BlobContent, describeBlob } from '../oci/blob-content.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Repository } from '../oci/reference.ts'
import type { RegistryClient } from '../oci/registry-client.ts'

/**
 * Attaches a bundle that somebody else made, its bytes as they are but for line ends after them, unless the image has it
 * already. Its statement must be about the image; its signature is not checked, that is for whoever verifies.
 *
 * @throws CountersignError `ARTIFACT_MISMATCH` when the bundle is about something else, `BUNDLE_MALFORMED`, `DSSE_MALFORMED`,
 *   `STATEMENT_MALFORMED`, `LIMIT_EXCEEDED`; whatever `attachReferrer` throws
 */
export async function attachGivenBundle(
  client: RegistryClient,
  world: World,
  repository: Repository,
  image: Descriptor,
  given: Uint8Array,
  signal: AbortSignal,
): Promise<{ readonly added: boolean }> {
  const bundle = withoutLineEnd(given)
  const predicateType = predicateTypeAbout(bundle, image.digest)
  return await attachBundleOnce(client, world, repository, image, { bytes: bundle, predicateType }, signal)
}

/** Attaches a bundle that was looked at already, unless the image has it. */
export async function attachBundleOnce(
  client: RegistryClient,
  world: World,
  repository: Repository,
  image: Descriptor,
  { bytes, predicateType }: { readonly bytes: BlobContent; readonly predicateType: string },
  signal: AbortSignal,
): Promise<{ readonly added: boolean }> {
  const { digest } = describeBlob(bytes)
  const isOthers = () => {} // what cannot be read is not ours
  const attached = await listBundleReferrers(client, repository, image.digest, isOthers, signal)
  if (attached.some(({ layer }) => layer.digest === digest)) return { added: false }
  const content = { bytes, content: 'dsse-envelope', predicateType } as const
  await attachReferrer(client, world, repository, createBundleReferrer(image, content, world.now()), signal)
  return { added: true }
}

/** A bundle is known by its bytes, and `download signature` ends each with a line end that the registry does not hold. */
function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && [0x0a, 0x0d].includes(bytes[end - 1]!)) end--
  return bytes.subarray(0, end)
}

function predicateTypeAbout(bytes: Uint8Array, image: OciDigest): string {
  const { content } = parseBundle(bytes)
  if (content.kind !== 'dsse')
    throw new CountersignError('ARTIFACT_MISMATCH', 'bundle: want a statement about an image, got the signature of a file')
  const { payloadType, payload } = content.envelope
  if (payloadType !== statementPayloadType)
    throw new CountersignError('DSSE_MALFORMED', `bundle: payloadType: want ${quote(statementPayloadType)}, got ${quote(payloadType)}`)
  const { subjects, predicateType } = parseStatement(payload)
  const digests = subjects.map(({ digest }) => digest.get('sha256'))
  if (!digests.includes(hexOf(image))) {
    const found = digests[0] === undefined ? 'no SHA-256 digest' : quote(`sha256:${digests[0]}`)
    throw new CountersignError('ARTIFACT_MISMATCH', `bundle: want a statement about ${image}, got one about ${found}`)
  }
  return predicateType
}
