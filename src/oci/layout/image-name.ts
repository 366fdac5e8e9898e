import { CountersignError } from '../../codec/error.ts'
import type { Descriptor } from '../manifest.ts'
import { formatReference, parseImageReference } from '../reference.ts'

/** The annotation with the whole name of an image, as containerd and `docker save` write it beside its tag. */
export const imageNameAnnotation = 'io.containerd.image.name'

/** The whole name of an image, where its tool wrote one. */
export function imageNameOf(entry: Descriptor): string | undefined {
  return entry.annotations?.get(imageNameAnnotation)
}

/** Whether an entry has this name, in whatever spelling: `busybox` is `docker.io/library/busybox:latest`. */
export function hasImageName(entry: Descriptor, name: string): boolean {
  const own = imageNameOf(entry)
  return own !== undefined && fullImageName(own) === fullImageName(name)
}

/** The name with registry and tag; one that is no image name, as any tool may write into an index, stays as it is. */
export function fullImageName(name: string): string {
  try {
    return formatReference(parseImageReference(name))
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    return name
  }
}
