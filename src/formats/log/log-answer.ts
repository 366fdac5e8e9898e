import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import type { GoJson } from '../../codec/go-json.ts'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { parseJson, readArray, readAs, readBase64, readObject, readObjectOf, readSafeInteger, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { readEntryKind } from './entry-body.ts'
import { logBundleOfEntry, readLoggedEntry } from './log-bundle.ts'
import { type InclusionProof, type LogEntry, maxPath } from './log-entry.ts'
import { leafHash } from './merkle.ts'

const limits = { bytes: 32 << 20 } // ten entries, each of which may carry an attestation

const maxEntries = 10 // of one answer, Rekor's own limit

/**
 * Reads what Rekor v1 answers: `{ID:{body,integratedTime,logID,logIndex,verification}}` to an upload or a look-up, a list of such to a search.
 * Nothing is believed of it but that each entry stands under the id of its body.
 *
 * @param what - begins every message
 * @throws CountersignError `LOG_ENTRY_MALFORMED` or `LIMIT_EXCEEDED`
 * @see services §3.1 and §3.2
 */
export function parseLogAnswer(bytes: Uint8Array, what: string): readonly LogEntry[] {
  return readAs('LOG_ENTRY_MALFORMED', what, () => {
    const json = parseJson(bytes, what, limits)
    const answers = Array.isArray(json) ? readArray(json, what, maxEntries, readObject) : [readObject(json, what)]
    const entries = answers.flatMap(answer => Object.entries(answer))
    if (entries.length > maxEntries)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxEntries} entries, got ${entries.length}`)
    return entries.map(([id, entry]) => readLogAnswer(id, entry, `${what}: entry ${quote(id)}`))
  })
}

/**
 * What Rekor v1 answers with for an entry of one of its trees.
 *
 * @throws CountersignError `CONVERSION_IMPOSSIBLE` for an entry that is not both promised and proven by a checkpoint
 * @see services §3.2
 */
export function logAnswerJson(treeId: bigint, entry: LogEntry): GoJson {
  const { signedEntryTimestamp, body, integratedTime, logId, logIndex } = logBundleOfEntry(entry)
  const { inclusionProof: proof } = entry
  if (proof?.checkpoint === undefined)
    throw new CountersignError('CONVERSION_IMPOSSIBLE', 'log entry: want a proof with a checkpoint, got none')
  const inclusionProof = {
    checkpoint: proof.checkpoint,
    hashes: proof.hashes.map(encodeHex),
    logIndex: Number(proof.logIndex),
    rootHash: encodeHex(proof.rootHash),
    treeSize: Number(proof.treeSize),
  }
  return {
    [treeId.toString(16).padStart(16, '0') + encodeHex(leafHash(body))]: {
      body: encodeBase64(body),
      integratedTime,
      logID: logId,
      logIndex,
      verification: { inclusionProof, signedEntryTimestamp: encodeBase64(signedEntryTimestamp) },
    },
  }
}

/** The id is 16 hex digits of the tree, which old answers leave out, and 64 of the leaf. */
function readLogAnswer(id: string, value: unknown, at: string): LogEntry {
  const entry = readObjectOf(value, at, ['attestation', 'body', 'integratedTime', 'logID', 'logIndex', 'verification'])
  const { body, integratedTime, logId, logIndex } = readLoggedEntry(entry, at)
  const { signedEntryTimestamp, inclusionProof } = readObjectOf(entry['verification'] ?? {}, `${at}.verification`, [
    'inclusionProof',
    'signedEntryTimestamp',
  ])
  if (!/^([0-9a-f]{16})?[0-9a-f]{64}$/.test(id) || !id.endsWith(encodeHex(leafHash(body))))
    throw malformed(`${at}: is not the id of its body`)
  return {
    logIndex: BigInt(logIndex),
    logId: decodeHex(logId, at),
    ...readEntryKind(body),
    integratedTime: BigInt(integratedTime),
    inclusionPromise:
      signedEntryTimestamp === undefined ? undefined : readBase64(signedEntryTimestamp, `${at}.verification.signedEntryTimestamp`),
    inclusionProof: inclusionProof === undefined ? undefined : readProof(inclusionProof, `${at}.verification.inclusionProof`),
    canonicalizedBody: body,
  }
}

function readProof(value: unknown, at: string): InclusionProof {
  const proof = readObjectOf(value, at, ['checkpoint', 'hashes', 'logIndex', 'rootHash', 'treeSize'])
  return {
    logIndex: BigInt(readSafeInteger(proof['logIndex'], `${at}.logIndex`)),
    rootHash: readHexHash(proof['rootHash'], `${at}.rootHash`),
    treeSize: BigInt(readSafeInteger(proof['treeSize'], `${at}.treeSize`)),
    hashes: readArray(proof['hashes'], `${at}.hashes`, maxPath, readHexHash),
    checkpoint: readString(proof['checkpoint'], `${at}.checkpoint`),
  }
}

function readHexHash(value: unknown, at: string): Sha256 {
  const hex = readString(value, at)
  if (!/^[0-9a-f]{64}$/.test(hex)) throw malformed(`${at}: want 64 hex digits, got ${quote(hex)}`)
  return decodeHex(hex, at) as Sha256
}

function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', problem)
}
