import { type KeyObject, sign } from 'node:crypto'
import { defaultHash } from './algorithm.ts'
import type { HashName } from './digest.ts'
import { signEd25519ph } from './over-digest/ed25519.ts'
import { exportPublicKey, importPrivateKey, parsePkcs8 } from './pkcs8.ts'
import { type PublicKey, parsePublicKeyDer } from './public-key.ts'

/** Something that signs with one private key: a key in this process, or one kept elsewhere. */
export type Signer = {
  readonly publicKey: PublicKey
  readonly hash: HashName | undefined // what the signature covers is this digest; nothing where it covers the message itself
  /** Signs a message, which is hashed on the way where `hash` says so: ECDSA gives DER, RSA PKCS#1 v1.5. */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>
  /** Of a pure Ed25519 key, the same key signing the SHA-512 of a message: what logs that are given a digest alone can check. RFC 8032 §5.1 */
  readonly prehashed?: Signer
}

/** What to make of a key that can sign in several ways. */
export type SignerOptions = {
  /** Which of the two Ed25519 signatures to make; pure unless told, as cosign writes with `--key`. */
  readonly ed25519?: 'pure' | 'prehashed'
  /** The hash for other keys; the key's default unless told. cosign 2 verifies SHA-256 alone, P-384 and P-521 keys included. */
  readonly hash?: HashName
}

/**
 * A signer with a PKCS#8 key held in memory.
 *
 * @param der - secret; copied, so the caller may zero it afterwards
 * @param what - begins every message
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED`, `LIMIT_EXCEEDED`
 */
export function signerFromPkcs8(der: Uint8Array, what: string, options: SignerOptions = {}): Signer {
  const parsed = parsePkcs8(der, what)
  const key = importPrivateKey(parsed)
  const publicKey = parsePublicKeyDer(exportPublicKey(key), what)
  if (parsed.type !== 'ed25519') {
    const hash = options.hash ?? defaultHash(publicKey)
    const isQuick = publicKey.algorithm === 'ecdsa-p256'
    return { publicKey, hash, sign: message => (isQuick ? signHere(hash, message, key) : signElsewhere(hash, message, key)) }
  }
  const seed = Uint8Array.from(parsed.seed)
  const prehashed: Signer = { publicKey, hash: 'sha512', sign: message => signEd25519ph(seed, message) }
  if (options.ed25519 === 'prehashed') return prehashed
  return { publicKey, hash: undefined, sign: message => signHere(null, message, key), prehashed }
}

async function signHere(hash: HashName | null, message: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  return Uint8Array.from(sign(hash, message, key))
}

/** On another thread: keys other than P-256 and Ed25519 take 0.5 ms and more, ten times as long as the way there and back. */
function signElsewhere(hash: HashName, message: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    sign(hash, message, key, (error, signature) => (error ? reject(error) : resolve(Uint8Array.from(signature)))),
  )
}
