import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError, firstToHold } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { quote } from '../codec/text.ts'
import { messageOfBytes } from '../crypto/message.ts'
import { isRekorV1Origin } from '../formats/log/checkpoint.ts'
import { parseEntryBody } from '../formats/log/entry-body.ts'
import { checkEntryMatches, type LoggedContent } from '../formats/log/entry-match.ts'
import type { LogEntry } from '../formats/log/log-entry.ts'
import { type LoggedEntry, verifyLogEntry } from '../formats/log/verify-log-entry.ts'
import type { TransparencyLog } from '../trust/transparency-log.ts'
import { describeValidity, isWithin } from '../trust/validity.ts'
import { artifactMessage } from './artifact.ts'
import type { Found } from './derivation.ts'
import type { Evidence } from './evidence.ts'
import type { Policy, Trust } from './policy.ts'
import { type ProvenTime, provenTime } from './proven-time.ts'
import type { Signed, Signers } from './signer.ts'

/** What trusted logs have of a signature. Only `checkLogEntries` makes one. */
export type Logged = {
  readonly entries: readonly { readonly entry: LoggedEntry; readonly log: TransparencyLog }[]
  readonly times: readonly ProvenTime[]
}

/** What the step wants, for the derivation. */
export function describeLogs({ logThreshold = 1 }: Policy): string {
  return logThreshold === 1 ? 'an entry in a trusted log' : `entries in ${logThreshold} trusted logs`
}

/**
 * Step `transparency-log`: as many trusted logs as the policy asks for have this signature, by this signer, over this artifact. An entry
 * of a log that nobody trusts proves nothing and is passed over; one of a trusted log that is about something else, or does not
 * verify, refuses the evidence. Logs are counted by their keys, so that one log with many entries is one (GHSA-9vcr-p3rj-q5q6).
 *
 * @throws CountersignError `TLOG_ENTRY_MISSING`, `TLOG_UNKNOWN`, `THRESHOLD_NOT_MET`, `TLOG_ENTRY_MISMATCH`, `TLOG_INCLUSION_MISMATCH`,
 *   `TLOG_PROMISE_INVALID`, `CHECKPOINT_INVALID`, `CHECKPOINT_MALFORMED`, `LOG_ENTRY_MALFORMED`, `TIME_UNPROVEN`
 * @see formats-and-flows §5.2 step 2
 */
export async function checkLogEntries(
  evidence: Evidence,
  signed: Signed,
  signers: Signers,
  trust: Trust,
  policy: Policy,
): Promise<Found<Logged>> {
  const { logEntries } = evidence
  refuseRepetition(logEntries)
  const entries: Logged['entries'][number][] = []
  const times: ProvenTime[] = []
  const unknown: string[] = []
  for (const entry of logEntries) {
    const logs = (trust.transparencyLogs ?? []).filter(({ logId }) => bytesEqual(logId, entry.logId))
    if (logs.length === 0) {
      unknown.push(encodeHex(entry.logId))
      continue
    }
    checkEntry(entry, signed, signers, policy)
    const verified = await verifyByOneOf(entry, logs, policy)
    entries.push(verified)
    const { integratedTime } = verified.entry
    if (integratedTime) times.push(provenTime(integratedTime, () => describeLog(verified.log), policy))
  }
  checkThreshold(entries, unknown, policy)
  return {
    value: { entries, times },
    found: () =>
      [...entries.map(describeEntry), ...unknown.map(id => `log ${id.slice(0, 16)}… is not trusted, and was passed over`)].join('; '),
  }
}

/** Two entries of one log at one place would be counted, and shown, as two. */
function refuseRepetition(entries: readonly LogEntry[]): void {
  if (entries.length < 2) return
  const places = entries.map(({ logId, logIndex }) => `${logIndex} of log ${encodeHex(logId)}`)
  const repeated = places.find((place, index) => places.indexOf(place) !== index)
  if (repeated !== undefined) throw new CountersignError('TLOG_ENTRY_MISMATCH', `two log entries have index ${repeated}`)
}

function checkEntry(entry: LogEntry, { content, signature, key }: Signed, signers: Signers, { artifact }: Policy): void {
  const signer =
    signers.kind === 'certificate' ? ({ kind: 'certificate', certificate: signers.certificate } as const) : ({ kind: 'key', key } as const)
  checkEntryMatches(parseEntryBody(entry), { signature, signer, content: loggedContent(content, artifact) })
}

