import { addPoints, type Curve, decodePoint, integerOfBytes, invert, mod, type Point } from '../curve.ts'
import { sha256 } from '../digest.ts'
import type { EcdsaSignature } from '../ecdsa-signature.ts'
import { multiplyBase } from './multiply-base.ts'

/** A message whose native check answers for another one, and the key to check it with. */
export type StandIn = { readonly message: Uint8Array; readonly point: Point }

/** Messages that stand in for unknown ones. Any would do; a shift by the key or its negative can befall two of them. */
const standIns = [[], [1], [2]].map(octets => ({ message: Uint8Array.from(octets), digest: sha256(Uint8Array.from(octets)) }))

/**
 * A message, and the key under which a signature fits it with SHA-256 exactly when it fits a message with this digest under the key given.
 *
 * Native code always hashes what it verifies. But (r, s) is valid for the integer e under Q exactly when it is valid for e' under
 * `Q' = Q + ((e - e') / r)·G`, since e/s·G + r/s·Q is then the same point: so the native check runs over a stand-in message with
 * digest e' under the shifted key. Where Q and the shift have one x (only who knows the private key can bring that about, by choice of e or r)
 * the sum is no key or needs another formula, and the next message stands in. Everything here is public, so nothing need be constant-time.
 *
 * @see docs/decisions/0002-verification-over-a-digest.md
 */
export function shiftToStandIn(curve: Curve, point: Point, { r }: EcdsaSignature, digest: Uint8Array): StandIn {
  const perScalar = invert(r, curve.n)
  for (const standIn of standIns) {
    const shift = mod((scalarOfDigest(curve, digest) - scalarOfDigest(curve, standIn.digest)) * perScalar, curve.n)
    if (shift === 0n) return { message: standIn.message, point }
    const shifted = decodePoint(curve, multiplyBase(curve, shift))!
    if (shifted.x !== point.x) return { message: standIn.message, point: addPoints(curve, point, shifted) }
  }
  throw new TypeError('three shifts of which two are the same') // the digests of the stand-ins differ, so their shifts do
}

/** bits2int of FIPS 186-5 §6.4.2: the leftmost bits of the digest, at most as many as n has. */
function scalarOfDigest(curve: Curve, digest: Uint8Array): bigint {
  const spare = 8 * digest.length - curve.bits
  return spare > 0 ? integerOfBytes(digest) >> BigInt(spare) : integerOfBytes(digest)
}
