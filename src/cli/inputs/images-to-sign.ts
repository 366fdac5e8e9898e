import { listImageTree } from '../../oci/image-tree.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import { formatReference, type ImageReference, type Repository } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import type { CommandContext } from '../context.ts'
import type { Target } from './targets.ts'

/** A manifest to sign, where it is. */
export type ImageToSign = { readonly client: RegistryClient; readonly repository: Repository; readonly descriptor: Descriptor }

/**
 * The images that targets name, as they are now, with `recursive` every manifest of an index too. Whoever names one by a tag is warned.
 *
 * @throws CountersignError `IMAGE_NOT_FOUND` and whatever else the registry answers; `LIMIT_EXCEEDED`
 */
export async function lookUpImages(
  context: CommandContext,
  targets: readonly Target[],
  recursive: boolean,
): Promise<readonly ImageToSign[]> {
  const images: ImageToSign[] = []
  for (const { client, reference, isLocal } of targets) {
    if (!reference.digest && !isLocal) warnOfTag(context, reference)
    const root = await client.resolve(reference, context.signal)
    const nodes = recursive ? await listImageTree(client, reference, root, context.signal) : [{ descriptor: root }]
    images.push(...nodes.map(({ descriptor }) => ({ client, repository: reference, descriptor })))
  }
  return images
}

/** cosign's own words. */
function warnOfTag(context: CommandContext, reference: ImageReference): void {
  context.warn(
    `Image reference ${formatReference(reference)} uses a tag, not a digest, to identify the image to sign.\n` +
      '    This can lead you to sign a different image than the intended one. Please use a\n' +
      '    digest (example.com/ubuntu@sha256:abc123...) rather than tag\n' +
      '    (example.com/ubuntu:latest) for the input to cosign. The ability to refer to\n' +
      '    images by tag will be removed in a future release.\n',
  )
}
