import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { findManifestImages, manifestLimitBytes } from '../../../formats/kubernetes-manifest/manifest-images.ts'
import type { CommandFunction } from '../../command.ts'
import type { manifestVerifyFlags } from '../../flags/documents.ts'
import { readDocument, tellImages } from '../../inputs/documents.ts'
import { verifyImages } from './verify.ts'

/** `manifest verify`: verifies every image that the objects of a Kubernetes manifest run. */
export const verifyManifest: CommandFunction<typeof manifestVerifyFlags> = async (context, flags, args) => {
  const [path = ''] = args
  if (path !== '-' && !/\.(yaml|yml|json)$/i.test(path))
    throw new CountersignError('USAGE', `manifest: want a file named *.yaml, *.yml or *.json, or - for standard input, got ${quote(path)}`)
  const text = await readDocument(context, 'manifest', path, manifestLimitBytes)
  const { images, passedOver, unread } = findManifestImages(text)
  for (const object of passedOver) context.debug(`${object} names no image`)
  for (const place of unread) context.warn(`${place} is no name of an image, and is not verified`)
  return await verifyImages(context, flags, tellImages(context, 'manifest', images))
}
