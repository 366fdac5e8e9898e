import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { parseCheckpoint } from '../formats/log/checkpoint.ts'
import type { InclusionProof, LogEntry } from '../formats/log/log-entry.ts'
import { leafHash, rootOfInclusion } from '../formats/log/merkle.ts'
import { parseSignedNote } from '../formats/log/signed-note.ts'

/**
 * Holds an entry to what a bundle of version 0.3 wants of it: a proof that leads to the root of its own checkpoint. Whose checkpoint that
 * is, and whether anybody trusts the log, is for `verify` to say; a proof that is broken in itself is not worth writing down.
 *
 * @throws CountersignError `CONVERSION_IMPOSSIBLE` without a proof, or without a checkpoint in it; `TLOG_INCLUSION_MISMATCH`,
 *   `CHECKPOINT_MALFORMED`, `LIMIT_EXCEEDED`
 * @see formats-and-flows §4, RFC 9162 §2.1.3.2
 */
export function checkProven({ logIndex, inclusionProof, canonicalizedBody }: LogEntry): void {
  if (inclusionProof?.checkpoint === undefined)
    throw new CountersignError(
      'CONVERSION_IMPOSSIBLE',
      `log entry (log index ${logIndex}) came without an inclusion proof with a checkpoint, which version 0.3 wants and only the log can give`,
    )
  checkProof(inclusionProof, inclusionProof.checkpoint, canonicalizedBody)
}

/**
 * An entry with the proof that its log was asked for: the same in all but the proof.
 *
 * @param proven - what the log answered
 * @throws CountersignError `TLOG_ENTRY_MISMATCH` for an answer about another entry, and as `checkProven` for its proof
 */
export function withProofOf(entry: LogEntry, proven: LogEntry): LogEntry {
  if (!bytesEqual(entry.logId, proven.logId) || entry.logIndex !== proven.logIndex)
    throw new CountersignError('TLOG_ENTRY_MISMATCH', `log entry (log index ${entry.logIndex}): the log that was asked is another one`)
  if (!bytesEqual(entry.canonicalizedBody, proven.canonicalizedBody))
    throw new CountersignError('TLOG_ENTRY_MISMATCH', `log entry (log index ${entry.logIndex}): the log has another entry at that index`)
  checkProven(proven)
  return { ...entry, inclusionProof: proven.inclusionProof }
}

function checkProof({ logIndex, treeSize, rootHash, hashes }: InclusionProof, envelope: string, body: Uint8Array): void {
  const { size, root } = parseCheckpoint(parseSignedNote(envelope).text)
  if (size !== treeSize) throw mismatch(`is of a tree of ${treeSize}, its checkpoint of one of ${size}`)
  if (!bytesEqual(root, rootHash)) throw mismatch('its root is not the one of its checkpoint')
  if (!bytesEqual(rootOfInclusion(leafHash(body), logIndex, hashes, treeSize), root))
    throw mismatch(`leaf ${logIndex} does not lead to the root of its checkpoint`)
}

function mismatch(problem: string): CountersignError {
  return new CountersignError('TLOG_INCLUSION_MISMATCH', `inclusion proof: ${problem}`)
}
