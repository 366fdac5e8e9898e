import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { CommandFunction } from '../../command.ts'
import type { logSearchFlags } from '../../flags/log.ts'
import { timeText } from '../../output/inspected/part.ts'
import { jsonText } from '../../output/json-document.ts'
import { criteriaFromFlags, type FoundEntry, findEntries } from './criteria.ts'
import { namesOfSigners } from './entry-keys.ts'
import { openLog } from './open-log.ts'
import { entryIdOf } from './proven-entry.ts'

/** `log search`: the entries of an artifact, a name or a key, one line for each. */
export const logSearch: CommandFunction<typeof logSearchFlags> = async (context, flags) => {
  const criteria = await criteriaFromFlags(context, flags)
  if (!criteria) throw new CountersignError('USAGE', 'want something to look for: --artifact, --hash, --email or --public-key')
  const log = await openLog(context, flags)
  const found = await findEntries(log, criteria, flags)
  if (flags.output === 'json') context.stdout(`${jsonText({ url: log.url.href, version: log.version, entries: found.map(summary) })}\n`)
  else if (found.length === 0) context.stdout('no entries\n')
  else context.stdout(found.map(line).join(''))
  if (found.length === flags.limit) context.warn(`only the first ${flags.limit} entries were looked at: --limit`)
  if (found.some(({ isConfirmed }) => !isConfirmed))
    context.warn('some entries do not show themselves what was looked for: that they are about it, the log says')
  return 0
}

function summary(found: FoundEntry) {
  const { logIndex, kind, version, integratedTime } = found.entry
  return {
    logIndex: String(logIndex),
    id: entryIdOf(found),
    kind,
    version,
    integratedTime: integratedTime === undefined ? null : timeText(Number(integratedTime)),
    signerNames: namesOfSigners(found.entry),
    confirmed: found.isConfirmed,
  }
}

function line(found: FoundEntry): string {
  const { logIndex, id, kind, version, integratedTime, signerNames, confirmed } = summary(found)
  const who = signerNames.length > 0 ? `  ${signerNames.map(quote).join(', ')}` : ''
  return `${logIndex}  ${id}  ${quote(`${kind} ${version}`)}  ${integratedTime ?? 'at no stated time'}${who}${confirmed ? '' : '  (as the log says)'}\n`
}
