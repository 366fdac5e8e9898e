import { createECDH } from 'node:crypto'
import { bytesOfInteger, type Curve, fieldLength } from '../curve.ts'

/** scalar·G in uncompressed form, by native code, for `0 < scalar < n`. */
export function multiplyBase(curve: Curve, scalar: bigint): Uint8Array {
  const ecdh = createECDH(curve.opensslName)
  ecdh.setPrivateKey(bytesOfInteger(scalar, fieldLength(curve)))
  return Uint8Array.from(ecdh.getPublicKey())
}
