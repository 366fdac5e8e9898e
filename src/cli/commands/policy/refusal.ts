import { CountersignError, type ErrorCode, errorKinds } from '../../../codec/error.ts'
import { renderCipVerdicts } from '../../../policy/dialects/cip/cip-refusal.ts'
import type { ObjectVerdict } from '../../../policy/evaluate/evaluate-object.ts'
import { decisiveOf } from '../../../policy/explanation/decisive.ts'
import type { RequirementVerdict } from '../../../policy/model.ts'

/**
 * Why an object is not admitted, in the words of the webhook. What was found out and says no is never of kind `usage`: that of a policy which
 * cannot be used is `POLICY_REFUSED`. What could not be found out is always of kind `unavailable`.
 */
export function refusalOf(verdict: ObjectVerdict): CountersignError {
  const decisive = decisiveOf(verdict)
  const message = renderCipVerdicts(verdict.images).denial ?? decisive?.message ?? 'no verdict'
  return new CountersignError(codeFor(verdict.outcome, decisiveCode(verdict)), message)
}

/** Why the first of these is not admitted, those that were refused ahead of those of which it could not be found out. */
export function refusalOfAll(verdicts: readonly ObjectVerdict[]): CountersignError | undefined {
  const refused = verdicts.filter(({ outcome }) => outcome !== 'passed')
  const first = refused.find(({ outcome }) => outcome === 'failed') ?? refused[0]
  if (!first) return undefined
  const { code, message } = refusalOf(first)
  return new CountersignError(code, refused.length === 1 ? message : `${refused.length} of ${verdicts.length} are not admitted: ${message}`)
}

function codeFor(outcome: ObjectVerdict['outcome'], code: ErrorCode | undefined): ErrorCode {
  if (outcome === 'unknown') return code !== undefined && errorKinds[code] === 'unavailable' ? code : 'SERVICE_UNAVAILABLE'
  return code === undefined || errorKinds[code] === 'usage' || errorKinds[code] === 'unavailable' ? 'POLICY_REFUSED' : code
}

function decisiveCode(verdict: ObjectVerdict): ErrorCode | undefined {
  if (verdict.failure) return verdict.failure.code
  const decisive = decisiveOf(verdict)
  const image = verdict.images.find(({ image }) => image.pointer === decisive?.pointer)
  const policy = image?.policies.find(({ policy }) => policy.name === decisive?.policy && policy.action === 'enforce')
  return policy ? codeAt(policy.verdict, decisive?.path) : image?.failure?.code
}

function codeAt(verdict: RequirementVerdict, path: string | undefined): ErrorCode | undefined {
  const below = (verdict.of ?? []).map(inner => codeAt(inner, path)).find(code => code !== undefined)
  return below ?? (verdict.path === path && verdict.outcome !== 'passed' ? verdict.code : undefined)
}
