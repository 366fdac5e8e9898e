import type { DerReader } from '../../codec/der.ts'
import { encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import { hashOfOid, hashOid, isAbsentOrNull, readAlgorithmIdentifier } from '../../crypto/algorithm-identifier.ts'

/** The hash functions that timestamps are made with. */
export type TimestampHash = keyof typeof hashOid

const sha1Oid = '1.3.14.3.2.26'

/**
 * Reads the AlgorithmIdentifier of a hash. Parameters may be absent or NULL, RFC 5754 §2: Go writes none, OpenSSL NULL. SHA-1 is refused:
 * services.md §5.
 *
 * @throws CountersignError the reader's code
 */
export function readDigestAlgorithm(der: DerReader): TimestampHash {
  const { oid, parameters } = readAlgorithmIdentifier(der)
  const hash = hashOfOid.get(oid)
  if (!hash) throw der.malformed(`want digest algorithm SHA-256, SHA-384 or SHA-512, got ${oid === sha1Oid ? 'SHA-1' : oid}`)
  if (!isAbsentOrNull(parameters)) throw der.malformed('digest algorithm: want no parameters, or NULL')
  return hash
}

/** AlgorithmIdentifier of a hash, without parameters, RFC 5754 §2. */
export function encodeDigestAlgorithm(hash: TimestampHash): Uint8Array {
  return encodeDerSequence(encodeDerOid(hashOid[hash]))
}
