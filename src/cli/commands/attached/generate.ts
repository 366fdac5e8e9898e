import { CountersignError } from '../../../codec/error.ts'
import { encodeSimpleSigning } from '../../../formats/simple-signing.ts'
import { repositoryName } from '../../../oci/reference.ts'
import type { CommandFunction } from '../../command.ts'
import type { generateFlags } from '../../flags/attached.ts'
import { annotationsFromFlag } from '../../inputs/annotations.ts'
import { openTarget } from '../../inputs/targets.ts'

/**
 * `generate`: the payload that `sign` would sign for an image in the older layout, for signing by other means. No line end
 * follows it: each byte is signed. Source: formats-and-flows §2.1.
 */
export const generatePayload: CommandFunction<typeof generateFlags> = async (context, flags, [image]) => {
  const optional = annotationsFromFlag(flags.annotations)
  const { reference, client, isLocal } = await openTarget(context, flags, image!, { willPush: false })
  if (isLocal)
    throw new CountersignError(
      'USAGE',
      `${image}: a payload names a repository, and an image on the disk is in none; \`sign --format legacy\` takes a name by --sign-container-identity`,
    )
  const manifestDigest = reference.digest ?? (await client.resolve(reference, context.signal)).digest
  context.stdout(encodeSimpleSigning({ dockerReference: repositoryName(reference), manifestDigest, optional }))
  return 0
}
