import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { AttachmentKind } from '../../../oci/mirror/attachment-kind.ts'
import { resolvePlatform } from '../../../oci/mirror/platform.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { copyFlags } from '../../flags/contents/moving.ts'
import { openTarget } from '../../inputs/targets.ts'
import { moveImage, tagOf } from './move-image.ts'

/** `copy`: an image with all that belongs to it, from one place to another. Source: formats-and-flows §10. */
export const copyImage: CommandFunction<typeof copyFlags> = async (context, flags, [from, to]) => {
  const kinds = kindsOf(flags)
  const source = await openTarget(context, flags, from!, { willPush: false })
  const destination = await openTarget(context, flags, to!, { willPush: true })
  const { client, reference } = source
  const image =
    flags.platform === ''
      ? await client.resolve(reference, context.signal)
      : await resolvePlatform(client, reference, flags.platform, context.signal)
  const named = tagOf(destination.reference, image)
  const isWhole = kinds === 'all'
  const options = {
    image,
    kinds,
    ...(isWhole && named), // as with cosign, what was chosen travels with the image, but the tag does not
    force: flags.force,
    replaceSubjects: flags.force && isWhole && named.tag !== undefined, // then the image hangs on the tag that is written
  }
  await moveImage(context, { verb: 'copying', source, destination, repositoryOf: 'source', options }, flags)
  return 0
}

const choices = ['sig', 'sbom', 'att'] as const

/** @throws CountersignError `USAGE` in cosign's words */
function kindsOf({ only, sigOnly }: FlagsOf<typeof copyFlags>): 'all' | ReadonlySet<AttachmentKind> {
  const names = [...only, ...(sigOnly ? ['sig'] : [])]
  const chosen = choices.filter(choice => names.includes(choice))
  const stranger = names.find(name => !choices.some(choice => choice === name))
  if (stranger !== undefined)
    throw new CountersignError(
      'USAGE',
      `invalid value for --only: ${quote(stranger)}, only the following values are supported: [${choices.join(' ')}]`,
    )
  return chosen.length === 0 ? 'all' : new Set(chosen)
}
