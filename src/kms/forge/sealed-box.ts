import { concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'

const [keyLength, nonceLength] = [32, 24]

/**
 * Encrypts for whoever holds the private half of an X25519 key; the sender stays unknown, even to itself: libsodium's
 * `crypto_box_seal`. The box is the ephemeral public key, 32 bytes, then an XSalsa20-Poly1305 box under the shared key; its
 * nonce is BLAKE2b-24 of both public keys.
 *
 * @param message - secret; the caller's to zero
 * @param recipient - X25519 public key, 32 bytes
 * @param random - gives the ephemeral private key, 32 bytes
 * @throws CountersignError `KEY_MALFORMED` for a recipient of another length, or one under whose key anybody could read the box
 * @see libsodium documentation "Sealed boxes"
 */
export async function sealBox(message: Uint8Array, recipient: Uint8Array, random: (length: number) => Uint8Array): Promise<Uint8Array> {
  if (recipient.length !== keyLength)
    throw new CountersignError('KEY_MALFORMED', `X25519 public key: want ${keyLength} bytes, got ${recipient.length}`)
  const [{ x25519 }, { hsalsa, xsalsa20poly1305 }, { blake2b }] = await Promise.all([
    import('@noble/curves/ed25519.js'),
    import('@noble/ciphers/salsa.js'),
    import('@noble/hashes/blake2.js'),
  ])
  const ephemeral = random(keyLength)
  const sender = x25519.getPublicKey(ephemeral)
  const nonce = blake2b(concatBytes(sender, recipient), { dkLen: nonceLength })
  const shared = agree(() => x25519.getSharedSecret(ephemeral, recipient))
  const key = new Uint8Array(keyLength)
  hsalsa(wordsOf(sigma), wordsOf(shared), new Uint32Array(4), new Uint32Array(key.buffer))
  try {
    return concatBytes(sender, xsalsa20poly1305(key, nonce).encrypt(message))
  } finally {
    for (const secret of [ephemeral, shared, key]) secret.fill(0)
  }
}

const sigma = new TextEncoder().encode('expand 32-byte k')

/** A point of small order makes a shared secret of zeros, which everybody knows. RFC 7748 §6.1. */
function agree(derive: () => Uint8Array): Uint8Array {
  try {
    return derive()
  } catch (cause) {
    throw new CountersignError('KEY_MALFORMED', 'X25519 public key: it is a point of small order', { cause })
  }
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer)
}
