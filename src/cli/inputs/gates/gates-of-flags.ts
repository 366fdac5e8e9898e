import { ageGate } from '../../../verify/gates/age.ts'
import type { Gate } from '../../../verify/gates/gate.ts'
import type { FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { gateFlags } from '../../flags/gates.ts'
import { parseAge } from './age.ts'

/** The flags about what attestations must say, and the one about which attestations those are. */
export type GateFlags = Omit<FlagsOf<typeof gateFlags>, 'given'> & { readonly type: string }

/**
 * The gates that flags ask for; none where they ask for nothing. What is wrong with a flag is found here, before any network.
 *
 * @throws CountersignError `USAGE`, also for a gate that cannot read attestations of the type asked for; `POLICY_MALFORMED`, and what
 *   reading the files of policies throws
 */
export async function gatesOfFlags(_context: CommandContext, flags: GateFlags): Promise<readonly Gate[]> {
  return flags.maxAge === '' ? [] : [ageGate(parseAge(flags.maxAge, '--max-age'))]
}
