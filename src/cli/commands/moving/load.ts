import { CountersignError } from '../../../codec/error.ts'
import type { CommandFunction } from '../../command.ts'
import type { loadFlags } from '../../flags/contents/moving.ts'
import { openLocalImage, openTarget } from '../../inputs/targets.ts'
import { moveImage, tagOf } from './move-image.ts'

/** `load`: a saved image with all that belongs to it, into a registry, in an order that strict registries take. */
export const loadImage: CommandFunction<typeof loadFlags> = async (context, flags, [name]) => {
  if (flags.dir === '') throw new CountersignError('USAGE', 'want --dir FOLDER, the folder of a saved image, got none')
  const source = await openLocalImage(context, flags.dir)
  const destination = await openTarget(context, flags, name!, { willPush: true })
  const image = await source.client.resolve(source.reference, context.signal)
  const tag = tagOf(destination.reference, image)
  const options = { image, kinds: 'all', ...tag, force: true, replaceSubjects: false } as const // the tag is overwritten as cosign does, and any push
  await moveImage(context, { verb: 'loading', source, destination, repositoryOf: 'destination', options }, flags)
  return 0
}
