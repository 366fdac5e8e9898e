import { constants, createPublicKey, createVerify, type KeyObject, publicDecrypt, verify } from 'node:crypto'
import { CountersignError } from '../../codec/error.ts'
import type { MessageScheme } from '../algorithm.ts'
import { encodeEcAlgorithm, encodeRsaAlgorithm } from '../algorithm-identifier.ts'
import { decodePoint, encodePoint } from '../curve.ts'
import type { HashName } from '../digest.ts'
import type { EcdsaSignature } from '../ecdsa-signature.ts'
import { curveOf, encodeSpki, type KeyAlgorithm, type PublicKey, publicKeyOctets } from '../public-key.ts'
import { shiftToStandIn } from './shifted-key.ts'

// `#native/signature` on Node and Bun. signature-web.ts promises the same; docs/decisions/0013-one-source-for-browsers.md.

/** What a check comes to: at once where native code is called, later in browsers and where another thread does it. */
export type Answer = boolean | Promise<boolean>

/**
 * Keys whose checks take so long (0.6 ms and more, ten times those of P-256) that the way to another thread and back is worth it: meanwhile
 * this one goes on with whatever does not depend on the answer, and many checks use all cores.
 */
const slow: ReadonlySet<KeyAlgorithm> = new Set(['ecdsa-p384', 'ecdsa-p521'])

/** Whether a signature of sound form is by this key over these bytes. PSS salts are as long as the digest; pure Ed25519 has no hash. */
export function isMessageSigned(
  key: PublicKey,
  scheme: MessageScheme,
  hash: HashName | undefined,
  bytes: Uint8Array,
  signature: Uint8Array,
): Answer {
  const native = nativeKey(key)
  const isLong = hash !== undefined && bytes.length >= longBytes
  if (slow.has(key.algorithm) && !isLong) return verifyElsewhere(hash, bytes, native, signature)
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants
  const options = scheme === 'rsa-pss' ? { key: native, padding, saltLength } : native
  return isLong ? createVerify(hash).update(bytes).verify(options, signature) : verify(hash, bytes, options, signature)
}

/** From so many bytes on a message is hashed first: Bun copies what it is to hash and verify at once, and so does whoever hands it to another thread. */
const longBytes = 1 << 20

function verifyElsewhere(hash: HashName | undefined, bytes: Uint8Array, key: KeyObject, signature: Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) =>
    verify(hash, bytes, key, signature, (error, isSigned) => (error ? reject(error) : resolve(isSigned))),
  )
}

/**
 * Whether an ECDSA signature is by this key over a message with this digest, decided without the message.
 *
 * @param signature - `ecdsa` in DER
 * @param digest - of the message, by any hash; its leftmost bits count, as many as n has
 * @see docs/decisions/0002-verification-over-a-digest.md
 */
export function isEcdsaDigestSigned(key: PublicKey, signature: Uint8Array, ecdsa: EcdsaSignature, digest: Uint8Array): Answer {
  const curve = curveOf(key)!
  const { message, point } = shiftToStandIn(curve, decodePoint(curve, publicKeyOctets(key))!, ecdsa, digest)
  const shifted = importSpki(encodeSpki(encodeEcAlgorithm(curve), encodePoint(curve, point)))
  return slow.has(key.algorithm) ? verifyElsewhere('sha256', message, shifted, signature) : verify('sha256', message, shifted, signature)
}

/** The encoded message under an RSA signature as long as the modulus, nothing when the signature is no number below the modulus. */
export function openRsaSignature(key: PublicKey, signature: Uint8Array): Uint8Array | undefined {
  try {
    return Uint8Array.from(publicDecrypt({ key: nativeKey(key), padding: constants.RSA_NO_PADDING }, signature))
  } catch {
    return undefined
  }
}

/** Imported when a key is first used, by the key's own bytes: of a certificate's or a trusted root's keys most never are. */
const imported = new WeakMap<Uint8Array, KeyObject>()

function nativeKey(key: PublicKey): KeyObject {
  const known = imported.get(key.spki)
  if (known) return known
  // every runtime takes a plain RSA key, not every one an `rsa-pss` key
  const native = importSpki(key.algorithm === 'rsa-pss' ? encodeSpki(encodeRsaAlgorithm(), publicKeyOctets(key)) : key.spki)
  imported.set(key.spki, native)
  return native
}

function importSpki(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new CountersignError('KEY_MALFORMED', 'public key: native code does not take it', { cause })
  }
}
