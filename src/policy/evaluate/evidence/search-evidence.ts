import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { isBundleMediaType } from '../../../formats/bundle.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { fetchEvidence } from '../../../oci/attached/image-evidence.ts'
import { listReferrersByApi } from '../../../oci/attached/referrers.ts'
import type { Repository } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { Candidate } from '../../../verify/evidence.ts'
import type { Authority } from '../../model.ts'
import { observedClient } from './observed-client.ts'

/** Which evidence of an image is looked for, in one place. */
export type WantedEvidence = Pick<Authority, 'formats' | 'legacyReferrers'> & {
  readonly image: OciDigest
  readonly repository: Repository
  readonly tagPrefix: string
  readonly of: 'signatures' | 'attestations'
  readonly predicateType: string
  readonly needsAll: boolean // nothing there may hide anything else
}

/** What was found. */
export type FoundEvidence = {
  readonly candidates: readonly Candidate[]
  readonly looked: readonly string[] // where, and what was there of other kinds
}

const maxWorkers = 4
const maxTypesShown = 10

/**
 * Looks for evidence, and keeps account of where. Where there is none of the format asked for, it looks whether there is any of the other,
 * which changes no verdict: whoever is refused must learn of it.
 *
 * @throws CountersignError of kind `unavailable` or `denied` from the registry, `LIMIT_EXCEEDED`
 */
export async function searchEvidence(client: RegistryClient, wanted: WantedEvidence, signal: AbortSignal): Promise<FoundEvidence> {
  const { image, repository, tagPrefix, of, predicateType, formats, legacyReferrers, needsAll } = wanted
  const observed = observedClient(client)
  const query = {
    image,
    repository,
    of,
    tag: signatureTag(image, of === 'signatures' ? 'sig' : 'att', tagPrefix),
    formats: needsAll ? ('every' as const) : formats === 'bundle' ? ('bundle-first' as const) : formats,
    legacyReferrers,
    predicateTypes: [predicateType],
    maxWorkers,
  }
  const found = await fetchEvidence(observed.client, query, signal)
  const candidates = found.filter(({ format }) => isAskedFor(formats, format))
  const besides = [...(await ofOtherFormat(client, wanted, found, candidates, signal)), ...ofOtherTypes(candidates)]
  return { candidates, looked: [...observed.looked(), ...besides] }
}

/** Nothing of another format than the one asked for counts, wherever it was found. */
function isAskedFor(formats: Authority['formats'], format: Candidate['format']): boolean {
  switch (formats) {
    case 'bundle':
      return format === 'bundle'
    case 'legacy':
      return format !== 'bundle'
    case 'bundle-first':
    case 'every':
      return true
    default:
      throw new TypeError(`unhandled formats ${formats satisfies never}`)
  }
}

/** What is there in the format that was not asked for, in words. */
async function ofOtherFormat(
  client: RegistryClient,
  { formats, repository, image }: WantedEvidence,
  found: readonly Candidate[],
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (candidates.length > 0) return []
  if (formats === 'bundle')
    return found.length === 0 ? [] : [`${found.length} in the older layout present; only Sigstore bundles are asked for`]
  if (formats !== 'legacy') return []
  const bundles = await countBundles(client, repository, image, signal)
  return bundles === 0
    ? []
    : [`${bundles} ${bundles === 1 ? 'referrer' : 'referrers'} of the type of Sigstore bundles present; only the older layout is asked for`]
}

async function countBundles(client: RegistryClient, repository: Repository, image: OciDigest, signal: AbortSignal): Promise<number> {
  try {
    const referrers = (await listReferrersByApi(client, repository, image, signal)) ?? []
    return referrers.filter(({ artifactType = '' }) => isBundleMediaType(artifactType)).length
  } catch (error) {
    if (error instanceof CountersignError) return 0 // the search itself has its answer
    throw error
  }
}

/** Types of attestations that are there and were not asked for, in words. */
function ofOtherTypes(candidates: readonly Candidate[]): readonly string[] {
  const types = [...new Set(candidates.flatMap(({ declaredPredicateType }) => declaredPredicateType ?? []))].sort()
  if (types.length === 0) return []
  const more = types.length > maxTypesShown ? `, and ${types.length - maxTypesShown} more` : ''
  return [`attestations of other types present: ${types.slice(0, maxTypesShown).map(quote).join(', ')}${more}`]
}
