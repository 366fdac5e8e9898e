import { setImmediate } from 'node:timers/promises'
import { CountersignError } from '../../codec/error.ts'
import { inParallel } from '../../oci/in-parallel.ts'
import type { CustomImages } from '../images/image-path.ts'
import { imagesOf } from '../images/images-of.ts'
import type { AdmittedObject, ImageVerdict, NamedImage, Outcome, PolicySet } from '../model.ts'
import type { Access } from './access.ts'
import { worst } from './combine.ts'
import { judgeImage } from './evaluate-image.ts'
import { createInquiry, type InquiryMemory } from './inquiry.ts'
import { outcomeOf } from './requirement/refused-verdict.ts'

/** What came of an object: every image by itself, in the order of its fields. */
export type ObjectVerdict = {
  readonly object: AdmittedObject
  readonly outcome: Outcome // `passed` only where every image passed
  readonly images: readonly ImageVerdict[]
  readonly failure?: CountersignError // why its images could not be told
}

/** How an object is evaluated. */
export type EvaluateObjectOptions = InquiryMemory & {
  readonly custom?: readonly CustomImages[] // where images stand in kinds that others defined
}

const maxImagesAtOnce = 8

/**
 * Judges every image of an object. A tag is looked up once and evidence fetched and verified once, however many containers name it. As
 * with one image, nothing is thrown but a defect, and what could not be found out admits nobody.
 *
 * @param signal - the deadline of the whole
 */
export async function evaluateObject(
  object: AdmittedObject,
  sets: readonly PolicySet[],
  access: Access,
  signal: AbortSignal,
  { custom = [], ...memory }: EvaluateObjectOptions = {},
): Promise<ObjectVerdict> {
  const named = imagesOrFailure(object, custom)
  if (named instanceof CountersignError) return { object, outcome: outcomeOf(named.kind), images: [], failure: named }
  const inquiry = createInquiry(access, signal, memory)
  const images = await inParallel(named, maxImagesAtOnce, async (image, index) => {
    if (index >= maxImagesAtOnce) await setImmediate() // comparing a name with all policies may take a while: others have their turn
    return await judgeImage(image, object, sets, inquiry)
  })
  const outcome = named.length === 0 ? 'passed' : worst(images.map(image => image.outcome)) // of a kind whose images may be left out
  return { object, outcome, images }
}

function imagesOrFailure(object: AdmittedObject, custom: readonly CustomImages[]): readonly NamedImage[] | CountersignError {
  try {
    return imagesOf(object, custom)
  } catch (error) {
    if (error instanceof CountersignError) return error
    throw error
  }
}
