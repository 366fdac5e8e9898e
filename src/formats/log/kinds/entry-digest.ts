import { encodeBase64 } from '../../../codec/base64.ts'
import { CountersignError } from '../../../codec/error.ts'
import { decodeHex, encodeHex } from '../../../codec/hex.ts'
import { readBase64, readObjectOf, readString } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { protobufHashes, protobufNameOfHash } from '../../../crypto/algorithm.ts'
import { type HashName, hashLength } from '../../../crypto/digest.ts'

/** A digest that a log entry commits to, as long as its hash makes it. */
export type EntryDigest = { readonly hash: HashName; readonly digest: Uint8Array }

const rekorV1Hashes: readonly HashName[] = ['sha256', 'sha384', 'sha512']

/** Reads `{"algorithm":"sha256","value":HEX}` of Rekor v1. `at` is its JSON path. @throws CountersignError `LOG_ENTRY_MALFORMED` */
export function readHexDigest(value: unknown, at: string): EntryDigest {
  const { algorithm, value: hex } = readObjectOf(value, at, ['algorithm', 'value'])
  const name = readString(algorithm, `${at}.algorithm`)
  const hash = rekorV1Hashes.find(known => known === name)
  if (!hash) throw malformed(`${at}.algorithm: want one of ${rekorV1Hashes.join(', ')}, got ${quote(name)}`)
  const text = readString(hex, `${at}.value`)
  if (!/^[0-9a-f]*$/.test(text) || text.length !== 2 * hashLength(hash))
    throw malformed(`${at}.value: want ${2 * hashLength(hash)} hex digits, got ${quote(text)}`)
  return { hash, digest: decodeHex(text, at) }
}

/** Reads `{"algorithm":"SHA2_256","digest":BASE64}` of Rekor v2. `at` is its JSON path. @throws CountersignError `LOG_ENTRY_MALFORMED` */
export function readProtoDigest(value: unknown, at: string): EntryDigest {
  const { algorithm, digest: base64 } = readObjectOf(value, at, ['algorithm', 'digest'])
  const name = readString(algorithm, `${at}.algorithm`)
  const hash = protobufHashes.get(name)
  if (!hash) throw malformed(`${at}.algorithm: want one of ${[...protobufHashes.keys()].join(', ')}, got ${quote(name)}`)
  const digest = readBase64(base64, `${at}.digest`)
  if (digest.length !== hashLength(hash)) throw malformed(`${at}.digest: want ${hashLength(hash)} bytes, got ${digest.length}`)
  return { hash, digest }
}

/** The digest as Rekor v1 writes it. */
export function hexDigestJson({ hash, digest }: EntryDigest) {
  return { algorithm: hash, value: encodeHex(digest) }
}

/** The digest as Rekor v2 writes it. @throws TypeError for SHA-224, which has no name there */
export function protoDigestJson({ hash, digest }: EntryDigest) {
  const algorithm = protobufNameOfHash(hash)
  if (algorithm === undefined) throw new TypeError(`${hash} has no name in the protobuf`)
  return { algorithm, digest: encodeBase64(digest) }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', problem)
}
