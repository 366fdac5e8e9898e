import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { ociDigestOf } from '../../../formats/oci-digest.ts'
import { attachReferrer } from '../../../oci/attached/attach-referrer.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { createFileArtifact } from '../../../oci/file-artifact.ts'
import { ociLimits } from '../../../oci/limits.ts'
import { createDescriptor } from '../../../oci/manifest.ts'
import { repositoryName } from '../../../oci/reference.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { attachSbomFlags } from '../../flags/attesting/attach.ts'
import { readBlob } from '../../inputs/artifacts.ts'
import { legacyLayout, maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'

type Flags = FlagsOf<typeof attachSbomFlags>

/** Config media type that marks a referrer as an SBOM. */
const sbomReferrerType = 'application/vnd.dev.cosign.artifact.sbom.v1+json'

/**
 * `attach sbom`: stores an SBOM as it is beside its image: under the tag `sha256-HEX.sbom`, where it takes the place of another, or as a
 * referrer. Nobody signs it.
 *
 * @see formats-and-flows §2.2 and §10
 */
export const attachSbom: CommandFunction<typeof attachSbomFlags> = async (context, flags, [name]) => {
  if (flags.sbom === '') throw new CountersignError('USAGE', 'want --sbom FILE, or - for standard input, got none')
  const formats = formatsOf(flags)
  context.warn(
    'attaching an SBOM like this does not sign it, so nobody can tell who made it, and cosign will not do it for ever; `attest` signs it',
  )
  const { client, reference } = await openTarget(context, flags, name!, { willPush: true })
  const { maxBytes = ociLimits.attachmentBytes } = maxAttachmentBytes(context)
  const bytes = await readBlob(context, flags.sbom, maxBytes)
  const mediaType = mediaTypeOf(flags, formats, bytes)
  const image = await client.resolve(reference, context.signal)
  const { subject } = legacyLayout(context, { ...flags, recordCreationTimestamp: false }, image)
  const file = createDescriptor({ mediaType, size: bytes.length, digest: ociDigestOf(bytes) })
  const repository = signatureRepository(context, reference)
  const { descriptor, manifest, config } = createFileArtifact(file, subject ? { subject, configType: sbomReferrerType } : {})
  const tag = signatureTag(image.digest, 'sbom', flags.attachmentTagPrefix)
  const place = subject ? `${repositoryName(repository)}@${descriptor.digest}` : `${repositoryName(repository)}:${tag}`
  context.stderr(`Uploading SBOM file for [${repositoryName(reference)}@${image.digest}] to [${place}] with mediaType [${mediaType}].\n`)
  if (subject) await attachReferrer(client, context.world, repository, { subject, manifest, blobs: [config!, bytes] }, context.signal)
  else {
    for (const blob of [config!, bytes]) await client.pushBlob(repository, blob, context.signal)
    await client.pushManifest(repository, tag, manifest, descriptor.mediaType, context.signal)
  }
  return 0
}

type Format = 'json' | 'xml' | 'text'

const formatsOfType = { spdx: ['json', 'text'], cyclonedx: ['json', 'xml'], syft: ['json'] } as const satisfies Record<
  Flags['type'],
  readonly Format[]
>

const mediaTypes = new Map([
  ['spdx json', 'text/spdx+json'],
  ['spdx text', 'text/spdx'],
  ['cyclonedx json', 'application/vnd.cyclonedx+json'],
  ['cyclonedx xml', 'application/vnd.cyclonedx+xml'],
  ['syft json', 'application/vnd.syft+json'],
])

/** What an SBOM of this type may be written in. @throws CountersignError `USAGE` for a format that the type has not */
function formatsOf({ type, inputFormat }: Flags): readonly Format[] {
  const formats: readonly Format[] = formatsOfType[type]
  if (inputFormat === '') return formats
  if (!formats.includes(inputFormat))
    throw new CountersignError('USAGE', `invalid SBOM input format: "${inputFormat}", expected (${formats.join('|')})`)
  return [inputFormat]
}

/** @throws CountersignError `USAGE` for an SBOM that is not written in what it must be; cosign stores it as what it is not */
function mediaTypeOf({ sbom, type }: Flags, formats: readonly Format[], bytes: Uint8Array): string {
  const found = formatFound(bytes)
  const format = formats.find(format => format === found)
  const mediaType = mediaTypes.get(`${type} ${format}`)
  if (mediaType === undefined) throw new CountersignError('USAGE', `--sbom ${sbom}: want ${type} as ${formats.join(' or ')}, got ${found}`)
  return mediaType
}

function formatFound(bytes: Uint8Array): Format {
  const text = decodeUtf8(bytes, 'SBOM')
  if (/^\s*</.test(text)) return 'xml'
  try {
    JSON.parse(text)
    return 'json'
  } catch {
    return 'text'
  }
}
