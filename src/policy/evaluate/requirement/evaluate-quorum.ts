import type { Quorum, Requirement, RequirementVerdict } from '../../model.ts'
import { whoIs } from '../memory/authority-key.ts'
import type { Surroundings } from './evaluate-requirement.ts'

/**
 * Finds out whether enough of the children hold. All are evaluated, and told of; each counts once, and so does a child that is there twice.
 * Where those that are not known yet could make it enough, it is not known either.
 */
export async function evaluateQuorum(
  quorum: Quorum,
  surroundings: Surroundings,
  evaluate: (requirement: Requirement, surroundings: Surroundings) => Promise<RequirementVerdict>,
): Promise<RequirementVerdict> {
  const { kind, path, least } = quorum
  const of = await Promise.all(quorum.of.map(child => evaluate(child, surroundings)))
  const named = { kind, name: `${least} of ${of.length}`, path, least }
  if (of.length === 0) return { ...named, outcome: 'failed', code: 'THRESHOLD_NOT_MET', message: 'there is nobody who could be enough', of }
  if (!Number.isSafeInteger(least) || least < 1)
    return { ...named, outcome: 'failed', code: 'USAGE', message: `want at least 1 to be enough, got ${least}`, of }
  const distinct = (outcomes: readonly string[]): number =>
    new Set(quorum.of.filter((_, index) => outcomes.includes(of[index]!.outcome)).map(identityOf)).size
  const passed = distinct(['passed'])
  const counted = `${passed} of ${distinct(['passed', 'failed', 'unknown'])} hold, want ${least}`
  const signatures = of.flatMap(verdict => (verdict.outcome === 'passed' ? (verdict.signatures ?? []) : []))
  if (passed >= least) return { ...named, outcome: 'passed', message: counted, signatures, of }
  const outcome = distinct(['passed', 'unknown']) >= least ? 'unknown' : 'failed'
  const telling = of.find(verdict => verdict.outcome === outcome) // of one who is asked for, the reason is theirs
  const code = least === 1 || outcome === 'unknown' ? telling?.code : 'THRESHOLD_NOT_MET'
  const reasons = of.filter(verdict => verdict.outcome !== 'passed').map(({ name, message }) => `${name}: ${message}`)
  return { ...named, outcome, ...(code && { code }), message: [counted, ...reasons].join('; '), of }
}

/** Two authorities of one signer are one; anything else is itself. */
function identityOf(requirement: Requirement): unknown {
  return requirement.kind === 'authority' ? whoIs(requirement) : requirement
}
