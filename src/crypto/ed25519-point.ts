import { encodeHex } from '../codec/hex.ts'
import { integerOfBytes, mod } from './curve.ts'

const p = 2n ** 255n - 19n
const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n

/** y of the points whose order divides 8, little-endian: signatures of such a "key" fit messages nobody signed. */
const smallOrder = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/**
 * What is wrong with the 32 octets of an Ed25519 public key, RFC 8032 §5.1.3; nothing when they are the one spelling of a point of large
 * order. Native code takes any 32 octets and lets every verification fail instead.
 */
export function ed25519PointProblem(octets: Uint8Array): string | undefined {
  if (octets.length !== 32) return `want 32 bytes of Ed25519 key, got ${octets.length}`
  const withoutSign = Uint8Array.from(octets)
  withoutSign[31]! &= 0x7f
  if (smallOrder.has(encodeHex(withoutSign))) return 'Ed25519 key is a point of small order'
  const y = integerOfBytes(withoutSign.toReversed())
  if (y >= p) return 'Ed25519 key is not in its canonical form'
  const ySquared = mod(y * y, p)
  // x² = (y² - 1) / (dy² + 1) has a root exactly when the product of both has one: Euler's criterion
  if (power(mod((ySquared - 1n) * (d * ySquared + 1n), p), (p - 1n) / 2n) !== 1n) return 'Ed25519 key is not a point of the curve'
  return undefined
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) result = bit === '1' ? (((result * result) % p) * base) % p : (result * result) % p
  return result
}
