import { concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'

/** What Rekor v1 keeps of an entry beside its body. */
export type EntryExtra = {
  readonly signedEntryTimestamp: Uint8Array // the promise that was given when it was logged, so that it is never another one (G7)
  readonly attestation: Uint8Array | undefined
}

const [withoutAttestation, withAttestation] = [1, 2]

/** One byte for the form, two for the promise's length, the promise, then the attestation. */
export function encodeEntryExtra({ signedEntryTimestamp, attestation }: EntryExtra): Uint8Array {
  const { length } = signedEntryTimestamp
  const form = attestation ? withAttestation : withoutAttestation
  return concatBytes(Uint8Array.of(form!, length >> 8, length & 0xff), signedEntryTimestamp, attestation ?? new Uint8Array(0))
}

/** @throws CountersignError `STORE_CORRUPT` */
export function decodeEntryExtra(bytes: Uint8Array): EntryExtra {
  const [form, high, low] = bytes
  const end = 3 + (high ?? 0) * 256 + (low ?? 0)
  const isWhole =
    low !== undefined && (form === withAttestation ? bytes.length >= end : form === withoutAttestation && bytes.length === end)
  if (!isWhole) throw new CountersignError('STORE_CORRUPT', 'stored entry: want a promise beside it, got something else')
  return { signedEntryTimestamp: bytes.subarray(3, end), attestation: form === withAttestation ? bytes.subarray(end) : undefined }
}
