import { join } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import type { World } from '../../../codec/world.ts'
import { frozenLineOf, type VerifiedCheckpoint, verifyCheckpoint } from '../../../formats/log/checkpoint.ts'
import { openTileLog } from '../../../log/open-tile-log.ts'
import { checkpointName } from '../../../log/write-behind.ts'
import type { ServiceEvents } from '../../service.ts'
import { type OpenedFolder, readIdentity, readStackConfig, stackFiles } from '../folder.ts'
import { openFencedStore } from '../logs/log-fence.ts'
import { rekorV2Layout } from '../logs.ts'
import { exists, readFileAt } from '../private-files.ts'
import { rekorV2KeyOf } from '../trust.ts'
import { dropFreezeRequest, frozenLineOfText, requestFreeze } from './freeze-request.ts'

/** Which stack's log is to end, and with what word. */
export type Freezing = {
  readonly folder: string
  readonly text: string // for the last checkpoint: one line, where to go on
  /** Opens the folder with its keys. Called where no process has the stack open, for then they are needed. */
  readonly open: () => Promise<OpenedFolder>
  readonly waitMs: number // for the process that has it open
}

/**
 * Freezes the log of version 2 of a stack: by its running process where there is one, else here.
 *
 * @returns its last checkpoint, verified
 * @throws CountersignError `USAGE` where clients are told to use this log, or for a text that no checkpoint can have; `SERVICE_UNAVAILABLE`
 *   where the running process has not done it in time: it is asked to all the same, and to do it when it starts; of the folder and of the log
 */
export async function freezeStackLog(
  { folder, text, open, waitMs }: Freezing,
  world: World,
  events: ServiceEvents,
  signal: AbortSignal,
): Promise<VerifiedCheckpoint> {
  const line = frozenLineOfText(text)
  const config = await readStackConfig(folder)
  if (config.rekor.signWith === 'v2')
    throw new CountersignError('USAGE', 'rekor.sign-with: clients are told to use this log: tell them to use another before it is frozen')
  const place = join(folder, stackFiles.logs.v2)
  const fenced = await openFencedStore(place).catch(cause => {
    if (cause instanceof CountersignError && cause.code === 'STORE_LOCKED') return undefined
    throw cause
  })
  if (!fenced) {
    await requestFreeze(folder, text)
    return await awaitFrozen(folder, waitMs, world, signal)
  }
  const closeAndThrow = async (cause: unknown): Promise<never> => {
    await fenced.store.close()
    throw cause
  }
  const opened = await open().catch(closeAndThrow)
  const layout = await rekorV2Layout(folder, opened, world, events).catch(closeAndThrow)
  const log = await openTileLog({ ...layout, store: fenced.store, now: world.now, events })
  try {
    await log.freeze(line)
  } finally {
    await log.close()
  }
  await dropFreezeRequest(folder)
  return (await lastCheckpoint(folder))!
}

const lookMs = 100

async function awaitFrozen(
  folder: string,
  waitMs: number,
  { sleep }: Pick<World, 'sleep'>,
  signal: AbortSignal,
): Promise<VerifiedCheckpoint> {
  for (let waitedMs = 0; ; waitedMs += lookMs) {
    const last = (await exists(join(folder, stackFiles.freeze))) ? undefined : await lastCheckpoint(folder)
    if (last) return last
    if (waitedMs >= waitMs)
      throw new CountersignError(
        'SERVICE_UNAVAILABLE',
        `the process that has the stack open was asked to freeze its log, and has not done so within ${waitMs} ms; it still may`,
      )
    await sleep(lookMs, signal)
  }
}

/** The published checkpoint, if it is the last one. */
async function lastCheckpoint(folder: string): Promise<VerifiedCheckpoint | undefined> {
  const path = join(folder, stackFiles.logs.v2, checkpointName)
  if (!(await exists(path))) return undefined
  const key = rekorV2KeyOf(await readStackConfig(folder), await readIdentity(folder))
  const checkpoint = await verifyCheckpoint(decodeUtf8(await readFileAt(path), path, 'CHECKPOINT_MALFORMED'), key)
  return frozenLineOf(checkpoint) === undefined ? undefined : checkpoint
}
