import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { LogEntry } from '../../../formats/log/log-entry.ts'
import type { LogAccess } from '../../../sign/rekor/ask-log.ts'
import { withSearchedEntries } from '../../../sign/rekor/searched-entries.ts'
import type { Candidate } from '../../../verify/evidence.ts'
import type { Policy, Trust } from '../../../verify/policy.ts'
import type { CommandContext } from '../../context.ts'

/**
 * A signature of the older layout that brings no log entry along, with those that the log has of it: `--rekor-url`. The entry is evidence,
 * proven by the log's key as any other; the log itself is not believed. Bundles hold what they need, and offline nobody is asked.
 *
 * @throws CountersignError `USAGE`, `TLOG_UNAVAILABLE`: that a log cannot be reached does not mean that it has no entry
 */
export async function withLogEntries(
  context: CommandContext,
  flags: { readonly offline: boolean; readonly rekorUrl: string },
  candidate: Candidate,
  trust: Trust,
  policy: Policy,
): Promise<Candidate> {
  if (flags.offline) return candidate
  return await withSearchedEntries(candidate, trust, policy, async signature => {
    const access = logAccess(context, flags.rekorUrl)
    const { searchLog } = await import('../../../sign/rekor/ask-log.ts')
    return await searchLog(access, signature)
  })
}

/** The log that `--rekor-url` names. @throws CountersignError `USAGE` */
export function logAccess({ world: { fetch }, signal }: CommandContext, rekorUrl: string): LogAccess {
  if (!URL.canParse(rekorUrl)) throw new CountersignError('USAGE', `--rekor-url: want a URL, got ${quote(rekorUrl)}`)
  return { fetch, url: new URL(rekorUrl), signal }
}

/** Asks the log that `--rekor-url` names for the proof that an entry lacks. */
export function entryProver(context: CommandContext, flags: { readonly rekorUrl: string }): (entry: LogEntry) => Promise<LogEntry> {
  return async entry => {
    const access = logAccess(context, flags.rekorUrl)
    const [{ fetchLogEntry }, { withProofOf }] = [
      await import('../../../sign/rekor/ask-log.ts'),
      await import('../../../sign/bundle-proof.ts'),
    ]
    const proven = await fetchLogEntry(access, entry.logIndex)
    if (!proven) throw new CountersignError('TLOG_ENTRY_MISSING', `${access.url.origin} has no entry with log index ${entry.logIndex}`)
    return withProofOf(entry, proven)
  }
}
