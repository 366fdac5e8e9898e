import { createHash } from 'node:crypto'
import { bytesEqual } from '../codec/bytes.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { integerOfBytes } from './curve.ts'
import type { PublicKey } from './public-key.ts'

/** dom2(1, "") of RFC 8032 §2: what keeps prehashed signatures apart from pure ones. */
const domain = Uint8Array.of(...encodeUtf8('SigEd25519 no Ed25519 collisions'), 1, 0)

/**
 * Whether an Ed25519ph signature without context covers this digest: `[S]B - [k]A` spells R, the check that Go and OpenSSL make
 * (no cofactor, canonical R, S below the group order). RFC 8032 §5.1.7.
 *
 * @param signature - 64 bytes
 * @param digest - SHA-512 of the message, 64 bytes
 */
export async function isEd25519phDigestSigned(key: PublicKey, signature: Uint8Array, digest: Uint8Array): Promise<boolean> {
  const { ed25519 } = await import('@noble/curves/ed25519.js')
  const order = ed25519.Point.Fn.ORDER
  const [publicKey, r, s] = [key.spki.subarray(-32), signature.subarray(0, 32), littleEndian(signature.subarray(32))]
  if (s >= order) return false
  const k = littleEndian(createHash('sha512').update(domain).update(r).update(publicKey).update(digest).digest()) % order
  const point = ed25519.Point.BASE.multiplyUnsafe(s).subtract(ed25519.Point.fromBytes(publicKey).multiplyUnsafe(k))
  return bytesEqual(point.toBytes(), r)
}

/**
 * An Ed25519ph signature without context, 64 bytes.
 *
 * @param seed - the private key, 32 bytes
 */
export async function signEd25519ph(seed: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
  const { ed25519ph } = await import('@noble/curves/ed25519.js')
  return ed25519ph.sign(message, seed)
}

function littleEndian(octets: Uint8Array): bigint {
  return integerOfBytes(octets.toReversed())
}
