import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { parseCheckpoint } from '../../../formats/log/checkpoint.ts'
import { verifyCosignature } from '../../../formats/log/cosignature.ts'
import { parseSignedNote } from '../../../formats/log/signed-note.ts'
import { isQuorum, type PolicyWitness, witnessesOf } from '../../../formats/log/witness/witness-policy.ts'
import type { StackConfig } from '../../../services/stack/config.ts'
import { readWitnessPolicy } from '../../../services/stack/logs.ts'
import type { CommandContext } from '../../context.ts'
import { type Finding, findingOf, getDocument } from './finding.ts'

/** Whether the published head of the log of version 2 is cosigned as the policy of the stack's folder wants it; nothing where it has none. */
export async function examineWitnesses(context: CommandContext, folder: string, config: StackConfig): Promise<readonly Finding[]> {
  if (!config.witness) return []
  const finding = await findingOf(context, 'witnesses', async () => {
    const quorum = await readWitnessPolicy(folder, config)
    if (!quorum) return 'none are needed'
    const note = parseSignedNote(decodeUtf8(await getDocument(context, 'checkpoint', `${config.url.origin}/checkpoint`), 'checkpoint'))
    if (parseCheckpoint(note.text).size === 0n) return 'there is nothing to cosign yet'
    const cosigned: PolicyWitness[] = []
    for (const witness of witnessesOf(quorum)) {
      const time = await verifyCosignature(note, witness.witness).catch(() => undefined)
      if (time !== undefined) cosigned.push(witness)
    }
    const seen = cosigned.length === 0 ? 'cosigned by nobody' : `cosigned by ${cosigned.map(({ id }) => id).join(', ')}`
    if (isQuorum(quorum, witness => cosigned.includes(witness))) return seen
    throw new CountersignError('WITNESS_UNAVAILABLE', `no quorum: the published head is ${seen}`)
  })
  return [finding]
}
