import { bytesEqual, concatBytes } from '../../codec/bytes.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { integerOfBytes } from '../curve.ts'
import { digestOf } from '../digest.ts'
import { type PublicKey, publicKeyOctets } from '../public-key.ts'

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
  return isSigned(key, signature, domain, digest)
}

/**
 * Whether a pure Ed25519 signature covers this message, by the same check. RFC 8032 §5.1.7.
 *
 * @param signature - 64 bytes
 */
export async function isEd25519Signed(key: PublicKey, signature: Uint8Array, message: Uint8Array): Promise<boolean> {
  return isSigned(key, signature, new Uint8Array(0), message)
}

async function isSigned(key: PublicKey, signature: Uint8Array, prefix: Uint8Array, message: Uint8Array): Promise<boolean> {
  const { ed25519 } = await import('@noble/curves/ed25519.js')
  const order = ed25519.Point.Fn.ORDER
  const [publicKey, r, s] = [publicKeyOctets(key), signature.subarray(0, 32), littleEndian(signature.subarray(32))]
  if (s >= order) return false
  const k = littleEndian(digestOf('sha512', concatBytes(prefix, r, publicKey, message))) % order
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
