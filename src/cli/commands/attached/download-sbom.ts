import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { createdAnnotation } from '../../../oci/attached/bundle-referrer.ts'
import { listReferrers, parseReferrer } from '../../../oci/attached/referrers.ts'
import { readSignatureManifest } from '../../../oci/attached/signature-tag.ts'
import { nameOfTag, readTag } from '../../../oci/attached/tag.ts'
import { isAboutContent } from '../../../oci/content-failure.ts'
import { ociLimits } from '../../../oci/limits.ts'
import type { Descriptor, ImageManifest } from '../../../oci/manifest.ts'
import { resolvePlatform } from '../../../oci/mirror/platform.ts'
import type { Repository } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { CommandFunction } from '../../command.ts'
import type { downloadSbomFlags } from '../../flags/attached.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'
import { factsText, timeOfAnnotation } from '../../output/attached-facts.ts'

/** Config media type of an SBOM that cosign attaches as a referrer (`attach sbom --registry-referrers-mode oci-1-1`). */
const sbomReferrerType = 'application/vnd.dev.cosign.artifact.sbom.v1+json'

/**
 * `download sbom`: the bytes of the SBOM that is attached to an image, as they are: under its `.sbom` tag, else among its referrers.
 * Nobody signed them. Source: formats-and-flows §10.
 */
export const downloadSbom: CommandFunction<typeof downloadSbomFlags> = async (context, flags, [image]) => {
  const { reference, client } = await openTarget(context, flags, image!, { willPush: false })
  const { signal } = context
  const { digest } =
    flags.platform === '' ? await client.resolve(reference, signal) : await resolvePlatform(client, reference, flags.platform, signal)
  const repository = signatureRepository(context, reference)
  context.warn('an SBOM that is attached is signed by nobody: what is attested is verified by `countersign verify-attestation`')
  const tag = signatureTag(digest, 'sbom', flags.attachmentTagPrefix)
  const found = (await sbomUnderTag(client, repository, tag, signal)) ?? (await sbomAmongReferrers(client, repository, digest, signal))
  if (!found) throw new CountersignError('ATTESTATIONS_NOT_FOUND', `no sbom attached to reference: ${image}`)
  const { maxBytes = ociLimits.attachmentBytes } = maxAttachmentBytes(context)
  const bytes = await client.fetchBlob(repository, found.layer, maxBytes, signal)
  const { mediaType } = found.layer
  const time = timeOfAnnotation(found.created)
  context.stderr(`Found SBOM of media type: ${quote(mediaType).slice(1, -1)}\n`)
  context.stderr(`${found.source}: ${factsText({ size: bytes.length, type: mediaType, ...(time && { time }) }, context.world.now())}\n`)
  context.stdout(bytes)
  return 0
}

type Found = { readonly layer: Descriptor; readonly source: string; readonly created: string | undefined }

async function sbomUnderTag(client: RegistryClient, repository: Repository, tag: string, signal: AbortSignal): Promise<Found | undefined> {
  const fetched = await readTag(client, repository, tag, signal)
  return fetched && onlyLayer(readSignatureManifest(fetched, nameOfTag(repository, tag)), tag)
}

/** The last one, as of attestations and signatures of this layout. A referrer that cannot be read is passed over: it may be anything. */
async function sbomAmongReferrers(
  client: RegistryClient,
  repository: Repository,
  image: OciDigest,
  signal: AbortSignal,
): Promise<Found | undefined> {
  let last: Found | undefined
  for (const { digest } of await listReferrers(client, repository, image, signal)) {
    const source = `referrer ${digest}`
    try {
      const manifest = parseReferrer(await client.fetchManifest(repository, digest, signal), image, source)
      if (manifest.kind === 'image' && manifest.config.mediaType === sbomReferrerType) last = onlyLayer(manifest, source)
    } catch (error) {
      if (!isAboutContent(error)) throw error
    }
  }
  return last
}

function onlyLayer({ layers, annotations }: ImageManifest, source: string): Found {
  const [layer, ...others] = layers
  if (!layer || others.length > 0)
    throw new CountersignError('MANIFEST_MALFORMED', `${source}: want one layer, the SBOM, got ${layers.length}`)
  return { layer, source, created: annotations?.get(createdAnnotation) }
}
