import type { Branded } from '../codec/branded.ts'
import { CountersignError } from '../codec/error.ts'
import type { Certificate } from '../formats/x509/certificate.ts'
import { type Annotations, annotationsOf, checkDeclaredDigest, checkSubject, describeArtifact } from './artifact.ts'
import { checkCertificate, findIssuers, type Issuers, type TrustedCertificate } from './certificate.ts'
import { type CertificateIdentity, readCertificateIdentity } from './certificate-identity.ts'
import { checkCertificateLogged } from './certificate-log.ts'
import { checkAnnotations, checkPredicateType, describeAnnotations, describePredicateTypes, takesSignatures } from './claims.ts'
import { type CandidateDerivation, type Derivation, Trail, VerificationError } from './derivation.ts'
import type { Candidate, Evidence, EvidenceFormat } from './evidence.ts'
import { inOrder, isPassedOver } from './gates/gate.ts'
import { checkIdentity, describeIdentities, type IdentityMatcher, problemOfMatcher } from './identity.ts'
import { checkKeyValidity, describeLimits, limitsOf } from './keys/key-validity.ts'
import { checkMembership, describeMembership } from './membership.ts'
import type { Policy, Trust } from './policy.ts'
import { type ProvenTime, type SigningTimes, signingTimes } from './proven-time.ts'
import { checkSignature, describeKeys, describeSigners, eligibleSigners, type KeySignature, type Signed, type Signers } from './signer.ts'
import { checkTimestamps, describeTimestamps, type Stamped } from './timestamps.ts'
import { checkLogEntries, checkLogsAt, describeLogs, type Logged } from './transparency-log.ts'

/** A signature that passed every step the policy asks for. Only `verify` makes one. */
export type VerifiedSignature = Branded<
  KeySignature & {
    readonly source: string
    readonly format: EvidenceFormat
    readonly annotations: Annotations // those the policy's were found among: a statement may name the artifact twice
    readonly certificate: CertifiedSigner | undefined // of a signature by a certificate
    readonly logged: Logged['entries'] // in trusted logs; empty where the policy does without
    readonly evidence: Evidence // as it came; of what is in it only the members above were checked
    readonly timestamps: Stamped['timestamps'] // by trusted authorities
  },
  'Verified'
>

/** Whom a trusted authority says a signature is by. */
export type CertifiedSigner = TrustedCertificate & {
  readonly identity: CertificateIdentity
  readonly times: SigningTimes
  readonly isLogged: boolean // a trusted certificate transparency log has seen it
}

/** An accepted artifact: at least one signature passed, and none that passed all else was refused by a gate. */
export type Verdict = {
  readonly signatures: readonly [VerifiedSignature, ...VerifiedSignature[]]
  readonly derivation: Derivation
}

/**
 * Decides whether the evidence proves what the policy asks, by the trust given. No clock, no network: the same answer for
 * ever. Every candidate is examined; one that passes every step is enough, and all that pass are returned. Where the policy has gates,
 * one that fails a gate and nothing before refuses all.
 *
 * @throws VerificationError (a CountersignError) with the derivation; nothing is returned, so there is no boolean to forget.
 *   CountersignError `USAGE` for a policy that asks for both keys and identities, or for neither, or for a number that is none
 * @see formats-and-flows §5
 */
export async function verify(candidates: readonly Candidate[], trust: Trust, policy: Policy): Promise<Verdict> {
  checkPolicy(trust, policy)
  const examined: Examined[] = []
  for (const candidate of candidates) {
    if (examined.length > 0) await pause()
    examined.push(await examine(candidate, trust, policy))
  }
  const [first, ...others] = examined.flatMap(({ signature }) => signature ?? [])
  if (!first || examined.some(({ refusesAll }) => refusesAll)) throw refusal(examined, policy)
  let derivation: Derivation | undefined
  return {
    signatures: [first, ...others],
    get derivation() {
      derivation ??= derive(examined, policy, 'accepted', undefined)
      return derivation
    },
  }
}

