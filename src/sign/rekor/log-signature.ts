import { parseEntryBody } from '../../formats/log/entry-body.ts'
import { checkEntryMatches } from '../../formats/log/entry-match.ts'
import type { LogEntry } from '../../formats/log/log-entry.ts'
import type { LogKey } from '../../formats/log/log-key.ts'
import type { ServiceAccess } from '../ask-service.ts'
import { checkProven } from '../bundle-proof.ts'
import type { Submission } from './submission.ts'
import { uploadV1 } from './upload-v1.ts'
import { uploadV2 } from './upload-v2.ts'

/** A log that signatures are recorded in. */
export type LogService = { readonly access: ServiceAccess; readonly version: 1 | 2 }

/**
 * Has a log record a signature. What it answers is about this signature and proves its inclusion in a tree by itself; whether anybody trusts
 * that tree, `verify` says. A signature that the log has already is as good: its entry is what comes back, so that asking again after a lost
 * answer does no harm.
 *
 * @param known - logs that are trusted: of them Rekor v2's id is found when it has the entry already
 * @throws CountersignError as `askService`; `LOG_ENTRY_MALFORMED`, `TLOG_ENTRY_MISMATCH`, `TLOG_INCLUSION_MISMATCH`, `CHECKPOINT_MALFORMED`,
 *   `SERVICE_RESPONSE_MALFORMED`, `MATERIAL_UNSUPPORTED` for a signature that this log cannot record
 * @see services.md §3.1 and §4.1
 */
export async function logSignature(log: LogService, submission: Submission, known: readonly LogKey[]): Promise<LogEntry> {
  const entry = log.version === 1 ? await uploadV1(log.access, submission) : await uploadV2(log.access, submission, known)
  checkEntryMatches(parseEntryBody(entry), submission)
  checkProven(entry)
  return entry
}
