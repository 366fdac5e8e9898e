import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import type { GoJson } from '../../../codec/go-json.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import { frozenLineOf, type VerifiedCheckpoint } from '../../../formats/log/checkpoint.ts'
import { type LogEntry, logEntryJson } from '../../../formats/log/log-entry.ts'
import { leafHash } from '../../../formats/log/merkle.ts'
import { verifyLogEntry } from '../../../formats/log/verify-log-entry.ts'
import { describeLogEntry, logEntryLines } from '../../output/inspected/log-entry.ts'
import { namesOfSigners } from './entry-keys.ts'
import type { Head, OpenLog } from './open-log.ts'

/** An entry that is in a tree which a trusted log signed. */
export type ProvenEntry = { readonly entry: LogEntry; readonly checkpoint: VerifiedCheckpoint }

/**
 * Proves that an entry is in the log: by its inclusion, a promise alone is not enough.
 *
 * @throws CountersignError `TLOG_UNKNOWN`, and as `verifyLogEntry`
 */
export async function proveEntry({ trusted }: Pick<OpenLog, 'trusted'>, entry: LogEntry): Promise<ProvenEntry> {
  const log = trusted.find(({ logId }) => bytesEqual(logId, entry.logId))
  if (!log)
    throw new CountersignError('TLOG_UNKNOWN', `log entry ${entry.logIndex}: is of log ${encodeHex(entry.logId)}, which is not trusted`)
  const { checkpoint } = await verifyLogEntry(entry, log)
  if (!checkpoint) throw new CountersignError('TLOG_INCLUSION_MISMATCH', `log entry ${entry.logIndex}: want a proof of inclusion, got none`)
  return { entry, checkpoint }
}

/** Rekor v1's name of an entry: its tree and its leaf. Of other logs, the leaf alone. */
export function entryIdOf({ entry, checkpoint }: ProvenEntry): string {
  const [, tree] = / - ([0-9]+)$/.exec(checkpoint.origin) ?? []
  const leaf = encodeHex(leafHash(entry.canonicalizedBody))
  return tree === undefined ? leaf : BigInt(tree).toString(16).padStart(16, '0') + leaf
}

/** A tree head as JSON. */
export function headJson({ checkpoint, log, note }: Head): { readonly [member: string]: GoJson } {
  const frozen = frozenLineOf(checkpoint)
  return {
    origin: checkpoint.origin,
    treeSize: String(checkpoint.size),
    rootHash: encodeHex(checkpoint.root),
    logId: encodeHex(log.logId),
    ...(frozen !== undefined && { frozen }),
    checkpoint: note,
  }
}

/** A proven entry as JSON: described, and as bundles have it. */
export function entryJson(proven: ProvenEntry): { readonly [member: string]: GoJson } {
  const { entry } = proven
  const { problems: _, ...described } = describeLogEntry(entry, 'entry')
  return { id: entryIdOf(proven), ...described, signerNames: namesOfSigners(entry), entry: logEntryJson(entry) }
}

/** A proven entry for people. */
export function entryText(proven: ProvenEntry): string {
  const { entry, checkpoint } = proven
  const lines = [
    `entry ${entryIdOf(proven)}`,
    ...logEntryLines(describeLogEntry(entry, 'entry')),
    ...namesOfSigners(entry).map(name => `    signed by ${quote(name)}, as its certificate says`),
    `    verified: in the tree of ${checkpoint.size} entries that ${quote(checkpoint.origin)} signed`,
  ]
  return `${lines.join('\n')}\n`
}
