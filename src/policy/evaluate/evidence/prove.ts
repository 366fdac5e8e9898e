import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { inParallel } from '../../../oci/in-parallel.ts'
import type { Repository } from '../../../oci/reference.ts'
import { withSearchedEntries } from '../../../sign/rekor/searched-entries.ts'
import { type Derivation, VerificationError } from '../../../verify/derivation.ts'
import type { Candidate } from '../../../verify/evidence.ts'
import type { Policy } from '../../../verify/policy.ts'
import { type VerifiedSignature, verify } from '../../../verify/verify.ts'
import type { Authority, EvidencePlace } from '../../model.ts'
import type { Access } from '../access.ts'
import type { FoundEvidence, WantedEvidence } from './search-evidence.ts'

/** What the evidence for an image proved of one authority, or that it did not. Either is an answer. */
export type Proof = {
  readonly looked: readonly string[]
  readonly signatures: readonly VerifiedSignature[] // none where it did not
  readonly derivation: Derivation | undefined
  readonly failure?: CountersignError // why it did not
}

/** What is to be proven of an image. */
export type Proving = {
  readonly authority: Authority
  readonly digest: OciDigest
  readonly home: Repository // the image's own
  readonly of: 'signatures' | 'attestations'
  readonly predicateType: string // a signature that is a statement has one as well
  readonly needsAll: boolean // what is there must hold, so no place may be left out
  readonly now: Date
}

/** Looks for evidence in one place. */
export type SearchPlace = (place: EvidencePlace, wanted: Omit<WantedEvidence, 'tagPrefix'>, signal: AbortSignal) => Promise<FoundEvidence>

/** Clocks of logs and of this machine may differ by this much. */
const clockSkewMs = 5 * 60_000
const maxWorkers = 4

/**
 * Verifies what is found in all places of an authority together. A place that cannot be looked at is no matter where another proves enough.
 *
 * @throws CountersignError where it could not be found out, and where a place refused to say; `USAGE` for demands that demand nothing
 */
export async function prove(proving: Proving, search: SearchPlace, access: Access, signal: AbortSignal): Promise<Proof> {
  const { authority, digest, of, needsAll } = proving
  const { candidates, looked, failures } = await searchPlaces(proving, search, signal)
  const [unseen] = failures
  if (unseen && needsAll) throw unseen
  const policy = policyOf(proving)
  const completed = await withAskedEntries(candidates, authority, policy, access, signal)
  try {
    const { signatures, derivation } = await verify(completed, authority.trust, policy)
    return { looked, signatures, derivation }
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    if (unseen) throw unseen
    return {
      looked,
      signatures: [],
      derivation: error.derivation,
      failure: refusalOf(error, candidates, of, proving.predicateType, digest),
    }
  }
}

async function searchPlaces({ authority, digest, home, of, predicateType, needsAll }: Proving, search: SearchPlace, signal: AbortSignal) {
  const { formats, legacyReferrers, places } = authority
  const found = await inParallel(places, maxWorkers, async place => {
    const wanted = { image: digest, repository: place.repository ?? home, of, predicateType, formats, legacyReferrers, needsAll }
    try {
      return await search(place, wanted, signal)
    } catch (error) {
      if (error instanceof CountersignError) return error
      throw error
    }
  })
  const isAnswer = (answer: FoundEvidence | CountersignError): answer is FoundEvidence => !(answer instanceof CountersignError)
  const answers = found.filter(isAnswer)
  return {
    candidates: answers.flatMap(answer => answer.candidates),
    looked: answers.flatMap(answer => answer.looked),
    failures: found.flatMap(answer => (isAnswer(answer) ? [] : [answer])),
  }
}

function policyOf({ authority, digest, predicateType, now }: Proving): Policy {
  return {
    ...authority.demands,
    artifact: { kind: 'image', digest },
    predicateTypes: [predicateType],
    now,
    clockSkewMs,
    unsafeSkipClaims: false,
  }
}

async function withAskedEntries(
  candidates: readonly Candidate[],
  { askedLog, trust }: Authority,
  policy: Policy,
  access: Access,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  if (!askedLog) return candidates
  return await inParallel(candidates, maxWorkers, candidate =>
    withSearchedEntries(candidate, trust, policy, signature => access.searchLog(askedLog, signature, signal)),
  )
}

/** That there is nothing to verify is said in words of its own: an attestation is no signature, and one of another type none of this. */
function refusalOf(
  error: VerificationError,
  candidates: readonly Candidate[],
  of: Proving['of'],
  predicateType: string,
  digest: OciDigest,
): CountersignError {
  const isNone = candidates.length === 0 || (of === 'signatures' && error.code === 'PREDICATE_TYPE_MISMATCH')
  if (!isNone) return error
  if (of === 'signatures') return new CountersignError('SIGNATURES_NOT_FOUND', `no signatures found for ${digest}`, { cause: error })
  return new CountersignError('ATTESTATIONS_NOT_FOUND', `no attestations of type ${quote(predicateType)} found for ${digest}`, {
    cause: error,
  })
}
