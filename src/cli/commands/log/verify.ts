import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError, readAt } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { parseBundle } from '../../../formats/bundle.ts'
import { verifyConsistency } from '../../../formats/log/merkle.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { logVerifyFlags } from '../../flags/log.ts'
import { jsonText } from '../../output/json-document.ts'
import { criteriaFromFlags, findEntries } from './criteria.ts'
import { entryNamed } from './get.ts'
import { type OpenLog, openLog } from './open-log.ts'
import { entryJson, entryText, headJson, type ProvenEntry, proveEntry } from './proven-entry.ts'

const bundleLimitBytes = 16 << 20

/** `log verify`: that an entry is in the log as it is now, and that the log has kept all it had. */
export const logVerify: CommandFunction<typeof logVerifyFlags> = async (context, flags, [name]) => {
  const log = await openLog(context, flags)
  const entries = await entriesOf(context, log, flags, name)
  for (const entry of entries) await checkHistory(log, entry)
  if (flags.output === 'json') {
    const document = { url: log.url.href, version: log.version, verified: true, head: headJson(log.head), entries: entries.map(entryJson) }
    context.stdout(`${jsonText(document)}\n`)
    return 0
  }
  context.stdout(entries.map(entryText).join(''))
  context.stdout(
    `verified: ${quote(log.head.checkpoint.origin)} holds this in its tree of ${log.head.checkpoint.size} entries, and has only grown\n`,
  )
  return 0
}

async function entriesOf(
  context: CommandContext,
  log: OpenLog,
  flags: FlagsOf<typeof logVerifyFlags>,
  name: string | undefined,
): Promise<readonly ProvenEntry[]> {
  const criteria = await criteriaFromFlags(context, flags)
  const given = [name !== undefined, criteria !== undefined, flags.bundle !== '']
  if (given.filter(Boolean).length !== 1)
    throw new CountersignError('USAGE', 'want one of: the index or ID of an entry, --bundle, or flags that say what to look for')
  if (flags.bundle !== '') return entriesOfBundle(log, await context.files.read(flags.bundle, bundleLimitBytes), flags.bundle)
  if (name !== undefined) return [await proveEntry(log, await entryNamed(log, name))]
  const found = await findEntries(log, criteria!, flags)
  const confirmed = found.filter(({ isConfirmed }) => isConfirmed)
  if (confirmed.length === 0)
    throw new CountersignError('TLOG_ENTRY_MISSING', `${log.url.host}: has no entry that shows what is looked for`)
  return confirmed
}

/** The entries of a bundle, as the log has them now. What the bundle itself brings along must hold too. */
async function entriesOfBundle(log: OpenLog, bytes: Uint8Array, path: string): Promise<readonly ProvenEntry[]> {
  const { logEntries } = readAt(path, () => parseBundle(bytes))
  if (logEntries.length === 0) throw new CountersignError('TLOG_ENTRY_MISSING', `${path}: the bundle has no log entry`)
  const proven: ProvenEntry[] = []
  for (const entry of logEntries) {
    const brought = await proveEntry(log, entry)
    await checkHistory(log, brought)
    const current = await log.entryAt(entry.logIndex)
    if (!current) throw new CountersignError('TLOG_ENTRY_MISSING', `${log.url.host}: has no entry ${entry.logIndex}`)
    if (!bytesEqual(current.canonicalizedBody, entry.canonicalizedBody))
      throw new CountersignError('TLOG_ENTRY_MISMATCH', `${log.url.host}: entry ${entry.logIndex} is another than the one of the bundle`)
    proven.push(await proveEntry(log, current))
  }
  return proven
}

/** The tree in which an entry was proven is the beginning of the tree as it is now. */
async function checkHistory(log: OpenLog, { checkpoint, entry }: ProvenEntry): Promise<void> {
  const head = [log.head, ...log.earlierHeads].find(({ checkpoint: { origin } }) => origin === checkpoint.origin)
  if (!head)
    throw new CountersignError(
      'TLOG_UNKNOWN',
      `log entry ${entry.logIndex}: is proven in ${quote(checkpoint.origin)}, which ${log.url.host} does not have`,
    )
  if (checkpoint.size > head.checkpoint.size)
    return verifyConsistency(head.checkpoint, checkpoint, await log.consistencyPath(head.checkpoint)) // it grew since it was opened
  const needsPath = checkpoint.size > 0n && checkpoint.size < head.checkpoint.size
  const path = needsPath ? await log.consistencyPath(checkpoint) : []
  readAt(`log entry ${entry.logIndex}: its tree`, () => verifyConsistency(checkpoint, head.checkpoint, path))
}
