import { encodeHex } from '../../codec/hex.ts'
import { sha256 } from '../../crypto/digest.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { signatureTag } from '../../oci/attached/attached-tag.ts'
import { fetchEvidence } from '../../oci/attached/image-evidence.ts'
import type { Repository } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import { VerificationError } from '../../verify/derivation.ts'
import type { Candidate, SignedContent } from '../../verify/evidence.ts'
import type { Policy, Trust } from '../../verify/policy.ts'
import { type VerifiedSignature, verify } from '../../verify/verify.ts'
import type { FoundImage } from './list-images.ts'

/** Which signatures are to be made again: those that verify by one trust, in place of which others must verify by another. */
export type Resigning = {
  readonly from: Trust
  readonly to: Trust
  readonly policy: () => Omit<Policy, 'artifact' | 'annotations' | 'predicateTypes' | 'unsafeSkipClaims'> // as of now: many images take hours
  readonly attestations: boolean // these too
  readonly place: (image: Repository) => Repository // where what is attached to an image is kept
  readonly maxBytes?: number // of each signature or attestation
}

/** The layout that a signature is kept in; of cosign 2's under the tag or as a referrer. */
export type Layout = 'bundle' | 'legacy' | 'legacy referrer'

const order: readonly Layout[] = ['bundle', 'legacy', 'legacy referrer']

/** Something that was signed with the old key, and with the new one is not. */
export type Missing = {
  readonly source: string // of the old signature
  readonly layout: Layout
  readonly predicateType: string // of a statement, that of a signature also where it is no statement
  readonly content: SignedContent
}

/** What an image has. */
export type Signatures = {
  readonly missing: readonly Missing[]
  readonly already: number // signed with the new key, in the same layout and to the last byte
  /** Why nothing verifies by the old key, where nothing does. */
  readonly reason: string | undefined
}

/**
 * Compares what was signed of an image with the old key with what was signed with the new one: the same bytes in the same layout are the same
 * signature. What the old key signed twice counts once.
 *
 * @throws CountersignError whatever the registry answers, `LIMIT_EXCEEDED`
 */
export async function findMissing(
  client: RegistryClient,
  resigning: Resigning,
  image: FoundImage,
  signal: AbortSignal,
): Promise<Signatures> {
  const candidates = await fetchCandidates(client, resigning, image, signal)
  const artifact = { kind: 'image', digest: image.descriptor.digest } as const
  const predicateTypes = resigning.attestations ? 'any' : [signPredicateType]
  const policy: Policy = { ...resigning.policy(), artifact, annotations: new Map(), predicateTypes, unsafeSkipClaims: false }
  const [old, made] = [await verified(candidates, resigning.from, policy), await verified(candidates, resigning.to, policy)]
  const there = new Set(made.signatures.map(keyOf))
  const distinct = new Map(old.signatures.map(signature => [keyOf(signature), signature]))
  const missing = [...distinct].flatMap(([key, signature]) => (there.has(key) ? [] : [missingOf(signature)]))
  return { missing: missing.toSorted((a, b) => placeOf(a) - placeOf(b)), already: there.size, reason: old.reason }
}

/** What cannot be signed again comes last, for it must not keep the rest from it. */
function placeOf({ content, layout }: Missing): number {
  return content.kind === 'artifact' ? order.length : order.indexOf(layout)
}

async function fetchCandidates(
  client: RegistryClient,
  { attestations, place, maxBytes }: Resigning,
  { descriptor, repository }: FoundImage,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  const query = {
    image: descriptor.digest,
    repository: place(repository),
    formats: 'every',
    legacyReferrers: true,
    maxWorkers: 4,
    ...(maxBytes !== undefined && { maxBytes }),
  } as const
  const signatures = await fetchEvidence(
    client,
    { ...query, of: 'signatures', tag: signatureTag(descriptor.digest, 'sig'), predicateTypes: attestations ? 'any' : [signPredicateType] },
    signal,
  )
  if (!attestations) return signatures
  const attested = { ...query, of: 'attestations', tag: signatureTag(descriptor.digest, 'att'), predicateTypes: 'any' } as const
  return [...signatures, ...(await fetchEvidence(client, attested, signal)).filter(({ format }) => format === 'envelope')] // its bundles are the same
}

async function verified(
  candidates: readonly Candidate[],
  trust: Trust,
  policy: Policy,
): Promise<{ readonly signatures: readonly VerifiedSignature[]; readonly reason: string | undefined }> {
  try {
    return { signatures: (await verify(candidates, trust, policy)).signatures, reason: undefined }
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    return { signatures: [], reason: error.message }
  }
}

function missingOf({ source, format, content }: VerifiedSignature): Missing {
  return {
    source,
    layout: layoutOf({ source, format }),
    predicateType: content.kind === 'statement' ? content.statement.predicateType : signPredicateType,
    content,
  }
}

function layoutOf({ source, format }: Pick<VerifiedSignature, 'source' | 'format'>): Layout {
  if (format === 'bundle') return 'bundle'
  return source.startsWith('referrer ') ? 'legacy referrer' : 'legacy'
}

/** By which two signatures are of the same, whoever made them. A signature of the manifest itself has no bytes of its own. */
function keyOf({ source, format, content }: VerifiedSignature): string {
  const covered = content.kind === 'artifact' ? '' : encodeHex(sha256(content.bytes))
  return `${layoutOf({ source, format })} ${content.kind} ${covered}`
}
