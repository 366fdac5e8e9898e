import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type Descriptor, type Platform, parseManifest } from '../manifest.ts'
import { formatReference, type ImageReference } from '../reference.ts'
import type { RegistryClient, ResolvedImage } from '../registry-client.ts'

/**
 * The one image of an index that is for a platform: `linux/arm64`, `linux/arm/v7`, and `linux` where the index has but one
 * of it. A part that is left out matches any.
 *
 * @throws CountersignError `PLATFORM_NOT_FOUND`; `USAGE` when several match, or the image is no index
 */
export async function resolvePlatform(
  client: RegistryClient,
  reference: ImageReference,
  wanted: string,
  signal: AbortSignal,
): Promise<ResolvedImage> {
  const what = `image ${formatReference(reference)}`
  const [os = '', architecture, variant, ...rest] = wanted.split('/')
  if (os === '' || rest.length > 0) throw new CountersignError('USAGE', `--platform: want OS/ARCH[/VARIANT], got ${quote(wanted)}`)
  const image = await client.resolve(reference, signal)
  const index = parseManifest(image.manifest, what)
  if (index.kind !== 'index') throw new CountersignError('USAGE', `${what}: specified reference is not a multiarch image`)
  const isWanted = ({ platform }: Descriptor) =>
    platform?.os === os &&
    (architecture === undefined || platform.architecture === architecture) &&
    (variant === undefined || platform.variant === variant)
  const [found, ...others] = index.manifests.filter(isWanted)
  if (!found) throw new CountersignError('PLATFORM_NOT_FOUND', `${what}: unable to find an entity for ${quote(wanted)}`)
  if (others.length > 0)
    throw new CountersignError(
      'USAGE',
      `${what}: platform spec matches more than one image architecture: ${[found, ...others].map(({ platform }) => spell(platform!)).join(', ')}`,
    )
  return await client.resolve({ ...reference, digest: found.digest }, signal)
}

function spell({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].map(part => part.replace(/[^\w.-]/g, '?')).join('/')
}
