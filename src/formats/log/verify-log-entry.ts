import type { Branded } from '../../codec/branded.ts'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { isRekorV1Origin, type VerifiedCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import { isRekorV2Kind } from './entry-body.ts'
import type { InclusionProof, LogEntry } from './log-entry.ts'
import type { LogKey } from './log-key.ts'
import { leafHash, verifyInclusion } from './merkle.ts'
import { verifySignedEntryTimestamp } from './signed-entry-timestamp.ts'

/**
 * An entry that its log has vouched for: by a promise, by inclusion in a tree that it signed, or by both. What the entry is about is for
 * `checkEntryMatches` to say. Only `verifyLogEntry` makes one.
 */
export type LoggedEntry = Branded<
  {
    readonly entry: LogEntry
    readonly integratedTime: Date | undefined // what the log promised; a time without a promise is anybody's word, and not here
    readonly checkpoint: VerifiedCheckpoint | undefined // of the tree that holds the entry
  },
  'Logged'
>

/**
 * Proves that a log holds an entry, or promised to. Whatever the entry brings along must verify; a promise or a proof with a checkpoint is
 * the least. A proof without a checkpoint, as some bundles of version 0.1 have, leads to a root that no log vouches for: it is refused, as
 * other verifiers do, and `bundle upgrade` fetches a whole one.
 *
 * @param log - the one whose id the entry names
 * @throws CountersignError `TLOG_UNKNOWN` for another log's entry, `TLOG_PROMISE_INVALID`, `TLOG_INCLUSION_MISMATCH`, `CHECKPOINT_INVALID`,
 *   `CHECKPOINT_MALFORMED`, `LIMIT_EXCEEDED`
 * @see formats-and-flows §5.2 step 2
 */
export async function verifyLogEntry(entry: LogEntry, log: LogKey): Promise<LoggedEntry> {
  const { logId, inclusionPromise, inclusionProof } = entry
  if (!bytesEqual(logId, log.logId))
    throw new CountersignError('TLOG_UNKNOWN', `log entry: is of log ${encodeHex(logId)}, not ${encodeHex(log.logId)}`)
  const promised = inclusionPromise && (await verifySignedEntryTimestamp(entry, log))
  const checkpoint = inclusionProof && (await verifyProof(entry, inclusionProof, log))
  if (!promised && !checkpoint) throw mismatch('want a promise or a proof, got neither')
  return { entry, integratedTime: promised?.integratedTime, checkpoint } as LoggedEntry
}

async function verifyProof(entry: LogEntry, proof: InclusionProof, log: LogKey): Promise<VerifiedCheckpoint> {
  const { logIndex, treeSize, rootHash, hashes } = proof
  if (proof.checkpoint === undefined) throw mismatch('no log vouches for its root: want a checkpoint, got none')
  const checkpoint = await verifyCheckpoint(proof.checkpoint, log)
  if (treeSize !== checkpoint.size) throw mismatch(`want the tree of size ${checkpoint.size} of the checkpoint, got ${treeSize}`)
  if (!bytesEqual(rootHash, checkpoint.root)) throw mismatch('its root is not the one of the checkpoint')
  checkIndex(entry, proof, checkpoint)
  verifyInclusion(leafHash(entry.canonicalizedBody), logIndex, hashes, checkpoint)
  return checkpoint
}

/** Rekor v1 counts entries across its trees and proves them in one; Rekor v2 has one tree, and one index. */
function checkIndex(entry: LogEntry, { logIndex }: InclusionProof, { origin }: VerifiedCheckpoint): void {
  if (!isRekorV1Origin(origin)) {
    if (entry.logIndex !== logIndex) throw mismatch(`is for index ${logIndex}, the entry says ${entry.logIndex}`)
  } else if (isRekorV2Kind(entry)) throw mismatch('the entry is of Rekor v2, the checkpoint of a tree of Rekor v1')
}

function mismatch(problem: string): CountersignError {
  return new CountersignError('TLOG_INCLUSION_MISMATCH', `inclusion proof: ${problem}`)
}
