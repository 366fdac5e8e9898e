import { CountersignError, type ErrorKind } from '../../../codec/error.ts'
import type { Outcome, RequirementVerdict } from '../../model.ts'

/** What a failure makes of a requirement: where it could not be found out, trying again may help. Neither admits anybody. */
export function outcomeOf(kind: ErrorKind): Exclude<Outcome, 'passed'> {
  switch (kind) {
    case 'malformed':
    case 'untrusted':
    case 'denied':
    case 'usage':
      return 'failed'
    case 'unavailable':
      return 'unknown'
    default:
      throw new TypeError(`unhandled error kind ${kind satisfies never}`)
  }
}

/** A requirement that does not hold, or of which it could not be found out, for this reason. */
export function refusedVerdict(
  { kind, name, path }: Pick<RequirementVerdict, 'kind' | 'name' | 'path'>,
  { kind: errorKind, code, message }: CountersignError,
): RequirementVerdict {
  return { kind, name, path, outcome: outcomeOf(errorKind), code, message }
}

/** What `attempt` finds; the refusal where it throws an error of ours. A defect is thrown. */
export async function orRefusal(
  named: Pick<RequirementVerdict, 'kind' | 'name' | 'path'>,
  attempt: () => Promise<RequirementVerdict>,
): Promise<RequirementVerdict> {
  try {
    return await attempt()
  } catch (error) {
    if (error instanceof CountersignError) return refusedVerdict(named, error)
    throw error
  }
}
