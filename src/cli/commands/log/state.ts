import { join } from 'node:path'
import { CountersignError, readAt } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { decodeUtf8, encodeUtf8 } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { verifyConsistency } from '../../../formats/log/merkle.ts'
import type { Folder } from '../../../oci/layout/folder.ts'
import type { CommandContext } from '../../context.ts'
import type { Head, OpenLog, VerifyHead } from './open-log.ts'

const noteLimitBytes = 64 << 10

/**
 * Where the states of logs are kept: the folder that was given, else one in the user's cache; nothing where there is no home.
 */
export function stateFolder({ environment, files }: CommandContext, given: string): Folder | undefined {
  const home = environment.get('HOME') || environment.get('USERPROFILE')
  const cache = environment.get('XDG_CACHE_HOME') || (home ? join(home, '.cache') : undefined)
  const path = given || (cache && join(cache, 'countersign', 'logs'))
  return path ? files.folder(path) : undefined
}

/** The folder of one log within: origins may hold anything. */
export function nameOfLog({ checkpoint, log }: Head): string {
  return encodeHex(sha256(encodeUtf8(`${checkpoint.origin}\n${encodeHex(log.logId)}`))).slice(0, 32)
}

/**
 * Proves that a head goes on from the one that was kept of the same log, and keeps it in its place. The kept one is verified again: a
 * cache proves nothing.
 *
 * @throws CountersignError `TLOG_INCLUSION_MISMATCH` where the log shrank, or has another history; `FILE_UNWRITABLE`
 */
export async function keepState(
  context: CommandContext,
  given: string,
  head: Head,
  log: Pick<OpenLog, 'consistencyPath' | 'url'>,
  verifyHead: VerifyHead,
): Promise<void> {
  const folder = stateFolder(context, given)
  if (!folder) return context.warn('no place to keep the state of the log: set HOME, or --state-folder; whether it only grew is not known')
  const path = `${nameOfLog(head)}/checkpoint`
  const kept = await folder.read(path, noteLimitBytes)
  if (kept) {
    const { checkpoint } = await verifyHead(decodeUtf8(kept, `${folder.name}/${path}`))
    if (checkpoint.origin !== head.checkpoint.origin)
      throw new CountersignError('CHECKPOINT_INVALID', `${folder.name}/${path}: is of another log, ${checkpoint.origin}`)
    const consistency = checkpoint.size < head.checkpoint.size && checkpoint.size > 0n ? await log.consistencyPath(checkpoint) : []
    readAt(`${log.url.host}: since it was seen last`, () => verifyConsistency(checkpoint, head.checkpoint, consistency))
    if (checkpoint.size === head.checkpoint.size) return
  }
  await folder.write(path, encodeUtf8(head.note))
}
