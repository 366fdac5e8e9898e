import { CountersignError } from '../../../codec/error.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import type { AdmittedObject, Judged, NamedImage, Requirement, RequirementVerdict } from '../../model.ts'
import type { Inquiry } from '../inquiry.ts'
import { evaluateAuthority } from './evaluate-authority.ts'
import { evaluateQuorum } from './evaluate-quorum.ts'
import { fetchConfigurations } from './image-configurations.ts'
import { orRefusal, refusedVerdict } from './refused-verdict.ts'

/** What a requirement is evaluated for. */
export type Surroundings = {
  readonly inquiry: Inquiry
  readonly image: NamedImage
  readonly object: AdmittedObject
  readonly digest: () => Promise<OciDigest>
  readonly fingerprint: string // of the policy
}

/** Whether anything must be asked of a registry to find out whether a requirement holds (D7). */
export function asksRegistry(requirement: Requirement): boolean {
  switch (requirement.kind) {
    case 'static':
    case 'unusable':
      return false
    case 'authority':
    case 'judged': // whose program sees the digest
      return true
    case 'quorum':
      return requirement.of.some(asksRegistry)
    default:
      throw new TypeError(`unhandled requirement ${requirement satisfies never}`)
  }
}

/**
 * Finds out whether a requirement holds, with reasons for every part of it. What fails, and what could not be found out, is a verdict as well;
 * only a defect is thrown.
 */
export async function evaluateRequirement(requirement: Requirement, surroundings: Surroundings): Promise<RequirementVerdict> {
  switch (requirement.kind) {
    case 'static': {
      const { kind, name, path, passes, message } = requirement
      const why = message === undefined ? '' : `: ${message}`
      if (passes) return { kind, name, path, outcome: 'passed', message: `allowed by static policy${why}` }
      return refusedVerdict({ kind, name, path }, new CountersignError('POLICY_REFUSED', `disallowed by static policy${why}`))
    }
    case 'unusable':
      return refusedVerdict(requirement, requirement.error)
    case 'authority':
      return await evaluateAuthority(requirement, surroundings)
    case 'quorum':
      return await evaluateQuorum(requirement, surroundings, evaluateRequirement)
    case 'judged':
      return await evaluateJudged(requirement, surroundings)
    default:
      throw new TypeError(`unhandled requirement ${requirement satisfies never}`)
  }
}

async function evaluateJudged({ kind, path, requirement, judge }: Judged, surroundings: Surroundings): Promise<RequirementVerdict> {
  const { inquiry, image, object } = surroundings
  const inner = await evaluateRequirement(requirement, surroundings)
  const { name, outcome, code, message, signatures } = inner
  const named = { kind, name, path }
  if (outcome !== 'passed') return { ...named, outcome, ...(code && { code }), message, of: [inner] }
  const verdict = await orRefusal(named, async () => {
    const digest = await surroundings.digest()
    const warnings = await inquiry.wait(`policy of ${path}`, signal => {
      const configurations = (until: AbortSignal) => fetchConfigurations(inquiry, image, digest, AbortSignal.any([signal, until]))
      return judge(inner, { image, digest, object, configurations }, signal)
    })
    return { ...named, outcome: 'passed', message, ...(warnings.length > 0 && { warnings }), ...(signatures && { signatures }) }
  })
  return { ...verdict, of: [inner] }
}
