import { CountersignError } from '../../codec/error.ts'
import type { AdmittedObject } from '../model.ts'
import type { CustomImages } from './image-path.ts'
import { imagesOf } from './images-of.ts'

/**
 * Whether an update changes what runs: an image that is another, is new, is gone or stands elsewhere. What cannot be read has changed, so
 * that nothing passes for its sake. Other changes, of the number of replicas say, are none (D6).
 */
export function imagesChanged(before: AdmittedObject, after: AdmittedObject, custom: readonly CustomImages[]): boolean {
  const [old, now] = [placedImages(before, custom), placedImages(after, custom)]
  return old === undefined || now === undefined || old.size !== now.size || [...now].some(([pointer, image]) => old.get(pointer) !== image)
}

function placedImages(object: AdmittedObject, custom: readonly CustomImages[]): ReadonlyMap<string, string> | undefined {
  try {
    return new Map(imagesOf(object, custom).map(({ pointer, original }) => [pointer, original]))
  } catch (error) {
    if (error instanceof CountersignError) return undefined
    throw error
  }
}
