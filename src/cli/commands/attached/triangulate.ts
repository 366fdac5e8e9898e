import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { repositoryName } from '../../../oci/reference.ts'
import type { CommandFunction } from '../../command.ts'
import type { triangulateFlags } from '../../flags/attached.ts'
import { signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'

/** `triangulate`: the name under which the older layout keeps what is attached to an image. Source: formats-and-flows §10. */
export const triangulate: CommandFunction<typeof triangulateFlags> = async (context, flags, [image]) => {
  const { reference, client } = await openTarget(context, flags, image!, { willPush: false })
  const digest = reference.digest ?? (await client.resolve(reference, context.signal)).digest
  const place = repositoryName(signatureRepository(context, reference))
  const name =
    flags.type === 'digest' ? `${place}@${digest}` : `${place}:${signatureTag(digest, suffixes[flags.type], flags.attachmentTagPrefix)}`
  context.stdout(`${name}\n`)
  return 0
}

const suffixes = { signature: 'sig', attestation: 'att', sbom: 'sbom' } as const
