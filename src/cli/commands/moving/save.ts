import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { imagesOf, isNamed } from '../../../oci/layout/layout-entries.ts'
import { readLayoutIndex } from '../../../oci/layout/layout-index.ts'
import type { CommandFunction } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { saveFlags } from '../../flags/contents/moving.ts'
import { openLocalImage, openTarget } from '../../inputs/targets.ts'
import { moveImage } from './move-image.ts'

/**
 * `save`: an image with all that belongs to it, into a layout on disk. A folder is for one image, as cosign reads it;
 * another one in it is replaced when asked for, and only once the new one is whole.
 */
export const saveImage: CommandFunction<typeof saveFlags> = async (context, flags, [name]) => {
  const { dir, force } = flags
  if (dir === '') throw new CountersignError('USAGE', 'want --dir FOLDER, the folder to save to, got none')
  const source = await openTarget(context, flags, name!, { willPush: false })
  const tag = source.reference.tag ?? 'latest'
  const destination = await openLocalImage(context, dir, { willPush: true, tag })
  const image = await source.client.resolve(source.reference, context.signal)
  const others = (await savedImages(context, dir)).filter(digest => digest !== image.digest)
  if (others.length > 0 && !force)
    throw new CountersignError('TAG_TAKEN', `folder ${quote(dir)}: it holds another image, ${others[0]}. Use \`-f\` to replace it`)
  const options = { image, kinds: 'all', tag, force, replaceSubjects: false } as const
  await moveImage(context, { verb: 'saving', source, destination, repositoryOf: 'source', options }, flags)
  const { client, reference } = destination
  for (const digest of others) await client.deleteManifest(reference, digest, context.signal)
  return 0
}

/** The images in a folder; what a save that was interrupted left there has no name yet. */
async function savedImages(context: CommandContext, dir: string): Promise<readonly OciDigest[]> {
  const index = await readLayoutIndex(context.files.folder(dir))
  return index
    ? imagesOf(index)
        .filter(isNamed)
        .map(({ digest }) => digest)
    : []
}
