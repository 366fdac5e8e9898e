import { bytesEqual, concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { sha256 } from '../../crypto/digest.ts'
import { encodeTlsVector, TlsReader } from '../../formats/x509/tls-presentation.ts'

/** What a log keeps beside an entry, in no tile. */
export type EntryExtra = {
  readonly sct: Uint8Array // serialized; the same submission gets it again
  readonly issuers: readonly Uint8Array[] // DER of those authorities that no earlier entry brought
}

/** A vector of two octets' length, then one of three that holds such vectors. */
export function encodeEntryExtra({ sct, issuers }: EntryExtra): Uint8Array {
  return concatBytes(encodeTlsVector(2, sct), encodeTlsVector(3, concatBytes(...issuers.map(der => encodeTlsVector(3, der)))))
}

/** @throws CountersignError `STORE_CORRUPT`: nobody but this log wrote it */
export function parseEntryExtra(bytes: Uint8Array): EntryExtra {
  const reader = new TlsReader(bytes, 'CT log: what is kept beside an entry', 'STORE_CORRUPT')
  const sct = reader.vector(2)
  const list = new TlsReader(reader.vector(3), 'CT log: issuers beside an entry', 'STORE_CORRUPT')
  reader.end()
  const issuers: Uint8Array[] = []
  while (!list.isAtEnd) issuers.push(list.vector(3))
  return { sct, issuers }
}

/** The one of these issuers that has a fingerprint. @throws CountersignError `STORE_CORRUPT` where none has */
export function issuerOf({ issuers }: EntryExtra, fingerprint: Uint8Array): Uint8Array {
  const found = issuers.find(der => bytesEqual(sha256(der), fingerprint))
  if (!found) throw new CountersignError('STORE_CORRUPT', 'CT log: an entry does not hold the issuer that it is found by')
  return found
}
