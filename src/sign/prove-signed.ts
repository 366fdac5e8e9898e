import { CountersignError } from '../codec/error.ts'
import type { World } from '../codec/world.ts'
import { signPredicateType } from '../formats/statement.ts'
import { VerificationError } from '../verify/derivation.ts'
import type { Candidate } from '../verify/evidence.ts'
import type { Artifact, Policy, Trust } from '../verify/policy.ts'
import { verify } from '../verify/verify.ts'

/** Clocks of services and of this machine may differ by this much, as where signatures are verified. */
const clockSkewMs = 5 * 60_000

/** What whoever verifies will find with a new signature. */
export type Witnesses = {
  readonly certificate: boolean
  readonly logs: number
  readonly timestampAuthorities: number
  readonly unsafeSkipSct: boolean
  readonly predicateTypes?: readonly string[] // of a statement; that of a signature unless told
}

/**
 * Demands that a new signature verifies by the engine that everybody verifies with, and that every service that was asked is one that is
 * trusted: what nobody can verify is better never published.
 *
 * @param trust - whom verifiers trust; its `keys` are those that sign without a certificate
 * @throws CountersignError of the step that refuses it
 */
export async function proveSigned(
  candidate: Candidate,
  artifact: Artifact,
  trust: Trust,
  witnesses: Witnesses,
  { now }: Pick<World, 'now'>,
): Promise<void> {
  const { certificate, logs, timestampAuthorities, unsafeSkipSct, predicateTypes = [signPredicateType] } = witnesses
  const policy: Policy = {
    artifact,
    annotations: new Map(),
    predicateTypes,
    ...(certificate && { identities: 'anybody' }), // whom a certificate is for, its authority decided by the token
    logThreshold: Math.max(1, logs),
    timestampThreshold: timestampAuthorities,
    now: now(),
    clockSkewMs,
    unsafeSkipTlog: logs === 0,
    unsafeSkipSct,
    unsafeSkipClaims: false,
  }
  try {
    await verify([candidate], trust, policy)
  } catch (cause) {
    if (!(cause instanceof VerificationError)) throw cause
    const step = cause.derivation.candidates[0]?.steps.find(({ outcome }) => outcome === 'failed')
    const reason = step ? `step ${step.name}: ${step.found}` : cause.message
    throw new CountersignError(cause.code, `the new signature does not verify, and was not published: ${reason}`, { cause })
  }
}
