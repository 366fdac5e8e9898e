import { isDeepStrictEqual } from 'node:util'
import { CountersignError } from '../../codec/error.ts'
import type { CustomImages } from '../images/image-path.ts'
import { imagesOf } from '../images/images-of.ts'
import type { AdmittedObject, NamedImage, PolicySet, Requirement } from '../model.ts'

/**
 * Whether an update that changes no image may yet be judged otherwise than what was there: where other policies apply to its images by what
 * the object is now, its labels say, and where a program of one that applies looks at the object. So it is, too, where that cannot be told.
 */
export function isJudgedAnew(
  before: AdmittedObject,
  after: AdmittedObject,
  sets: readonly PolicySet[],
  custom: readonly CustomImages[],
): boolean {
  try {
    return imagesOf(after, custom).some(image => sets.some(set => differs(set, image, before, after)))
  } catch (error) {
    if (error instanceof CountersignError) return true
    throw error
  }
}

function differs(set: PolicySet, image: NamedImage, before: AdmittedObject, after: AdmittedObject): boolean {
  const selected = set.select(image, after)
  if (selected.some(({ policy }) => seesObject(policy.requirement))) return true
  if (isDeepStrictEqual(before.labels, after.labels)) return false // what else policies are chosen by cannot change
  const known = new Set(set.select(image, before).map(({ policy }) => policy))
  return set.digestDecides?.(image, after) === true || selected.length !== known.size || selected.some(({ policy }) => !known.has(policy))
}

function seesObject(requirement: Requirement): boolean {
  switch (requirement.kind) {
    case 'static':
    case 'unusable':
    case 'authority':
      return false
    case 'quorum':
      return requirement.of.some(seesObject)
    case 'judged':
      return requirement.seesObject !== false || seesObject(requirement.requirement)
    default:
      throw new TypeError(`unhandled requirement ${requirement satisfies never}`)
  }
}
