import { CountersignError } from '../../../../codec/error.ts'
import { parseCel } from '../../../../verify/gates/cel/cel-program.ts'
import type { Judged } from '../../../model.ts'
import type { Included } from '../cluster-image-policy.ts'
import { policyResultOf } from '../policy-result.ts'

/**
 * A program in CEL over what came of a whole policy: it can only refuse. It sees `authorityMatches`, and what it asked for besides under
 * the names `config`, `spec`, `metadata` and `typemeta`; a name that it did not ask for does not exist.
 *
 * The judge throws CountersignError `POLICY_REFUSED` (false), `POLICY_INCONCLUSIVE` (neither true nor false), `POLICY_FAILED`,
 * `POLICY_EXHAUSTED`.
 *
 * @throws CountersignError as `parseCel`
 * @see spec admission §1.3, §1.6
 */
export function judgeOfProgram(source: string, what: string, includes: readonly Included[]): Judged['judge'] {
  const names = ['authorityMatches', ...includes]
  const program = parseCel(source, what, Object.fromEntries(names.map(name => [name, 'dyn'])))
  return async (outcome, facts, signal) => {
    const result = program.run(await policyResultOf(outcome, includes, facts, signal))
    if (result === true) return []
    if (result === false) throw new CountersignError('POLICY_REFUSED', `${what} is false`)
    throw new CountersignError('POLICY_INCONCLUSIVE', `${what}: want true or false, got something else`)
  }
}
