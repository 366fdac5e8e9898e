import type { ErrorCode } from '../../../codec/error.ts'
import { formatReference } from '../../../oci/reference.ts'
import type { AttestationDemand, Authority, ImageVerdict, PolicyVerdict, Requirement, RequirementVerdict } from '../../model.ts'
import { type FieldError, invalidValue, renderFieldErrors } from './read/field-error.ts'

/** What whoever asked for an object is told by ClusterImagePolicies. */
export type CipMessages = {
  readonly denial: string | undefined // what follows `denied the request: `; nothing where none of them denies
  readonly warnings: readonly string[] // one text for each, what follows `Warning: `
}

/**
 * Renders what ClusterImagePolicies say of the images of an object, in the shape that users of policy-controller know: one error for each
 * policy and place, in an order that does not depend on that of the images. Policies of other dialects are left out.
 *
 * @see spec admission §1.8
 */
export function renderCipVerdicts(images: readonly ImageVerdict[]): CipMessages {
  const denials = images.flatMap(denialsOf)
  const warnings = images.flatMap(verdict => [...unmatchedOf(verdict, 'warn'), ...refusalsOf(verdict, 'warn')])
  return {
    denial: denials.length === 0 ? undefined : `validation failed: ${renderFieldErrors(denials)}`,
    warnings: [...new Set(warnings.map(warning => renderFieldErrors([warning])))].toSorted(),
  }
}

function denialsOf(verdict: ImageVerdict): readonly FieldError[] {
  const refusals = [...unmatchedOf(verdict, 'deny'), ...refusalsOf(verdict, 'enforce')]
  const isJudged = verdict.policies.length + verdict.unmatched.length > 0 // then it matters to those alone who refuse
  return isJudged && refusals.length === 0 ? [] : [...failureOf(verdict), ...refusals]
}

/** An image that has no digest is said so as upstream does; one whose name is none with the reason. */
function failureOf({ image, failure }: ImageVerdict): readonly FieldError[] {
  if (!failure) return []
  const value = failure.code === 'REFERENCE_MALFORMED' ? image.original : `${image.original} must be an image digest`
  return [invalidValue(value, image.field, failure.message)]
}

function unmatchedOf({ image, unmatched }: ImageVerdict, whenNone: 'deny' | 'warn'): readonly FieldError[] {
  const isSo = unmatched.some(none => none.dialect === 'cip' && none.whenNone === whenNone)
  return isSo ? [{ message: 'no matching policies', paths: [image.field], details: image.original }] : []
}

function refusalsOf(verdict: ImageVerdict, action: 'enforce' | 'warn'): readonly FieldError[] {
  const { image, digest, policies } = verdict
  const reference = formatReference({ ...image.reference, ...(digest && { digest }) })
  return policies
    .filter(({ policy, verdict: { outcome } }) => policy.dialect === 'cip' && policy.action === action && outcome !== 'passed')
    .map(refused => ({
      message: `failed policy: ${refused.policy.name}`,
      paths: [image.field],
      details: [image.original, ...reasonsOf(refused, reference)].join(' '),
    }))
}

function reasonsOf({ policy, verdict }: PolicyVerdict, reference: string): readonly string[] {
  const reasons = reasonsIn(policy.requirement, verdict, reference)
  return reasons.length > 0 ? reasons : [`failed to process policy: ${policy.name}: ${verdict.message}`]
}

/** Goes through a requirement and what came of it, which are the same tree. */
function reasonsIn(requirement: Requirement, verdict: RequirementVerdict, reference: string): readonly string[] {
  if (verdict.outcome === 'passed') return []
  switch (requirement.kind) {
    case 'static':
      return [verdict.message]
    case 'unusable':
      return [`failed to process policy: ${requirement.name}: ${verdict.message}`]
    case 'quorum':
      return requirement.of.flatMap((child, at) => (verdict.of?.[at] ? reasonsIn(child, verdict.of[at], reference) : []))
    case 'judged': {
      const [inner] = verdict.of ?? []
      const reasons = inner ? reasonsIn(requirement.requirement, inner, reference) : []
      return reasons.length > 0 ? reasons : [`failed evaluating cel policy for ClusterImagePolicy: ${verdict.message}`]
    }
    case 'authority':
      return [reasonOf(requirement, verdict, reference)]
    default:
      throw new TypeError(`unhandled requirement ${requirement satisfies never}`)
  }
}

function reasonOf({ name, signer, proves }: Authority, verdict: RequirementVerdict, reference: string): string {
  const begin = (what: string) => `${what} ${signer} validation failed for authority ${name} for ${reference}: `
  if (proves.kind === 'signature') return `${begin('signature')}${causeOfSignature(verdict)}`
  const at = (verdict.of ?? []).findIndex(({ outcome }) => outcome !== 'passed')
  const [demand, failed] = [proves.of[at], verdict.of?.[at]]
  return `${begin('attestation')}${demand && failed ? causeOfAttestation(demand, failed) : verdict.message}`
}

/** Codes that say what upstream has words of its own for. */
const knownCauses: ReadonlyMap<ErrorCode | undefined, string> = new Map([
  ['IDENTITY_MISMATCH', 'none of the expected identities matched what was in the certificate'],
  ['TLOG_ENTRY_MISSING', 'signature not found in transparency log'],
  ['TLOG_UNKNOWN', 'signature not found in transparency log'],
])

/** That no signature matches is said only where that was found out. */
function causeOfSignature({ outcome, code, message, looked = [] }: RequirementVerdict): string {
  if (outcome === 'unknown') return message
  if (code === 'SIGNATURES_NOT_FOUND') return `${message}${placesOf(looked)}`
  const known = knownCauses.get(code)
  return `no matching signatures: ${known === undefined ? '' : `${known}: `}${message}`
}

function causeOfAttestation({ name, predicateType, conditions }: AttestationDemand, verdict: RequirementVerdict): string {
  const { outcome, code, message, looked = [] } = verdict
  if (outcome === 'unknown') return message
  if (code === 'ATTESTATIONS_NOT_FOUND' || code === 'PREDICATE_TYPE_MISMATCH') {
    const seen = typesSeen(verdict)
    const checked = seen.length === 0 ? '' : `, checked the following predicateTypes: ${seen.join(', ')}`
    return `no matching attestations with type ${predicateType}${checked}${placesOf(looked)}`
  }
  if (conditions.length > 0 && code?.startsWith('POLICY_')) return `failed evaluating cel policy for ${name}: ${message}`
  const known = knownCauses.get(code)
  return `no matching attestations: ${known === undefined ? '' : `${known}: `}${message}`
}

/** Types of the attestations that were there, quoted as the steps that refused them tell them. */
function typesSeen({ derivation }: RequirementVerdict): readonly string[] {
  const found = (derivation?.candidates ?? []).flatMap(({ steps }) =>
    steps.flatMap(step => (step.name === 'predicate-type' && step.outcome === 'failed' ? step.found : [])),
  )
  return [...new Set(found.flatMap(words => / of type (".*")$/.exec(words)?.[1] ?? []))].toSorted()
}

function placesOf(looked: readonly string[]): string {
  return looked.length === 0 ? '' : `; looked at: ${looked.join('; ')}`
}
