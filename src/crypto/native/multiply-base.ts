import { createECDH, type ECDH } from 'node:crypto'
import { bytesOfInteger, type Curve, fieldLength } from '../curve.ts'

/** scalar·G in uncompressed form, by native code, for `0 < scalar < n`. */
export function multiplyBase(curve: Curve, scalar: bigint): Uint8Array {
  const ecdh = multipliers.get(curve) ?? createECDH(curve.opensslName)
  multipliers.set(curve, ecdh)
  ecdh.setPrivateKey(bytesOfInteger(scalar, fieldLength(curve)))
  return Uint8Array.from(ecdh.getPublicKey())
}

/** One for each curve, whose scalar every use replaces: what else is in it takes time to make and stays the same. */
const multipliers = new WeakMap<Curve, ECDH>()
