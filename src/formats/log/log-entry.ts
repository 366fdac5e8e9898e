import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import type { GoJson } from '../../codec/go-json.ts'
import { type JsonObject, readArray, readBase64, readObjectOf, readString, readUint64 } from '../../codec/json.ts'
import type { Sha256 } from '../../crypto/digest.ts'

/** A transparency log entry as a bundle carries it. Decoded, not checked. Source: protobuf-specs `sigstore_rekor.proto`. */
export type LogEntry = {
  readonly logIndex: bigint // Rekor v1: counted across the log's trees
  readonly logId: Uint8Array
  readonly kind: string
  readonly version: string
  readonly integratedTime: bigint | undefined // seconds since 1970; absent in Rekor v2
  readonly inclusionPromise: Uint8Array | undefined // signed entry timestamp
  readonly inclusionProof: InclusionProof | undefined
  readonly canonicalizedBody: Uint8Array
}

/** How an entry leads to the root of one tree. */
export type InclusionProof = {
  readonly logIndex: bigint // in this tree
  readonly rootHash: Sha256
  readonly treeSize: bigint
  readonly hashes: readonly Sha256[] // siblings from the leaf up
  readonly checkpoint: string | undefined // a signed note; some v0.1 bundles have none
}

/** Hashes of an inclusion path at most: a tree of 2^63 leaves has no longer one. */
export const maxPath = 63

const maxLogId = 64

const entryMembers = ['logIndex', 'logId', 'kindVersion', 'integratedTime', 'inclusionPromise', 'inclusionProof', 'canonicalizedBody']

/** Reads one entry. `at` is its JSON path. @throws CountersignError `JSON_MALFORMED` or `LIMIT_EXCEEDED` */
export function readLogEntry(value: unknown, at: string): LogEntry {
  const entry = readObjectOf(value, at, entryMembers)
  const logId = readObjectOf(entry['logId'], `${at}.logId`, ['keyId'])
  const kindVersion = readObjectOf(entry['kindVersion'], `${at}.kindVersion`, ['kind', 'version'])
  return {
    logIndex: readUint64(entry['logIndex'] ?? '0', `${at}.logIndex`), // proto3 leaves out zero
    logId: readLogId(logId['keyId'], `${at}.logId.keyId`),
    kind: readString(kindVersion['kind'], `${at}.kindVersion.kind`),
    version: readString(kindVersion['version'], `${at}.kindVersion.version`),
    integratedTime: readIntegratedTime(entry, at),
    inclusionPromise: readInclusionPromise(entry['inclusionPromise'], `${at}.inclusionPromise`),
    inclusionProof: readInclusionProof(entry['inclusionProof'], `${at}.inclusionProof`),
    canonicalizedBody: readBase64(entry['canonicalizedBody'], `${at}.canonicalizedBody`),
  }
}

/** The entry as bundles have it: proto3 JSON in the order of the fields, what is zero left out. */
export function logEntryJson(entry: LogEntry): GoJson {
  const { logIndex, logId, kind, version, integratedTime, inclusionPromise, inclusionProof, canonicalizedBody } = entry
  return {
    logIndex: uint64Json(logIndex),
    logId: { keyId: encodeBase64(logId) },
    kindVersion: { kind, version },
    integratedTime: uint64Json(integratedTime ?? 0n),
    inclusionPromise: inclusionPromise && { signedEntryTimestamp: encodeBase64(inclusionPromise) },
    inclusionProof: inclusionProof && inclusionProofJson(inclusionProof),
    canonicalizedBody: encodeBase64(canonicalizedBody),
  }
}

function inclusionProofJson({ logIndex, rootHash, treeSize, hashes, checkpoint }: InclusionProof): GoJson {
  return {
    logIndex: uint64Json(logIndex),
    rootHash: encodeBase64(rootHash),
    treeSize: uint64Json(treeSize),
    hashes: hashes.length === 0 ? undefined : hashes.map(encodeBase64),
    checkpoint: checkpoint === undefined ? undefined : { envelope: checkpoint },
  }
}

function uint64Json(value: bigint): string | undefined {
  return value === 0n ? undefined : String(value)
}

/** SHA-256 in every log of Sigstore; what is shorter is some other log's matter, and names none that is trusted. */
function readLogId(value: unknown, at: string): Uint8Array {
  const logId = readBase64(value, at)
  if (logId.length > maxLogId) throw new CountersignError('LIMIT_EXCEEDED', `${at}: want at most ${maxLogId} bytes, got ${logId.length}`)
  return logId
}

function readIntegratedTime(entry: JsonObject, at: string): bigint | undefined {
  const seconds = readUint64(entry['integratedTime'] ?? '0', `${at}.integratedTime`)
  return seconds === 0n ? undefined : seconds
}

function readInclusionPromise(value: unknown, at: string): Uint8Array | undefined {
  if (value === undefined) return undefined
  return readBase64(readObjectOf(value, at, ['signedEntryTimestamp'])['signedEntryTimestamp'], `${at}.signedEntryTimestamp`)
}

function readInclusionProof(value: unknown, at: string): InclusionProof | undefined {
  if (value === undefined) return undefined
  const proof = readObjectOf(value, at, ['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint'])
  return {
    logIndex: readUint64(proof['logIndex'] ?? '0', `${at}.logIndex`),
    rootHash: readHash(proof['rootHash'], `${at}.rootHash`),
    treeSize: readUint64(proof['treeSize'], `${at}.treeSize`),
    hashes: readArray(proof['hashes'] ?? [], `${at}.hashes`, maxPath, readHash),
    checkpoint: readCheckpoint(proof['checkpoint'], `${at}.checkpoint`),
  }
}

function readHash(value: unknown, at: string): Sha256 {
  const hash = readBase64(value, at)
  if (hash.length !== 32) throw new CountersignError('JSON_MALFORMED', `${at}: want the 32 bytes of a hash, got ${hash.length}`)
  return hash as Sha256
}

function readCheckpoint(value: unknown, at: string): string | undefined {
  if (value === undefined) return undefined
  return readString(readObjectOf(value, at, ['envelope'])['envelope'], `${at}.envelope`)
}
