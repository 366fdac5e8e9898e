import assert from 'node:assert/strict'
import { type Bundle, encodeBundle, parseBundle } from '../../formats/bundle.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { VerificationError } from '../../verify/derivation.ts'
import type { Candidate, Evidence } from '../../verify/evidence.ts'
import type { Artifact, Policy, Trust } from '../../verify/policy.ts'
import { type Verdict, verify } from '../../verify/verify.ts'
import { signingTime } from './certificate-authority.ts'

/** The strictest policy that what the tests' Sigstore signs satisfies: who, vouched for by whom, as seen an hour later. */
export function keylessPolicy(artifact: Artifact, changes: Partial<Policy> = {}): Policy {
  return {
    artifact,
    annotations: new Map(),
    predicateTypes: [signPredicateType],
    identities: [{ subject: { exact: 'signer@example.com' }, issuer: { exact: 'https://issuer.example' } }],
    now: after(3600),
    unsafeSkipClaims: false,
    ...changes,
  }
}

/** So many seconds after `signingTime`, before it where negative. */
export function after(seconds: number): Date {
  return new Date(signingTime.getTime() + 1000 * seconds)
}

/** How a candidate must be refused: by which step, by which code and in which words. */
export type Refusal = { readonly step: string; readonly code: string; readonly found: RegExp }

/** Demands that one candidate is refused, for this reason and no other. */
export async function assertRefused(candidate: Candidate, trust: Trust, policy: Policy, { step, code, found }: Refusal): Promise<void> {
  const error = await refusalOf(candidate, trust, policy)
  const last = error.derivation.candidates[0]!.steps.at(-1)!
  assert.deepEqual({ step: last.name, outcome: last.outcome, code: last.code }, { step, outcome: 'failed', code }, last.found)
  assert.match(last.found, found)
  assert.equal(error.code, code)
}

async function refusalOf(candidate: Candidate, trust: Trust, policy: Policy): Promise<VerificationError> {
  let verdict: Verdict
  try {
    verdict = await verify([candidate], trust, policy)
  } catch (error) {
    assert.ok(error instanceof VerificationError, String(error))
    return error
  }
  return assert.fail(`accepted: ${JSON.stringify(verdict.derivation.candidates[0]!.steps.map(({ name, found }) => `${name}: ${found}`))}`)
}

/** A bundle written anew after a change. */
export function editBundle(bundle: Uint8Array, edit: (bundle: Bundle) => Partial<Bundle>): Uint8Array {
  const parsed = parseBundle(bundle)
  return encodeBundle({ ...parsed, ...edit(parsed) })
}

/** A candidate whose evidence is changed after it was decoded: for what no file can say. */
export function editEvidence(candidate: Candidate, edit: (evidence: Evidence) => Partial<Evidence>): Candidate {
  const decode = () => {
    const evidence = candidate.decode()
    return { ...evidence, ...edit(evidence) }
  }
  return { ...candidate, decode }
}
