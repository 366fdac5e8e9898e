import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { Gate } from '../../../verify/gates/gate.ts'
import type { CommandContext } from '../../context.ts'

/**
 * A gate for each policy file.
 *
 * @throws CountersignError `CAPABILITY_MISSING` for languages that come later, `USAGE` for what is none
 */
export async function policyGates(_context: CommandContext, paths: readonly string[]): Promise<readonly Gate[]> {
  for (const path of paths) throw new CountersignError('USAGE', `--policy: ${quote(path)}`)
  return []
}
