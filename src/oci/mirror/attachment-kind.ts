import { isBundleMediaType, predicateTypeAnnotation } from '../../formats/bundle.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { type FetchedManifest, type ImageManifest, kindOf, parseManifest } from '../manifest.ts'

/** What something attached to an image is: the names of `--only`, and `other` for foreign artifacts. */
export type AttachmentKind = 'sig' | 'att' | 'sbom' | 'other'

const signatureType = /^application\/vnd\.(?:dev\.cosign\.artifact\.sig\.|cncf\.notary\.signature)/
const attestationType = /^application\/vnd\.(?:in-toto\+|dsse\.|dev\.cosign\.artifact\.att\.)/
const sbomType = /spdx|cyclonedx|syft|cosign\.artifact\.sbom/

/**
 * What a referrer is, as far as its manifest says: a bundle by the predicate type it declares, anything else by its artifact
 * type, its config's type (which says it in cosign's older referrers) or the type of its only layer. It is a word to count
 * and choose by, and proves nothing.
 */
export function kindOfReferrer(fetched: FetchedManifest, what: string): AttachmentKind {
  if (kindOf(fetched.mediaType) !== 'image') return 'other'
  const manifest = parseManifest(fetched, what) as ImageManifest
  const [layer, ...others] = manifest.layers
  const types = [manifest.artifactType, manifest.config.mediaType, others.length === 0 ? layer?.mediaType : undefined]
  const named = types.filter(type => type !== undefined)
  const is = (pattern: RegExp) => named.some(type => pattern.test(type))
  if (named.some(isBundleMediaType)) {
    const predicateType = manifest.annotations?.get(predicateTypeAnnotation)
    return predicateType === undefined || predicateType === signPredicateType ? 'sig' : 'att'
  }
  if (is(signatureType)) return 'sig'
  if (is(sbomType)) return 'sbom'
  return is(attestationType) ? 'att' : 'other'
}
