import { encodeDerInteger, encodeDerSequence } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { type Curve, fieldLength, integerOfBytes } from '../../crypto/curve.ts'

/**
 * The DER form of an ECDSA signature that its provider gives as r || s, each as long as the curve's field.
 *
 * @param what - begins the message: `RemoteKey.what`
 * @throws CountersignError `KMS_RESPONSE_MALFORMED` for another length
 * @see RFC 7518 §3.4, RFC 3279 §2.2.3
 */
export function derOfRawEcdsa(curve: Curve, raw: Uint8Array, what: string): Uint8Array {
  const length = fieldLength(curve)
  if (raw.length !== 2 * length)
    throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: signature: want ${2 * length} bytes of r and s, got ${raw.length}`)
  return encodeDerSequence(
    encodeDerInteger(integerOfBytes(raw.subarray(0, length))),
    encodeDerInteger(integerOfBytes(raw.subarray(length))),
  )
}
