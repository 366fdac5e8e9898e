import { derTag } from '../../../src/codec/der.ts'
import { encodeDerInteger, encodeDerSequence } from '../../../src/codec/der-writer.ts'
import { contentBytes, derTreeOf } from '../der-tree.ts'

/** Orders of P-256 and P-384, by the bytes of a number below them. FIPS 186-4 D.1.2. */
const orders: ReadonlyMap<number, bigint> = new Map([
  [32, 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
  [48, 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n],
])

/** The other ECDSA signature of the same message by the same key: s becomes order - s. Nothing when the bytes are no such signature. */
export function twinOfSignature(bytes: Uint8Array): Uint8Array | undefined {
  const tree = derTreeOf(bytes)
  if (tree?.tag !== derTag.sequence || tree.content instanceof Uint8Array || tree.content.length !== 2) return undefined
  if (tree.content.some(({ tag }) => tag !== derTag.integer)) return undefined
  const [r, s] = tree.content.map(node => BigInt(`0x${Buffer.from(contentBytes(node)).toString('hex') || '0'}`))
  const size = [...orders.keys()].find(
    bytes => r! < 1n << BigInt(8 * bytes) && s! < 1n << BigInt(8 * bytes) && r! >> BigInt(8 * bytes - 64) > 0n,
  )
  const order = orders.get(size ?? 0)
  return order === undefined || s! >= order ? undefined : encodeDerSequence(encodeDerInteger(r!), encodeDerInteger(order - s!))
}