/** A policy that asks for nothing, or for nothing that can be told, must not pass anything. */
function checkPolicy({ keys = [] }: Trust, policy: Policy): void {
  const { identities, hashes, logThreshold = 1, timestampThreshold = 0, now, clockSkewMs = 0 } = policy
  if (keys.length > 0 === (identities !== undefined))
    throw new CountersignError('USAGE', `policy: want one of trusted keys and identities, got ${identities ? 'both' : 'neither'}`)
  if (identities !== undefined && identities !== 'anybody') checkMatchers(identities)
  if (!isCount(logThreshold, 1)) throw new CountersignError('USAGE', `policy: logThreshold: want at least 1, got ${logThreshold}`)
  if (!isCount(timestampThreshold, 0))
    throw new CountersignError('USAGE', `policy: timestampThreshold: want at least 0, got ${timestampThreshold}`)
  if (hashes?.length === 0) throw new CountersignError('USAGE', 'policy: hashes: want at least one, got none')
  if (Number.isNaN(now.getTime())) throw new CountersignError('USAGE', 'policy: now: want a time, got an invalid one')
  if (!(Number.isFinite(clockSkewMs) && clockSkewMs >= 0))
    // compared with NaN, no proof would ever lie in the future
    throw new CountersignError('USAGE', `policy: clockSkewMs: want milliseconds of 0 or more, got ${clockSkewMs}`)
}

/** A matcher without a demand would admit anybody by an oversight; who means that says so. */
function checkMatchers(identities: readonly IdentityMatcher[]): void {
  if (identities.length === 0) throw new CountersignError('USAGE', 'policy: want at least one identity, got none')
  for (const [index, matcher] of identities.entries()) {
    const problem = problemOfMatcher(matcher)
    if (problem !== undefined) throw new CountersignError('USAGE', `policy: identities[${index}]: ${problem}`)
  }
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least
}

/** Lets timers and signals have their turn: hundreds of hostile candidates keep the thread busy for minutes. */
function pause(): Promise<void> {
  return new Promise(resolve => (typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve, 0)))
}

type Examined = {
  readonly candidate: Candidate
  readonly trail: Trail
  readonly signature?: VerifiedSignature
  readonly error?: CountersignError
  readonly refusesAll?: boolean // a gate refused it, and with it the artifact
}

/** Takes one candidate through the steps, until one refuses it. */
async function examine(candidate: Candidate, trust: Trust, asked: Policy): Promise<Examined> {
  const { source, format } = candidate
  const trail = new Trail()
  try {
    const { declaredPredicateType, membership } = candidate
    const artifact = membership // from here on the index is what must have been signed
      ? await trail.take(
          'membership',
          () => describeMembership(asked.artifact),
          () => checkMembership(membership, asked.artifact),
        )
      : asked.artifact
    const policy: Policy = { ...asked, artifact }
    if (declaredPredicateType !== undefined)
      await trail.take(
        'predicate-type',
        () => describePredicateTypes(policy),
        () => checkPredicateType(declaredPredicateType, policy),
      )
    const evidence = await trail.take('decode', 'a well-formed signature', () => decode(candidate))
    const { content } = evidence // what is said of it before its signature is checked only refuses; the signature covers the same bytes
    if (content.kind === 'statement' || !takesSignatures(policy))
      await trail.take(
        'predicate-type',
        () => describePredicateTypes(policy),
        () => checkPredicateType(content.kind === 'statement' ? content.statement.predicateType : undefined, policy),
      )
    const signers = await trail.take(
      'signer',
      () => describeSigners(trust, policy),
      () => eligibleSigners(evidence, trust, policy),
    )
    const issuers = signers.kind === 'certificate' ? startSearch(signers.certificate, trust, evidence) : undefined
    const declared = content.kind === 'artifact' ? content.declared : undefined
    if (declared)
      await trail.take(
        'artifact',
        () => describeArtifact(policy.artifact),
        () => checkDeclaredDigest(declared, policy.artifact),
      )
    const signed = await trail.take(
      'signature',
      () => describeKeys(signers.keys),
      () => checkSignature(evidence, signers, policy),
    )
    const surroundings = { evidence, signed, signers, trust, policy, trail }
    const logged = await checkLogs(surroundings)
    const stamped = await checkStamps(surroundings)
    checkLogsAt(logged, [...logged.times, ...stamped.times])
    const limits = signers.kind === 'keys' ? limitsOf(signed, trust.keys ?? []) : []
    if (limits.length > 0)
      await trail.take(
        'key-validity',
        () => describeLimits(limits),
        () => checkKeyValidity(limits, [...logged.times, ...stamped.times], policy),
      )
    const certificate =
      issuers && signers.kind === 'certificate'
        ? await checkSigner(signers.certificate, issuers, [...logged.times, ...stamped.times], surroundings)
        : undefined
    const annotations = await checkClaims(signed, policy, trail)
    const signature = {
      ...signed,
      source,
      format,
      annotations,
      certificate,
      logged: logged.entries,
      evidence,
      timestamps: stamped.timestamps,
    } as unknown as VerifiedSignature
    const refused = await takeGates(signature, [...logged.times, ...stamped.times], policy, trail)
    return { candidate, trail, ...(refused ?? { signature }) }
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error // a defect of ours refuses everything
    return { candidate, trail, error }
  }
}

