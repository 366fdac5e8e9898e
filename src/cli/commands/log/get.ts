import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { LogEntry } from '../../../formats/log/log-entry.ts'
import type { CommandFunction } from '../../command.ts'
import type { logGetFlags } from '../../flags/log.ts'
import { jsonText } from '../../output/json-document.ts'
import { criteriaFromFlags, findEntries } from './criteria.ts'
import { type OpenLog, openLog } from './open-log.ts'
import { entryIdOf, entryJson, entryText, proveEntry } from './proven-entry.ts'

/** `log get`: entries, each proven to be in the log. */
export const logGet: CommandFunction<typeof logGetFlags> = async (context, flags, [name]) => {
  const criteria = await criteriaFromFlags(context, flags)
  if ((name === undefined) === (criteria === undefined))
    throw new CountersignError('USAGE', 'want the index or ID of an entry, or flags that say what to look for, and not both')
  const log = await openLog(context, flags)
  const entries = criteria ? await findEntries(log, criteria, flags) : [await proveEntry(log, await entryNamed(log, name!))]
  if (entries.length === 0) throw new CountersignError('TLOG_ENTRY_MISSING', `${log.url.host}: has no entry of what is looked for`)
  if (flags.output === 'json') context.stdout(`${jsonText({ url: log.url.href, version: log.version, entries: entries.map(entryJson) })}\n`)
  else context.stdout(entries.map(entryText).join(''))
  return 0
}

/**
 * The entry of an index, or of an ID of Rekor v1: 80 hex digits, or the 64 of its leaf alone.
 *
 * @throws CountersignError `USAGE`, `TLOG_ENTRY_MISSING`; `TLOG_ENTRY_MISMATCH` for another one than asked for
 */
export async function entryNamed(log: OpenLog, name: string): Promise<LogEntry> {
  const isIndex = /^(0|[1-9][0-9]{0,18})$/.test(name)
  if (!isIndex && !/^([0-9a-f]{16})?[0-9a-f]{64}$/.test(name))
    throw new CountersignError('USAGE', `want an index, or an ID of 64 or 80 hex digits, got ${quote(name)}`)
  const entry = isIndex ? await log.entryAt(BigInt(name)) : await log.entryById(name)
  if (!entry) throw new CountersignError('TLOG_ENTRY_MISSING', `${log.url.host}: has no entry ${name}`)
  if (!isIndex) {
    const id = entryIdOf(await proveEntry(log, entry))
    if (!id.endsWith(name)) throw new CountersignError('TLOG_ENTRY_MISMATCH', `${log.url.host}: want entry ${name}, got ${id}`)
  }
  return entry
}
