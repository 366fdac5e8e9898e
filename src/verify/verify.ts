import type { Branded } from '../codec/branded.ts'
import { CountersignError } from '../codec/error.ts'
import { type Annotations, annotationsOf, checkDeclaredDigest, checkSubject, describeArtifact } from './artifact.ts'
import { checkAnnotations, checkPredicateType, describeAnnotations, describePredicateTypes } from './claims.ts'
import { type CandidateDerivation, type Derivation, Trail, VerificationError } from './derivation.ts'
import type { Candidate, EvidenceFormat } from './evidence.ts'
import { checkMembership, describeMembership } from './membership.ts'
import type { Policy, Trust } from './policy.ts'
import { checkSignature, describeKey, eligibleKeys, type KeySignature, type Signed } from './signer.ts'

/** A signature that passed every step the policy asks for. Only `verify` makes one. */
export type VerifiedSignature = Branded<
  KeySignature & {
    readonly source: string
    readonly format: EvidenceFormat
    readonly annotations: Annotations // those the policy's were found among: a statement may name the artifact twice
  },
  'Verified'
>

/** An accepted artifact: at least one signature passed. */
export type Verdict = {
  readonly signatures: readonly [VerifiedSignature, ...VerifiedSignature[]]
  readonly derivation: Derivation
}

/**
 * Decides whether the evidence proves what the policy asks, by the trust given. No clock, no network: the same answer for
 * ever. Every candidate is examined; one that passes every step is enough, and all that pass are returned.
 *
 * @throws VerificationError (a CountersignError) with the derivation; nothing is returned, so there is no boolean to forget.
 *   CountersignError `CAPABILITY_MISSING` for a policy without `unsafeSkipTlog`
 * @see formats-and-flows §5
 */
export async function verify(candidates: readonly Candidate[], trust: Trust, policy: Policy): Promise<Verdict> {
  if (policy.unsafeSkipTlog !== true)
    throw new CountersignError('CAPABILITY_MISSING', 'policy: log entries cannot be checked yet: want unsafeSkipTlog, got nothing')
  const examined: Examined[] = []
  for (const candidate of candidates) {
    if (examined.length > 0) await pause()
    examined.push(await examine(candidate, trust, policy))
  }
  const [first, ...others] = examined.flatMap(({ signature }) => signature ?? [])
  if (!first) throw refusal(examined, policy)
  return { signatures: [first, ...others], derivation: derive(examined, policy, undefined) }
}

/** Lets timers and signals have their turn: hundreds of hostile candidates keep the thread busy for minutes. */
function pause(): Promise<void> {
  return new Promise(resolve => (typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve, 0)))
}

type Examined = {
  readonly derivation: CandidateDerivation
  readonly signature?: VerifiedSignature
  readonly error?: CountersignError
}

/** Takes one candidate through the steps, until one refuses it. */
async function examine(candidate: Candidate, trust: Trust, asked: Policy): Promise<Examined> {
  const { source, format } = candidate
  const trail = new Trail()
  try {
    const { declaredPredicateType, membership } = candidate
    const artifact = membership // from here on the index is what must have been signed
      ? await trail.take('membership', describeMembership(asked.artifact), () => checkMembership(membership, asked.artifact))
      : asked.artifact
    const policy: Policy = { ...asked, artifact }
    if (declaredPredicateType !== undefined)
      await trail.take('predicate-type', describePredicateTypes(policy), () => checkPredicateType(declaredPredicateType, policy))
    const evidence = await trail.take('decode', 'a well-formed signature', () => decode(candidate))
    const { content } = evidence // what is said of it before its signature is checked only refuses; the signature covers the same bytes
    if (content.kind === 'statement')
      await trail.take('predicate-type', describePredicateTypes(policy), () => checkPredicateType(content.statement.predicateType, policy))
    const keys = await trail.take('signer', trust.keys.map(describeKey).join(' or '), () => eligibleKeys(evidence, trust))
    trail.skip('transparency-log', 'an entry in a trusted log', `not checked, as asked; ${evidence.logEntries} came along`)
    const declared = content.kind === 'artifact' ? content.declared : undefined
    if (declared) await trail.take('artifact', describeArtifact(policy.artifact), () => checkDeclaredDigest(declared, policy.artifact))
    const signed = await trail.take('signature', keys.map(describeKey).join(' or '), () => checkSignature(evidence, keys, policy))
    const annotations = await checkClaims(signed, policy, trail)
    const { key, scheme, hash } = signed
    const signature = { source, format, content: signed.content, key, scheme, hash, annotations } as VerifiedSignature
    return { signature, derivation: { source, format, outcome: 'accepted', steps: trail.steps } }
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error // a defect of ours refuses everything
    return { error, derivation: { source, format, outcome: 'refused', steps: trail.steps } }
  }
}

function decode(candidate: Candidate) {
  const evidence = candidate.decode()
  const covers = evidence.content.kind === 'artifact' ? 'the artifact itself' : `a ${evidence.content.kind}`
  return { value: evidence, found: `${candidate.format} over ${covers}` }
}

/** Everything after the signature: what was signed is about this artifact, and says of it what the policy wants. Returns what it says. */
async function checkClaims(signed: Signed, policy: Policy, trail: Trail): Promise<Annotations> {
  const { content } = signed
  const wanted = describeArtifact(policy.artifact)
  const isSkipped = policy.unsafeSkipClaims && content.kind !== 'artifact'
  if (isSkipped) trail.skip('artifact', wanted, 'not compared, as asked')
  const said = isSkipped ? annotationsOf(content) : await trail.take('artifact', wanted, () => checkSubject(signed, policy.artifact))
  if (policy.annotations.size === 0) return said[0] ?? new Map()
  return await trail.take('annotations', describeAnnotations(policy.annotations), () => checkAnnotations(said, policy.annotations))
}

function derive(examined: readonly Examined[], policy: Policy, closestMiss: number | undefined): Derivation {
  return {
    artifact: describeArtifact(policy.artifact),
    outcome: examined.some(({ signature }) => signature) ? 'accepted' : 'refused',
    candidates: examined.map(({ derivation }) => derivation),
    closestMiss,
  }
}

/** The closest miss speaks for all: the refused candidate that passed most steps, the first of several. */
function refusal(examined: readonly Examined[], policy: Policy): VerificationError {
  const passed = examined.map(({ derivation }) => derivation.steps.filter(step => step.outcome === 'passed').length)
  const index = passed.indexOf(Math.max(...passed))
  const closest = examined[index]
  if (!closest?.error) return new VerificationError('SIGNATURES_NOT_FOUND', 'no signatures found', derive(examined, policy, undefined))
  const errors = examined.flatMap(({ error }) => error ?? [])
  return new VerificationError(
    closest.error.code,
    `no matching signatures: ${closest.derivation.source}: ${closest.error.message}`,
    derive(examined, policy, index),
    { cause: new AggregateError(errors) },
  )
}