/**
 * Starts looking for the issuers of a certificate: the longest of all checks then runs beside those of signature, logs and timestamps. Its
 * answer is waited for by the step `certificate`, if no step before that refuses. Somebody may make us check in vain by a wrong signature;
 * by a right one of his own he could as well.
 */
function startSearch(leaf: Certificate, trust: Trust, { chain }: Evidence): Promise<Issuers> {
  const issuers = findIssuers(leaf, trust, chain)
  issuers.catch(() => {}) // a refusal that nobody waits for any more; whoever does still gets it
  return issuers
}

/** What the steps about a signature's surroundings work on. */
type Surroundings = {
  readonly evidence: Evidence
  readonly signed: Signed
  readonly signers: Signers
  readonly trust: Trust
  readonly policy: Policy
  readonly trail: Trail
}

async function checkLogs({ evidence, signed, signers, trust, policy, trail }: Surroundings): Promise<Logged> {
  const wanted = () => describeLogs(policy)
  if (!policy.unsafeSkipTlog)
    return await trail.take('transparency-log', wanted, () => checkLogEntries(evidence, signed, signers, trust, policy))
  trail.skip('transparency-log', wanted, `not checked, as asked; ${evidence.logEntries.length} came along`)
  return { entries: [], times: [] }
}

/** Timestamps that came along are looked at whether the policy asks for any or not, and whoever signed. */
async function checkStamps({ evidence, signed, trust, policy, trail }: Surroundings): Promise<Stamped> {
  const { timestampThreshold = 0 } = policy
  if (timestampThreshold === 0 && evidence.timestamps.length === 0) return { timestamps: [], times: [] }
  return await trail.take(
    'timestamp',
    () => describeTimestamps(policy),
    () => checkTimestamps(evidence, signed, trust, policy),
  )
}

/** From a certificate's claims to a proven signer: when it was used, who issued it, who has seen it, whom it is for. */
async function checkSigner(
  leaf: Certificate,
  issuers: Promise<Issuers>,
  proven: readonly ProvenTime[],
  { evidence, trust, policy, trail }: Surroundings,
): Promise<CertifiedSigner> {
  const times = await trail.take('time', 'when the signature was made', () => signingTimes(proven, policy))
  const trusted = await trail.take('certificate', 'a trusted certificate authority', async () =>
    checkCertificate(leaf, await issuers, times),
  )
  const isLogged = !policy.unsafeSkipSct
  if (isLogged) await trail.take('sct', 'a trusted certificate transparency log', () => checkCertificateLogged(trusted, evidence, trust))
  else trail.skip('sct', 'a trusted certificate transparency log', 'not checked, as asked')
  const { identities = [] } = policy
  const identity = await trail.take(
    'identity',
    () => describeIdentities(identities),
    () => checkIdentity(readCertificateIdentity(leaf), identities),
  )
  return { ...trusted, identity, times, isLogged }
}