function loggedContent(content: Signed['content'], artifact: Policy['artifact']): LoggedContent {
  switch (content.kind) {
    case 'artifact':
      return { kind: 'message', message: artifactMessage(artifact) }
    case 'payload':
      return { kind: 'message', message: messageOfBytes(content.bytes) }
    case 'statement':
      return {
        kind: 'envelope',
        envelope: content.envelope,
        preAuthEncoding: content.bytes,
        ...(content.encoded && { encoded: content.encoded }),
      }
    default:
      throw new TypeError(`unhandled content ${content satisfies never}`)
  }
}

/** A trusted root may list a log twice, for two spans of time: the entry must hold by one of them as a whole. */
async function verifyByOneOf(entry: LogEntry, logs: readonly TransparencyLog[], policy: Policy): Promise<Logged['entries'][number]> {
  return await firstToHold(logs, async log => {
    const logged = await verifyLogEntry(entry, log)
    checkLogValidity(logged, log, policy)
    return { entry: logged, log }
  })
}

/**
 * A log's key counts for entries of its own days. Rekor v2 says no time: what proves one is held against the log by `checkLogsAt`, and where
 * nothing does, the entry was made before now, so not by a log that is trusted from some later day on.
 */
function checkLogValidity({ integratedTime }: LoggedEntry, log: TransparencyLog, { now, clockSkewMs = 0 }: Policy): void {
  if (integratedTime && !isWithin(log.validFor, integratedTime)) throw notYours(log, integratedTime)
  if (log.validFor.start.getTime() > now.getTime() + clockSkewMs) throw notYours(log, now)
}

/**
 * Holds logs that say no time themselves against the times that others proved.
 *
 * @throws CountersignError `TLOG_UNKNOWN`
 */
export function checkLogsAt({ entries }: Logged, times: readonly ProvenTime[]): void {
  for (const { entry, log } of entries)
    for (const { time } of entry.integratedTime ? [] : times) if (!isWithin(log.validFor, time)) throw notYours(log, time)
}

function notYours(log: TransparencyLog, time: Date): CountersignError {
  return new CountersignError(
    'TLOG_UNKNOWN',
    `${describeLog(log)} is trusted ${describeValidity(log.validFor)}, not at ${time.toISOString()}`,
  )
}

function checkThreshold(entries: Logged['entries'], unknown: readonly string[], { logThreshold = 1 }: Policy): void {
  const logs = new Set(entries.map(({ log }) => encodeHex(log.key.id))).size
  if (logs >= logThreshold) return
  if (entries.length > 0) throw new CountersignError('THRESHOLD_NOT_MET', `want entries in ${logThreshold} trusted logs, got ${logs}`)
  if (unknown.length > 0)
    throw new CountersignError(
      'TLOG_UNKNOWN',
      `not enough verified log entries from transparency log: 0 < ${logThreshold}: no trusted log has id ${unknown.join(', ')}`,
    )
  throw new CountersignError(
    'TLOG_ENTRY_MISSING',
    `not enough verified log entries from transparency log: 0 < ${logThreshold}: the signature brings no log entry`,
  )
}

/** A log as messages name it. */
export function describeLog({ baseUrl, logId }: TransparencyLog): string {
  return `log ${baseUrl === '' ? encodeHex(logId.subarray(0, 8)).concat('…') : quote(baseUrl).slice(1, -1)}`
}

function describeEntry({ entry: { entry, integratedTime, checkpoint }, log }: Logged['entries'][number]): string {
  const proof = checkpoint ? `, included in its tree of size ${checkpoint.size}` : ''
  const isPromised = integratedTime !== undefined
  // Rekor v1 signs the index over all its trees in the promise alone: without one it is anybody's word
  const place =
    isPromised || !isRekorV1Origin(checkpoint!.origin) ? `index ${entry.logIndex}` : `leaf ${entry.inclusionProof!.logIndex} of a tree`
  return `${place} of ${describeLog(log)}${proof}${isPromised ? `, promised at ${integratedTime.toISOString()}` : ''}`
}
