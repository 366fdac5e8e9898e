import { encodeBase64 } from '../../codec/base64.ts'
import type { Branded } from '../../codec/branded.ts'
import { serializeCanonicalJson } from '../../codec/canonical-json.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import type { LogEntry } from './log-entry.ts'
import type { LogKey } from './log-key.ts'

/** An entry that its log has promised to include, and when the log says it got it. Only `verifySignedEntryTimestamp` makes one. */
export type Promised = Branded<{ readonly entry: LogEntry; readonly integratedTime: Date }, 'Promised'>

/** What a log promises about: the entry as bytes, its place and its time. */
export type PromisedEntry = {
  readonly canonicalizedBody: Uint8Array
  readonly integratedTime: bigint // seconds since 1970
  readonly logId: Uint8Array
  readonly logIndex: bigint
}

/**
 * Proves that a log of Rekor v1 promised this entry, at this index and time.
 *
 * @throws CountersignError `TLOG_PROMISE_INVALID`
 * @see services §3.2
 */
export async function verifySignedEntryTimestamp(entry: LogEntry, log: LogKey): Promise<Promised> {
  const { inclusionPromise, integratedTime } = entry
  if (!inclusionPromise) throw invalid('the entry has none')
  if (integratedTime === undefined) throw invalid('want the integrated time that it is about, got none')
  const message = messageOfBytes(signedEntryBytes({ ...entry, integratedTime }))
  try {
    await verifySignatureAs(log.key, inclusionPromise, message, log.scheme)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError('TLOG_PROMISE_INVALID', `signed entry timestamp: the log did not make it: ${cause.message}`, { cause })
  }
  return { entry, integratedTime: new Date(1000 * Number(integratedTime)) } as Promised
}

/**
 * The bytes under a signed entry timestamp: canonical JSON of body, time, log id and index. Rekor writes numbers, which JSON's canonical form
 * knows as doubles, so a number that is none, or a time past the year 275760, is no promise of any log.
 *
 * @throws CountersignError `TLOG_PROMISE_INVALID`
 */
export function signedEntryBytes({ canonicalizedBody, integratedTime, logId, logIndex }: PromisedEntry): Uint8Array {
  if (integratedTime > 8_640_000_000_000n) throw invalid(`integrated time ${integratedTime} is out of range`)
  if (logIndex > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`log index ${logIndex} is out of range`)
  return encodeUtf8(
    serializeCanonicalJson({
      body: encodeBase64(canonicalizedBody),
      integratedTime: Number(integratedTime),
      logID: encodeHex(logId),
      logIndex: Number(logIndex),
    }),
  )
}

function invalid(problem: string): CountersignError {
  return new CountersignError('TLOG_PROMISE_INVALID', `signed entry timestamp: ${problem}`)
}