function decode(candidate: Candidate) {
  const evidence = candidate.decode()
  const covers = evidence.content.kind === 'artifact' ? 'the artifact itself' : `a ${evidence.content.kind}`
  return { value: evidence, found: () => `${candidate.format} over ${covers}` }
}

/** Everything after the signature: what was signed is about this artifact, and says of it what the policy wants. Returns what it says. */
async function checkClaims(signed: Signed, policy: Policy, trail: Trail): Promise<Annotations> {
  const { content } = signed
  const wanted = () => describeArtifact(policy.artifact)
  const isSkipped = policy.unsafeSkipClaims && content.kind !== 'artifact'
  if (isSkipped) trail.skip('artifact', wanted, 'not compared, as asked')
  const said = isSkipped ? annotationsOf(content) : await trail.take('artifact', wanted, () => checkSubject(signed, policy.artifact))
  if (policy.annotations.size === 0) return said[0] ?? new Map()
  return await trail.take(
    'annotations',
    () => describeAnnotations(policy.annotations),
    () => checkAnnotations(said, policy.annotations),
  )
}

/** Holds a statement that passed all else to the gates of the policy, until one refuses it. */
async function takeGates(
  { content, key, certificate }: VerifiedSignature,
  proven: readonly ProvenTime[],
  { gates = [], now }: Policy,
  trail: Trail,
): Promise<Pick<Examined, 'error' | 'refusesAll'> | undefined> {
  if (content.kind !== 'statement') return undefined // with gates it did not come this far
  const attested = {
    statement: content.statement,
    signer: { key, identity: certificate?.identity },
    signedAt: proven.map(({ time }) => time).toSorted((one, other) => one.getTime() - other.getTime())[0],
    now,
  }
  try {
    for (const { step, wanted, check } of inOrder(gates))
      await trail.take(step, wanted, async () => ({ value: undefined, found: await check(attested) }))
    return undefined
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    return { error, refusesAll: !isPassedOver(error) }
  }
}

function derive(
  examined: readonly Examined[],
  policy: Policy,
  outcome: Derivation['outcome'],
  closestMiss: number | undefined,
): Derivation {
  return { artifact: describeArtifact(policy.artifact), outcome, candidates: examined.map(deriveCandidate), closestMiss }
}

function deriveCandidate({ candidate: { source, format }, trail, signature }: Examined): CandidateDerivation {
  return { source, format, outcome: signature ? 'accepted' : 'refused', steps: trail.steps }
}

/** Who speaks for all: a candidate that a gate refused and with it the artifact; else the closest miss. Of several, who passed most steps, the first. */
function refusal(examined: readonly Examined[], policy: Policy): VerificationError {
  const refusing = examined.filter(({ refusesAll }) => refusesAll).length
  const passed = examined.map(({ trail, refusesAll }) => (refusing > 0 && !refusesAll ? -1 : trail.passed))
  const index = passed.indexOf(Math.max(...passed))
  const telling = examined[index]
  if (!telling?.error)
    return new VerificationError('SIGNATURES_NOT_FOUND', 'no signatures found', derive(examined, policy, 'refused', undefined))
  const errors = examined.flatMap(({ error }) => error ?? [])
  const others = refusing > 1 ? `, one of ${refusing} attestations so refused` : ''
  const noun = takesSignatures(policy) ? 'signatures' : 'attestations'
  const begins = refusing === 0 ? `no matching ${noun}` : `refused by a gate (${telling.trail.last})${others}`
  return new VerificationError(
    telling.error.code,
    `${begins}: ${telling.candidate.source}: ${telling.error.message}`,
    derive(examined, policy, 'refused', index),
    { cause: new AggregateError(errors) },
  )
}
