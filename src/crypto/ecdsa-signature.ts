import { parseDer } from '../codec/der.ts'
import { CountersignError } from '../codec/error.ts'
import { type Curve, fieldLength } from './curve.ts'

/** The two scalars of an ECDSA signature, both from 1 to n - 1. */
export type EcdsaSignature = { readonly r: bigint; readonly s: bigint }

/**
 * Reads an ECDSA signature: strict DER `SEQUENCE { r, s }`, both in range. s above n/2 is as good as below, as in X9.62 and Go.
 *
 * @throws CountersignError `SIGNATURE_MALFORMED`
 */
export function parseEcdsaSignature(curve: Curve, signature: Uint8Array): EcdsaSignature {
  const limitBytes = 2 * (fieldLength(curve) + 3) + 3 // two integers with sign octet, and the lengths around them
  if (signature.length > limitBytes)
    throw malformed(`want at most ${limitBytes} bytes for a curve of ${curve.bits} bits, got ${signature.length}`)
  const { r, s } = parseDer(
    signature,
    'signature',
    der => der.sequence(pair => ({ r: pair.integer(), s: pair.integer() })),
    'SIGNATURE_MALFORMED',
  )
  if (r <= 0n || r >= curve.n) throw malformed('r is outside 1 to n - 1')
  if (s <= 0n || s >= curve.n) throw malformed('s is outside 1 to n - 1')
  return { r, s }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('SIGNATURE_MALFORMED', `signature: ${problem}`)
}
