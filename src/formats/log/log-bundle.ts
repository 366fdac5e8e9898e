import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import {
  type Json,
  type JsonObject,
  parseJson,
  readAs,
  readBase64,
  readObject,
  readObjectOf,
  readSafeInteger,
  readString,
} from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { readEntryKind } from './entry-body.ts'
import type { LogEntry } from './log-entry.ts'

/**
 * A Rekor v1 entry and the log's promise to include it, as the older layout keeps it beside a signature. Decoded, not
 * checked. Source: formats-and-flows §2.2.
 */
export type LogBundle = {
  readonly signedEntryTimestamp: Uint8Array
  readonly body: Uint8Array // canonical entry
  readonly integratedTime: number // seconds since 1970
  readonly logIndex: number
  readonly logId: string // 64 hex digits: SHA-256 of the log's public key
}

/**
 * The same entry as a bundle has it. What kind it is of stands in its body alone.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function logEntryOfBundle({ signedEntryTimestamp, body, integratedTime, logIndex, logId }: LogBundle): LogEntry {
  return {
    logIndex: BigInt(logIndex),
    logId: decodeHex(logId, 'log bundle: logID'),
    ...readEntryKind(body),
    integratedTime: BigInt(integratedTime),
    inclusionPromise: signedEntryTimestamp,
    inclusionProof: undefined,
    canonicalizedBody: body,
  }
}

/**
 * An entry as the older layout keeps it, which has no place for an inclusion proof.
 *
 * @throws CountersignError `CONVERSION_IMPOSSIBLE` for an entry that its log only proves and does not promise: all of Rekor v2's
 */
export function logBundleOfEntry({ inclusionPromise, integratedTime, logIndex, logId, canonicalizedBody }: LogEntry): LogBundle {
  if (!inclusionPromise || integratedTime === undefined)
    throw new CountersignError('CONVERSION_IMPOSSIBLE', 'log entry: want a signed entry timestamp for the older layout, got none')
  return {
    signedEntryTimestamp: inclusionPromise,
    body: canonicalizedBody,
    integratedTime: exactNumber(integratedTime, 'integratedTime'),
    logIndex: exactNumber(logIndex, 'logIndex'),
    logId: encodeHex(logId),
  }
}

function exactNumber(value: bigint, name: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new CountersignError('CONVERSION_IMPOSSIBLE', `log entry: ${name} ${value} is no number that JSON holds exactly`)
  return Number(value)
}

const fileLimit = { bytes: 16 << 20 }

/** Reads `{"SignedEntryTimestamp","Payload"}`. `at` is its JSON path. @throws CountersignError `JSON_MALFORMED` */
export function readLogBundle(value: unknown, at: string): LogBundle {
  const bundle = readObjectOf(value, at, ['SignedEntryTimestamp', 'Payload'])
  const payload = readObjectOf(bundle['Payload'], `${at}.Payload`, ['body', 'integratedTime', 'logIndex', 'logID'])
  return {
    signedEntryTimestamp: readBase64(bundle['SignedEntryTimestamp'], `${at}.SignedEntryTimestamp`),
    ...readLoggedEntry(payload, `${at}.Payload`),
  }
}

/** The bundle as cosign writes it, members in its order. */
export function logBundleJson({ signedEntryTimestamp, body, integratedTime, logIndex, logId }: LogBundle): JsonObject {
  return {
    SignedEntryTimestamp: encodeBase64(signedEntryTimestamp),
    Payload: { body: encodeBase64(body), integratedTime, logIndex, logID: logId },
  }
}

/**
 * Reads a file that holds a log entry: a log bundle itself, a blob bundle of the older format with one in it (what cosign
 * takes), or what Rekor answers to an upload or a search (what cosign's help also promises).
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseLogEntryFile(bytes: Uint8Array, what: string): LogBundle {
  return readAs('LOG_ENTRY_MALFORMED', what, () => {
    const json = readObject(parseJson(bytes, what, fileLimit), what)
    if (json['Payload'] !== undefined) return readLogBundle(json, what)
    if (json['rekorBundle'] !== undefined) return readLogBundle(json['rekorBundle'], `${what}: rekorBundle`)
    const [answer, ...others] = Object.entries(json)
    if (!answer || others.length > 0 || !/^[0-9a-f]{64,80}$/.test(answer[0]))
      throw new CountersignError(
        'LOG_ENTRY_MALFORMED',
        `${what}: want a log bundle, a blob bundle that holds one, or one entry by its UUID`,
      )
    return readAnswer(answer[1], `${what}: entry`)
  })
}

/** One entry as `GET /api/v1/log/entries/UUID` has it. Its inclusion proof has no place in the older layout. */
function readAnswer(value: Json, at: string): LogBundle {
  const entry = readObject(value, at)
  const verification = readObject(entry['verification'], `${at}.verification`)
  return {
    signedEntryTimestamp: readBase64(verification['signedEntryTimestamp'], `${at}.verification.signedEntryTimestamp`),
    ...readLoggedEntry(entry, at),
  }
}

/** Reads what a log promises about: body, time, index and log, as JSON has them. `at` is their path. @throws CountersignError `JSON_MALFORMED` */
export function readLoggedEntry(entry: { readonly [name: string]: unknown }, at: string): Omit<LogBundle, 'signedEntryTimestamp'> {
  const logId = readString(entry['logID'], `${at}.logID`)
  if (!/^[0-9a-f]{64}$/.test(logId)) throw new CountersignError('JSON_MALFORMED', `${at}.logID: want 64 hex digits, got ${quote(logId)}`)
  return {
    body: readBase64(entry['body'], `${at}.body`),
    integratedTime: readSafeInteger(entry['integratedTime'], `${at}.integratedTime`),
    logIndex: readSafeInteger(entry['logIndex'], `${at}.logIndex`),
    logId,
  }
}
