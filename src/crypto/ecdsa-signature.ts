import { verify } from 'node:crypto'
import { parseDer } from '../codec/der.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeEcAlgorithm } from './algorithm-identifier.ts'
import { addPoints, type Curve, decodePoint, encodePoint, fieldLength, integerOfBytes, invert, mod, multiplyBase } from './curve.ts'
import { sha256 } from './digest.ts'
import { encodeSpki, importSpki, type PublicKey } from './public-key.ts'

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

/** The message that stands in for the unknown one. Any would do. */
const standIn = new Uint8Array(0)
const standInDigest = sha256(standIn)

/**
 * Whether a signature is by this key over a message with this digest, decided without the message.
 *
 * Native code always hashes what it verifies. But (r, s) is valid for the integer e under Q exactly when it is valid for e' under
 * `Q' = Q + ((e - e') / r)·G`, since e/s·G + r/s·Q is then the same point: so the native check runs over a stand-in message with
 * digest e' under the shifted key. Where Q and the shift have one x (only who knows the private key can bring that about, by choice of e or r)
 * the sum needs another formula and the answer is no. Everything here is public, so nothing need be constant-time.
 *
 * @param digest - of the message, by any hash; its leftmost bits count, as many as n has
 * @see docs/decisions/0002-verification-over-a-digest.md
 */
export function isEcdsaDigestSigned(
  key: PublicKey,
  curve: Curve,
  signature: Uint8Array,
  { r }: EcdsaSignature,
  digest: Uint8Array,
): boolean {
  const shift = mod((scalarOfDigest(curve, digest) - scalarOfDigest(curve, standInDigest)) * invert(r, curve.n), curve.n)
  if (shift === 0n) return verify('sha256', standIn, key.key, signature)
  const point = decodePoint(curve, key.spki.subarray(key.spki.length - 1 - 2 * fieldLength(curve)))!
  const shifted = decodePoint(curve, multiplyBase(curve, shift))!
  if (point.x === shifted.x) return false
  const spki = encodeSpki(encodeEcAlgorithm(curve), encodePoint(curve, addPoints(curve, point, shifted)))
  return verify('sha256', standIn, importSpki(spki, 'shifted key'), signature)
}

/** bits2int of FIPS 186-5 §6.4.2: the leftmost bits of the digest, at most as many as n has. */
function scalarOfDigest(curve: Curve, digest: Uint8Array): bigint {
  const spare = 8 * digest.length - curve.bits
  return spare > 0 ? integerOfBytes(digest) >> BigInt(spare) : integerOfBytes(digest)
}

function malformed(problem: string): CountersignError {
  return new CountersignError('SIGNATURE_MALFORMED', `signature: ${problem}`)
}
