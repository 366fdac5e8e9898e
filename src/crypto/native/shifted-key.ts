import { addPoints, type Curve, decodePoint, integerOfBytes, invert, mod, type Point } from '../curve.ts'
import { sha256 } from '../digest.ts'
import type { EcdsaSignature } from '../ecdsa-signature.ts'
import { multiplyBase } from './multiply-base.ts'

/** The message that stands in for the unknown one, and is signed with SHA-256. Any would do. */
export const standIn: Uint8Array = new Uint8Array(0)
const standInDigest = sha256(standIn)

/**
 * The key under which a signature fits the stand-in message exactly when it fits a message with this digest under the key given.
 *
 * Native code always hashes what it verifies. But (r, s) is valid for the integer e under Q exactly when it is valid for e' under
 * `Q' = Q + ((e - e') / r)·G`, since e/s·G + r/s·Q is then the same point: so the native check runs over a stand-in message with
 * digest e' under the shifted key. Where Q and the shift have one x (only who knows the private key can bring that about, by choice of e or r)
 * the sum needs another formula, and nothing is returned: the answer is no. Everything here is public, so nothing need be constant-time.
 *
 * @see docs/decisions/0002-verification-over-a-digest.md
 */
export function shiftToStandIn(curve: Curve, point: Point, { r }: EcdsaSignature, digest: Uint8Array): Point | undefined {
  const shift = mod((scalarOfDigest(curve, digest) - scalarOfDigest(curve, standInDigest)) * invert(r, curve.n), curve.n)
  if (shift === 0n) return point
  const shifted = decodePoint(curve, multiplyBase(curve, shift))!
  return point.x === shifted.x ? undefined : addPoints(curve, point, shifted)
}

/** bits2int of FIPS 186-5 §6.4.2: the leftmost bits of the digest, at most as many as n has. */
function scalarOfDigest(curve: Curve, digest: Uint8Array): bigint {
  const spare = 8 * digest.length - curve.bits
  return spare > 0 ? integerOfBytes(digest) >> BigInt(spare) : integerOfBytes(digest)
}
