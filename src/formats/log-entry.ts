import { type JsonObject, readArray, readBase64, readObjectOf, readString, readUint64 } from '../codec/json.ts'

/** A transparency log entry as a bundle carries it. Decoded, not checked. Source: protobuf-specs `sigstore_rekor.proto`. */
export type LogEntry = {
  readonly logIndex: bigint
  readonly logId: Uint8Array
  readonly kind: string
  readonly version: string
  readonly integratedTime: bigint | undefined // seconds since 1970; absent in Rekor v2
  readonly inclusionPromise: Uint8Array | undefined // signed entry timestamp
  readonly inclusionProof: InclusionProof | undefined
  readonly canonicalizedBody: Uint8Array
}

export type InclusionProof = {
  readonly logIndex: bigint
  readonly rootHash: Uint8Array
  readonly treeSize: bigint
  readonly hashes: readonly Uint8Array[]
  readonly checkpoint: string | undefined // a signed note; some v0.1 bundles have none
}

const entryMembers = ['logIndex', 'logId', 'kindVersion', 'integratedTime', 'inclusionPromise', 'inclusionProof', 'canonicalizedBody']

/** Reads one entry. `at` is its JSON path. @throws CountersignError `JSON_MALFORMED` or `LIMIT_EXCEEDED` */
export function readLogEntry(value: unknown, at: string): LogEntry {
  const entry = readObjectOf(value, at, entryMembers)
  const logId = readObjectOf(entry['logId'], `${at}.logId`, ['keyId'])
  const kindVersion = readObjectOf(entry['kindVersion'], `${at}.kindVersion`, ['kind', 'version'])
  return {
    logIndex: readUint64(entry['logIndex'] ?? '0', `${at}.logIndex`), // proto3 leaves out zero
    logId: readBase64(logId['keyId'], `${at}.logId.keyId`),
    kind: readString(kindVersion['kind'], `${at}.kindVersion.kind`),
    version: readString(kindVersion['version'], `${at}.kindVersion.version`),
    integratedTime: readIntegratedTime(entry, at),
    inclusionPromise: readInclusionPromise(entry['inclusionPromise'], `${at}.inclusionPromise`),
    inclusionProof: readInclusionProof(entry['inclusionProof'], `${at}.inclusionProof`),
    canonicalizedBody: readBase64(entry['canonicalizedBody'], `${at}.canonicalizedBody`),
  }
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
    rootHash: readBase64(proof['rootHash'], `${at}.rootHash`),
    treeSize: readUint64(proof['treeSize'], `${at}.treeSize`),
    hashes: readArray(proof['hashes'] ?? [], `${at}.hashes`, 63, readBase64), // a tree of 2^63 leaves has no longer path
    checkpoint: readCheckpoint(proof['checkpoint'], `${at}.checkpoint`),
  }
}

function readCheckpoint(value: unknown, at: string): string | undefined {
  if (value === undefined) return undefined
  return readString(readObjectOf(value, at, ['envelope'])['envelope'], `${at}.envelope`)
}
