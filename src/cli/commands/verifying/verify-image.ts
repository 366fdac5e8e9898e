import type { OciDigest } from '../../../formats/oci-digest.ts'
import { payloadLimitBytes } from '../../../formats/simple-signing.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { type EvidenceQuery, fetchEvidence } from '../../../oci/attached/image-evidence.ts'
import { inParallel } from '../../../oci/in-parallel.ts'
import { VerificationError } from '../../../verify/derivation.ts'
import { type Candidate, detachedPayloadCandidate, type GivenMaterial, withMaterial } from '../../../verify/evidence.ts'
import type { Policy, Trust } from '../../../verify/policy.ts'
import { type Verdict, verify } from '../../../verify/verify.ts'
import type { FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { verifyFlags } from '../../flags/verify.ts'
import { readFileOrUrl, readSignatureInput } from '../../inputs/artifacts.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { withLogEntries } from '../../inputs/trust/log-lookup.ts'
import { refuseBesideBundle } from '../../inputs/trust/material.ts'
import type { IndexEvidence } from './index-evidence.ts'
import { refusalOfAttestations, refusalOfSignatures } from './refusal.ts'
import type { Subject } from './subject.ts'

/** The flags that say where signatures are looked for. */
export type SearchFlags = Pick<
  FlagsOf<typeof verifyFlags>,
  | 'allowCertificateChain'
  | 'attachmentTagPrefix'
  | 'certificate'
  | 'experimentalOci11'
  | 'newBundleFormat'
  | 'offline'
  | 'payload'
  | 'rekorUrl'
  | 'sct'
  | 'signature'
>

/** What is the same for every image of one command. */
export type Search = {
  readonly context: CommandContext
  readonly flags: SearchFlags
  readonly of: 'signatures' | 'attestations'
  readonly askedType?: string // of attestations: as it was typed
  readonly trust: Trust
  readonly policy: Omit<Policy, 'artifact'>
  readonly workersPerImage: number
  readonly material: GivenMaterial // that flags give for every signature
  readonly index?: IndexEvidence // whose signatures count too: `--via-index`
}

/** An image that was accepted, by the digest that its signatures are for. */
export type Verified = { readonly digest: OciDigest; readonly verdict: Verdict }

/**
 * Verifies one image. Its name is looked up once; from then on there is only its digest (GHSA-m3cq-xcx9-3gvm).
 *
 * @throws CommandFailure with the derivation when it is refused; CountersignError when it could not be found out
 */
export async function verifyImage(search: Search, subject: Subject): Promise<Verified> {
  const { context, trust, policy, index } = search
  const digest = subject.digest ?? (await subject.client.resolve(subject.reference, context.signal)).digest
  const isMember = index !== undefined && index.digest !== digest // the index itself is signed as any image is
  const [own, ofIndex] = await Promise.all([
    findCandidates(search, subject, digest),
    isMember ? index.candidatesFor(digest, context.signal) : [],
  ])
  const candidates = [...own, ...ofIndex]
  try {
    const artifact = { kind: 'image', digest, ...(isMember && { via: index.digest }) } as const
    return { digest, verdict: await verify(candidates, trust, { ...policy, artifact }) }
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    throw search.of === 'signatures'
      ? refusalOfSignatures(error, subject.name)
      : refusalOfAttestations(error, subject.name, candidates, search.askedType ?? '')
  }
}

async function findCandidates(search: Search, subject: Subject, digest: OciDigest): Promise<readonly Candidate[]> {
  const { context, flags } = search
  const candidates =
    flags.signature === ''
      ? await fetchEvidence(subject.client, evidenceQuery(search, subject, digest), context.signal)
      : [await detachedCandidateFromFlags(context, flags)]
  return await complete(search, candidates, digest)
}

/**
 * Signatures of an image, each with the material that flags give for it, and with what the log has of it where it must be asked.
 *
 * @throws CountersignError `USAGE` for material beside a bundle; whatever asking a log throws
 */
export async function complete(
  { context, flags, policy, trust, workersPerImage, material }: Omit<Search, 'index'>,
  candidates: readonly Candidate[],
  digest: OciDigest,
): Promise<readonly Candidate[]> {
  if (candidates.some(({ format }) => format === 'bundle')) refuseBesideBundle(flags)
  const artifact = { kind: 'image', digest } as const
  return await inParallel(candidates, workersPerImage, candidate =>
    withLogEntries(context, flags, withMaterial(candidate, material), trust, { ...policy, artifact }),
  )
}

/** Where and how the signatures of an image are looked for. */
export function evidenceQuery(search: Omit<Search, 'index'>, { reference }: Subject, digest: OciDigest): EvidenceQuery {
  const { context, flags, of, policy, workersPerImage } = search
  return {
    image: digest,
    repository: signatureRepository(context, reference),
    formats: policy.gates?.length ? 'every' : flags.newBundleFormat ? 'bundle-first' : 'legacy', // what fails a gate must not lie elsewhere
    of,
    tag: signatureTag(digest, of === 'signatures' ? 'sig' : 'att', flags.attachmentTagPrefix),
    legacyReferrers: flags.experimentalOci11,
    predicateTypes: policy.predicateTypes,
    allowsChain: flags.allowCertificateChain,
    maxWorkers: workersPerImage,
    ...maxAttachmentBytes(context),
  }
}

async function detachedCandidateFromFlags(context: CommandContext, { signature, payload, offline }: Search['flags']): Promise<Candidate> {
  const bytes = await readSignatureInput(context, signature, offline)
  return detachedPayloadCandidate(signature, await readFileOrUrl(context, 'payload', payload, payloadLimitBytes, offline), bytes)
}
