import { decodeHex, encodeHex } from '../codec/hex.ts'

/** A NIST prime curve, y² = x³ - 3x + b over the integers modulo p, with base point G of prime order n. SP 800-186 §3.2.1. */
export type Curve = {
  readonly oid: string
  readonly opensslName: string
  readonly bits: number // of p and of n
  readonly p: bigint
  readonly b: bigint
  readonly n: bigint
}

/** A point other than the point at infinity. */
export type Point = { readonly x: bigint; readonly y: bigint }

/** NIST P-256. SEC 2 §2.4.2, FIPS 186-4 §D.1.2.3. */
export const p256: Curve = {
  oid: '1.2.840.10045.3.1.7',
  opensslName: 'prime256v1',
  bits: 256,
  p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
}

/** NIST P-384. SEC 2 §2.5.1, FIPS 186-4 §D.1.2.4. */
export const p384: Curve = {
  oid: '1.3.132.0.34',
  opensslName: 'secp384r1',
  bits: 384,
  p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
  b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
}

/** NIST P-521. SEC 2 §2.6.1, FIPS 186-4 §D.1.2.5. */
export const p521: Curve = {
  oid: '1.3.132.0.35',
  opensslName: 'secp521r1',
  bits: 521,
  p: 2n ** 521n - 1n,
  b: 0x051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  n: 0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
}

/** Octets of a field element or a scalar. */
export function fieldLength(curve: Curve): number {
  return Math.ceil(curve.bits / 8)
}

/** Whether the coordinates satisfy the equation of the curve. */
export function isOnCurve(curve: Curve, { x, y }: Point): boolean {
  return x < curve.p && y < curve.p && (y * y - (x * x - 3n) * x - curve.b) % curve.p === 0n
}

/** The uncompressed form, SEC 1 §2.3.3: 04, x, y. */
export function encodePoint(curve: Curve, { x, y }: Point): Uint8Array {
  const length = fieldLength(curve)
  const octets = new Uint8Array(1 + 2 * length)
  octets[0] = 0x04
  octets.set(bytesOfInteger(x, length), 1)
  octets.set(bytesOfInteger(y, length), 1 + length)
  return octets
}

/** The coordinates that an uncompressed point of this length spells; whether it is on the curve is for `isOnCurve` to say. */
export function decodePoint(curve: Curve, octets: Uint8Array): Point | undefined {
  const length = fieldLength(curve)
  if (octets.length !== 1 + 2 * length || octets[0] !== 0x04) return undefined
  return { x: integerOfBytes(octets.subarray(1, 1 + length)), y: integerOfBytes(octets.subarray(1 + length)) }
}

/** The sum of two points with different x. Not constant time: for public values only. */
export function addPoints({ p }: Curve, a: Point, b: Point): Point {
  const slope = mod((b.y - a.y) * invert(mod(b.x - a.x, p), p), p)
  const x = mod(slope * slope - a.x - b.x, p)
  return { x, y: mod(slope * (a.x - x) - a.y, p) }
}

/**
 * The inverse of `0 < value < modulus` that has no factor in common with the modulus, by Euclid. Not constant time: for public values only.
 *
 * Some two dozen quotients at a time are found from the leading bits alone, and the long numbers follow in one go: a fifth of the time that
 * one division of long numbers for each quotient takes. @see Knuth, The Art of Computer Programming 2, §4.5.2 algorithm L (Lehmer)
 */
export function invert(value: bigint, modulus: bigint): bigint {
  let [low, high] = [value, modulus]
  let [lowFactor, highFactor] = [1n, 0n]
  while (low > 1n) {
    const [a, b, c, d] = leadingSteps(high, low)
    ;[high, low] = [a * high + b * low, c * high + d * low]
    ;[highFactor, lowFactor] = [a * highFactor + b * lowFactor, c * highFactor + d * lowFactor]
  }
  return mod(lowFactor, modulus)
}

/** What the next steps of Euclid's algorithm, at least one, come to: the next pair is `a * high + b * low` and `c * high + d * low`. */
function leadingSteps(high: bigint, low: bigint): readonly [a: bigint, b: bigint, c: bigint, d: bigint] {
  const bits = high >> 1000n === 0n ? Math.floor(Math.log2(Number(high))) : 4 * high.toString(16).length - 2 // a number ends at 1024 bits
  const spare = BigInt(Math.max(0, bits - 50)) // 48 to 52 bits are left: every number below is exact, and so is each quotient
  let [x, y] = [Number(high >> spare), Number(low >> spare)]
  let [a, b, c, d] = [1, 0, 0, 1]
  while (y + c !== 0 && y + d !== 0) {
    const quotient = Math.floor((x + a) / (y + c))
    if (quotient !== Math.floor((x + b) / (y + d))) break // it depends on bits that were left out
    ;[a, c] = [c, a - quotient * c]
    ;[b, d] = [d, b - quotient * d]
    ;[x, y] = [y, x - quotient * y]
  }
  return b === 0 ? [0n, 1n, 1n, -(high / low)] : [BigInt(a), BigInt(b), BigInt(c), BigInt(d)]
}

/** The remainder between 0 and modulus - 1, whatever the sign of the value. */
export function mod(value: bigint, modulus: bigint): bigint {
  const remainder = value % modulus
  return remainder < 0n ? remainder + modulus : remainder
}

/** Big-endian unsigned integer of at least one octet. */
export function integerOfBytes(octets: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(octets)}`)
}

/** Big-endian octets of an unsigned integer that fits. */
export function bytesOfInteger(value: bigint, length: number): Uint8Array {
  return decodeHex(value.toString(16).padStart(2 * length, '0'), 'integer')
}
