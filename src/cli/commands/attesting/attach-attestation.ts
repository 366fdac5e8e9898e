import { CountersignError } from '../../../codec/error.ts'
import { bundleLimitBytes } from '../../../formats/bundle.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { repositoryName } from '../../../oci/reference.ts'
import { attachGivenAttestation, readGivenAttestations } from '../../../sign/attestation/given-attestation.ts'
import type { CommandFunction } from '../../command.ts'
import type { attachAttestationFlags } from '../../flags/attesting/attach.ts'
import { readBlob } from '../../inputs/artifacts.ts'
import { legacyLayout, signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'

/**
 * `attach attestation`: stores attestations that were made elsewhere beside their image. All of them are read before the first is stored:
 * each must be about the image, which cosign does not ask; who signed them is for `verify-attestation`.
 */
export const attachAttestations: CommandFunction<typeof attachAttestationFlags> = async (context, flags, [name]) => {
  if (flags.attestation.length === 0) throw new CountersignError('USAGE', 'want --attestation FILE, or - for standard input, got none')
  if (flags.attestation.filter(path => path === '-').length > 1)
    throw new CountersignError('USAGE', '--attestation: standard input is read once, and - is named twice')
  const { client, reference } = await openTarget(context, flags, name!, { willPush: true })
  const image = await client.resolve(reference, context.signal)
  const attestations = []
  for (const path of flags.attestation) {
    const what = `attestation ${path}`
    attestations.push(...readGivenAttestations(await readBlob(context, path, bundleLimitBytes), image.digest, what))
    context.stderr(`Using payload from: ${path}\n`)
  }
  const repository = signatureRepository(context, reference)
  const place = { repository, tag: signatureTag(image.digest, 'att', flags.attachmentTagPrefix) }
  const layout = legacyLayout(context, { recordCreationTimestamp: false, registryReferrersMode: '' }, image)
  let added = 0
  for (const given of attestations) {
    const outcome = await attachGivenAttestation(client, context.world, place, image, given, layout, context.signal)
    if (outcome.added) added++
  }
  if (added < attestations.length)
    context.stderr(
      `${attestations.length - added} of ${attestations.length} were attached to ${repositoryName(reference)}@${image.digest} already\n`,
    )
  return 0
}
