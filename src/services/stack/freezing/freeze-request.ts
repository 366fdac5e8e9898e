import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import type { World } from '../../../codec/world.ts'
import { frozenLine } from '../../../formats/log/checkpoint.ts'
import type { TileLog } from '../../../log/tile-log.ts'
import { repeatedly } from '../../repeatedly.ts'
import type { ServiceEvents } from '../../service.ts'
import { stackFiles } from '../folder.ts'
import { exists, readFileAt, replaceFile } from '../private-files.ts'

const textLimit = 200

/**
 * The line by which the last checkpoint of a log says that it has ended.
 *
 * @param text - where to go on, for people: one line of at most 200 characters
 * @throws CountersignError `USAGE`
 */
export function frozenLineOfText(text: string): string {
  if (text.trim() === '' || text.length > textLimit || /\p{Cc}|\p{Cs}/u.test(text))
    throw new CountersignError('USAGE', `want one line of 1 to ${textLimit} characters for the last checkpoint, got ${quote(text)}`)
  return frozenLine(text)
}

/**
 * Asks the process that has a stack open to freeze its log of version 2, by a file that outlives a crash of either: what was asked is done by
 * the next process at the latest.
 *
 * @throws CountersignError `USAGE`, `FILE_UNWRITABLE`
 */
export async function requestFreeze(folder: string, text: string): Promise<void> {
  frozenLineOfText(text)
  const path = join(folder, stackFiles.freeze)
  if ((await exists(path)) && (await isRequest(path))) return // whoever asked first names where to go on
  await replaceFile(path, text)
}

/** Whether a file asks for what can be done: one that does not, of whatever hand, would be in the way for good. */
async function isRequest(path: string): Promise<boolean> {
  try {
    frozenLineOfText(decodeUtf8(await readFileAt(path), path))
    return true
  } catch (cause) {
    if (cause instanceof CountersignError) return false
    throw cause
  }
}

/** Takes back what `requestFreeze` asked, because it is done. @throws CountersignError `FILE_UNWRITABLE` */
export async function dropFreezeRequest(folder: string): Promise<void> {
  const path = join(folder, stackFiles.freeze)
  await rm(path, { force: true }).catch(cause => {
    throw new CountersignError('FILE_UNWRITABLE', `${quote(path)} cannot be removed`, { cause })
  })
}

const lookMs = 1000
const afterFailureMs = 10_000

/** A log that may be frozen, unless clients are told to use it: by this process, whatever its configuration says on disk by now. */
export type Freezable = { readonly log: Pick<TileLog, 'freeze'>; readonly isForClients: boolean }

/** Freezes a log as soon as somebody asks for it, as long as the stack runs. What fails is tried again. */
export async function freezeWhenAsked(
  folder: string,
  freezable: Freezable,
  world: Pick<World, 'sleep'>,
  events: Pick<ServiceEvents, 'log' | 'audit'>,
  signal: AbortSignal,
): Promise<void> {
  const onFailure = (reason: string) => events.log('error', 'the log was not frozen as asked', { reason })
  const look = () => freezeIfAsked(folder, freezable, events)
  await repeatedly(look, { restMs: lookMs, afterFailureMs, atOnce: true, onFailure }, world, signal)
}

async function freezeIfAsked(folder: string, { log, isForClients }: Freezable, events: Pick<ServiceEvents, 'audit'>): Promise<void> {
  const path = join(folder, stackFiles.freeze)
  if (!(await exists(path))) return
  if (isForClients)
    throw new CountersignError('USAGE', 'rekor.sign-with: clients are told to use this log until the stack is started with another')
  const { size } = await log.freeze(frozenLineOfText(decodeUtf8(await readFileAt(path), path)))
  await dropFreezeRequest(folder)
  events.audit('log frozen', { log: stackFiles.logs.v2, size: Number(size) })
}
