import { join } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { frozenLineOf } from '../../../formats/log/checkpoint.ts'
import { checkpointName } from '../../../log/write-behind.ts'
import { createOperatedEvents } from '../../../services/stack/events.ts'
import { openFolder, stackFiles } from '../../../services/stack/folder.ts'
import { freezeStackLog } from '../../../services/stack/freezing/freeze-log.ts'
import type { CommandFunction } from '../../command.ts'
import type { stackFreezeFlags } from '../../flags/sigstore/stack.ts'
import { remoteKeyLoader } from './remote-keys.ts'

const waitMs = 30_000

/** `stack freeze`: ends a log, by the process that has it open or here. */
export const freezeLog: CommandFunction<typeof stackFreezeFlags> = async (context, { data, next }, [name]) => {
  checkName(name ?? '')
  const open = async () => {
    const passphrase = await context.prompts.passphrase({ confirm: false })
    try {
      return await openFolder(data, passphrase, context.deriveKey, remoteKeyLoader(context))
    } finally {
      passphrase.fill(0)
    }
  }
  const { events } = createOperatedEvents(line => context.stderr(line), context.world.now)
  const last = await freezeStackLog({ folder: data, text: next, open, waitMs }, context.world, events, context.signal)
  const path = join(data, stackFiles.logs.v2, checkpointName)
  context.stdout(`${stackFiles.logs.v2}: frozen at size ${last.size}\n${path}: ${frozenLineOf(last)}\n`)
  return 0
}

/** @throws CountersignError `CAPABILITY_MISSING`, `USAGE` */
function checkName(name: string): void {
  const { ct, v1, v2 } = stackFiles.logs
  switch (name) {
    case v2:
      return
    case v1:
      throw new CountersignError('CAPABILITY_MISSING', `${v1}: clients of version 1 know no log that has ended: want ${v2}`)
    case ct:
      throw new CountersignError(
        'CAPABILITY_MISSING',
        `${ct}: heads of a certificate log have no line that says that it has ended: want ${v2}`,
      )
    default:
      throw new CountersignError('USAGE', `want the name of a log, ${v2}, got ${quote(name)}`)
  }
}
