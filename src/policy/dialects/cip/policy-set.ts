import { compareNames } from '../../../codec/json/sorted-json.ts'
import type { AdmittedObject, NamedImage, PolicySet, Selected } from '../../model.ts'
import { digestDecides, matchesImage } from './match/image-glob.ts'
import { matchesObject } from './match/object-match.ts'
import type { TranslatedCip } from './translate/translate-policy.ts'

/** What holds for all ClusterImagePolicies together. */
export type CipSetOptions = {
  /** `no-match-policy` as it is written; whatever is none of `allow`, `warn` and `deny` is `deny`. */
  readonly noMatchPolicy?: string
  /** Try the name of an image as it was written, tag and all, too: library and tester do, the webhook never (spec admission §1.2.4). */
  readonly triesOriginal?: boolean
}

/**
 * The ClusterImagePolicies of a cluster. One applies to an image where a glob holds of its name and an entry of `match` of the object. With a
 * digest in its reference an image has no tag that a glob could hold of: whoever resolves tags does so before.
 *
 * @see spec admission §1.1 `match[]`, §1.2, §1.7 `no-match-policy`
 */
export function createCipPolicySet(policies: readonly TranslatedCip[], options: CipSetOptions = {}): PolicySet {
  const ordered = policies.toSorted((a, b) => compareNames(a.policy.name, b.policy.name))
  const { noMatchPolicy, triesOriginal = false } = options
  return {
    dialect: 'cip',
    select: (image, object) => ordered.flatMap(translated => selectedBy(translated, image, object, triesOriginal)),
    digestDecides: ({ reference }, object) =>
      !triesOriginal &&
      ordered.some(({ cip }) => matchesObject(cip.match, object) && cip.images.some(glob => digestDecides(glob, reference))),
    whenNone: noMatchPolicy === 'allow' || noMatchPolicy === 'warn' ? noMatchPolicy : 'deny',
  }
}

function selectedBy(
  { cip, policy }: TranslatedCip,
  image: NamedImage,
  object: AdmittedObject,
  triesOriginal: boolean,
): readonly Selected[] {
  if (!matchesObject(cip.match, object)) return []
  const glob = cip.images.find(one => matchesImage(one, image.reference, triesOriginal ? image.original : undefined))
  return glob ? [{ policy, matchedBy: `glob ${glob.source}` }] : []
}
