import * as nist from '@noble/curves/nist.js'
import type { MessageScheme } from '../algorithm.ts'
import { bytesOfInteger, integerOfBytes, p256, p384 } from '../curve.ts'
import { digestOf, type HashName } from '../digest.ts'
import { type EcdsaSignature, parseEcdsaSignature } from '../ecdsa-signature.ts'
import { isEd25519Signed } from '../over-digest/ed25519.ts'
import { isPkcs1Encoding, isPssEncoding } from '../over-digest/rsa.ts'
import { curveOf, type PublicKey, publicKeyOctets, rsaNumbersOf } from '../public-key.ts'
import { isSignedBySubtle, rawEcdsaSignature } from './subtle.ts'

// `#native/signature` in browsers. signature-node.ts promises the same; docs/decisions/0013-one-source-for-browsers.md.

/** Whether a signature of sound form is by this key over these bytes: by WebCrypto where it knows the algorithm, else from the digest. */
export async function isMessageSigned(
  key: PublicKey,
  scheme: MessageScheme,
  hash: HashName | undefined,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return (await isSignedBySubtle(key, scheme, hash, bytes, signature)) ?? isMessageSignedByDigest(key, scheme, hash, bytes, signature)
}

/** The same without WebCrypto: noble for curves, whole numbers for RSA. */
export async function isMessageSignedByDigest(
  key: PublicKey,
  scheme: MessageScheme,
  hash: HashName | undefined,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (scheme === 'ed25519') return isEd25519Signed(key, signature, bytes)
  const digest = digestOf(hash!, bytes)
  if (scheme === 'ecdsa') return isEcdsaDigestSigned(key, signature, parseEcdsaSignature(curveOf(key)!, signature), digest)
  const encoded = openRsaSignature(key, signature)
  return encoded !== undefined && (scheme === 'rsa-pss' ? isPssEncoding : isPkcs1Encoding)(encoded, hash!, digest)
}

/** Whether an ECDSA signature is by this key over a message with this digest. High s is as good as low, as everywhere here. */
export function isEcdsaDigestSigned(key: PublicKey, _der: Uint8Array, ecdsa: EcdsaSignature, digest: Uint8Array): boolean {
  const curve = curveOf(key)!
  const oracle = curve === p256 ? nist.p256 : curve === p384 ? nist.p384 : nist.p521
  return oracle.verify(rawEcdsaSignature(curve, ecdsa), digest, publicKeyOctets(key), { prehash: false, lowS: false, format: 'compact' })
}

/** The encoded message under an RSA signature, nothing when the signature is no number below the modulus. RFC 8017 §5.2.2. */
export function openRsaSignature(key: PublicKey, signature: Uint8Array): Uint8Array | undefined {
  const { modulus, exponent } = rsaNumbersOf(key)
  const base = integerOfBytes(signature)
  if (base >= modulus) return undefined
  let power = 1n
  for (const bit of exponent.toString(2)) power = bit === '1' ? (((power * power) % modulus) * base) % modulus : (power * power) % modulus
  return bytesOfInteger(power, signature.length)
}
