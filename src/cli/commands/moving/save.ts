import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { CommandFunction } from '../../command.ts'
import type { saveFlags } from '../../flags/moving.ts'
import { openTargets } from '../../inputs/targets.ts'
import { moveImage } from './move-image.ts'

/**
 * `save`: an image with all that belongs to it, into a layout on disk. A folder is for one image, as cosign reads it;
 * another one in it is replaced when asked for, and only once the new one is whole.
 */
export const saveImage: CommandFunction<typeof saveFlags> = async (context, flags, [name]) => {
  if (flags.dir === '') throw new CountersignError('USAGE', '--dir: want the folder to save to')
  const [source] = await openTargets(context, flags, [name!], { willPush: false })
  const [destination] = await openTargets(context, flags, [`oci:${flags.dir}`], { willPush: true })
  const image = await source!.client.resolve(source!.reference, context.signal)
  const { client, reference } = destination!
  const earlier = reference.digest === image.digest ? undefined : reference.digest
  if (earlier !== undefined && !flags.force)
    throw new CountersignError('TAG_TAKEN', `folder ${quote(flags.dir)}: it holds another image, ${earlier}. Use \`-f\` to replace it`)
  const options = { image, kinds: 'all', tag: source!.reference.tag ?? 'latest', force: flags.force, replaceSubjects: false } as const
  await moveImage(context, { verb: 'saving', source: source!, destination: destination!, repositoryOf: 'source', options }, flags)
  if (earlier !== undefined) await client.deleteManifest(reference, earlier, context.signal)
  return 0
}
