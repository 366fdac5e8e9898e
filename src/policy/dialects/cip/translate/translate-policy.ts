import { CountersignError } from '../../../../codec/error.ts'
import { quote } from '../../../../codec/text.ts'
import { policyGate } from '../../../../verify/gates/cel/policy-gate.ts'
import type { AttestationDemand, Authority, EvidencePlace, ImagePolicy, Quorum, Requirement } from '../../../model.ts'
import type { CipAttestation, CipAuthority, CipSource, ClusterImagePolicy, SigningAuthority } from '../cluster-image-policy.ts'
import { fingerprintOf } from './fingerprint.ts'
import { judgeOfProgram } from './judge-of-program.ts'
import { recordReferences } from './recorded-references.ts'
import { type CipReferences, resolveProgram } from './resolve-references.ts'
import { trustOfAuthority } from './trust-of-authority.ts'

/** A policy with everything in it, and what in it could not be made out. */
export type TranslatedCip = {
  readonly cip: ClusterImagePolicy
  readonly policy: ImagePolicy
  /**
   * Why parts of it refuse whatever is asked of them. Whoever has an earlier translation of the policy may keep to that one (spec admission
   * §0.1 D4); none of them is ever passed over.
   */
  readonly unusable: readonly CountersignError[]
}

export type TranslationOptions = {
  /** `enable-oci11`: look for evidence of the older layout among the referrers. */
  readonly legacyReferrers: boolean
}

/**
 * Translates a ClusterImagePolicy into the model that is evaluated. What it refers to and cannot be had, and programs that are none, become
 * requirements that refuse all.
 *
 * @throws what is no error of ours, as the signal's reason
 * @see spec admission §1.3, §1.4
 */
export async function translatePolicy(
  cip: ClusterImagePolicy,
  references: CipReferences,
  { legacyReferrers }: TranslationOptions,
  signal: AbortSignal,
): Promise<TranslatedCip> {
  const recorded = recordReferences(references)
  const context = { references: recorded.references, legacyReferrers, signal }
  const of = await Promise.all(cip.authorities.map(authority => orUnusable(authority, () => requirementOf(authority, context))))
  const authorities: Quorum = { kind: 'quorum', path: 'spec.authorities', least: 1, of }
  const requirement = await orUnusable({ name: cip.name, path: 'spec.policy' }, () => judgedBy(cip, authorities, context))
  return {
    cip,
    policy: {
      dialect: 'cip',
      name: cip.name,
      action: cip.mode,
      fingerprint: fingerprintOf({ cip, legacyReferrers, answers: await recorded.answers() }),
      requirement,
    },
    unusable: [...of, requirement].flatMap(part => (part.kind === 'unusable' ? [part.error] : [])),
  }
}

type Context = { readonly references: CipReferences; readonly legacyReferrers: boolean; readonly signal: AbortSignal }

async function orUnusable(
  { name, path }: { readonly name: string; readonly path: string },
  translate: () => Promise<Requirement>,
): Promise<Requirement> {
  try {
    return await translate()
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    return { kind: 'unusable', name, path, error }
  }
}

async function requirementOf(authority: CipAuthority, context: Context): Promise<Requirement> {
  const { name, path } = authority
  if (authority.kind === 'static') {
    const { passes, message } = authority
    return { kind: 'static', name, path, passes, ...(message !== undefined && { message }) }
  }
  const { references, legacyReferrers, signal } = context
  const trust = await trustOfAuthority(authority, references, signal)
  return {
    kind: 'authority',
    name,
    path,
    signer: authority.signer.kind,
    ...trust,
    places: [placeOf(authority.source)],
    formats: formatsOf(authority),
    legacyReferrers,
    proves: await proofOf(authority, context),
  }
}

function placeOf(source: CipSource | undefined): EvidencePlace {
  if (!source) return {}
  const { repository, tagPrefix, pullSecrets } = source
  return {
    ...(repository && { repository }),
    ...(tagPrefix !== undefined && { tagPrefix }),
    ...(pullSecrets.length > 0 && { pullSecrets }),
  }
}

function formatsOf({ format }: SigningAuthority): Authority['formats'] {
  switch (format) {
    case 'legacy':
    case 'bundle':
      return format
    case 'auto':
      return 'every' // neither hides the other
    default:
      throw new TypeError(`unhandled format ${format satisfies never}`)
  }
}

/** With attestations, those alone count: the image's own signature is not asked for. */
async function proofOf({ attestations }: SigningAuthority, context: Context): Promise<Authority['proves']> {
  const [first, ...others] = attestations
  if (!first) return { kind: 'signature' }
  const demands: [AttestationDemand, ...AttestationDemand[]] = [await demandOf(first, context)]
  for (const attestation of others) demands.push(await demandOf(attestation, context))
  return { kind: 'attestations', of: demands }
}

/** Of the attestations of a type one that satisfies the program is enough. */
async function demandOf(
  { name, path, predicateType, policy }: CipAttestation,
  { references, signal }: Context,
): Promise<AttestationDemand> {
  const conditions = policy ? [policyGate(name, await resolveProgram(policy, references, signal))] : []
  return { name, path, predicateType, quantifier: 'some', conditions }
}

async function judgedBy({ name, policy }: ClusterImagePolicy, requirement: Quorum, { references, signal }: Context): Promise<Requirement> {
  if (!policy) return requirement
  const { path, includes } = policy
  const source = await resolveProgram(policy, references, signal)
  const seesObject = includes.some(included => included !== 'config')
  return { kind: 'judged', path, requirement, seesObject, judge: judgeOfProgram(source, `policy of ${quote(name)}`, includes) }
}
