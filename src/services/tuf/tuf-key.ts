import { concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { type JsonObject, readObject, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { encodePublicKeyPem, type PublicKey, parsePublicKeyDer, parsePublicKeyPem, publicKeyOctets } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { VerifiedScheme } from '../../crypto/verify-signature.ts'
import { serializeOlpcJson } from './olpc-json.ts'

/** A key as metadata of a repository lists it. */
export type TufKey = {
  readonly id: string // SHA-256 of the canonical JSON, hexadecimal
  readonly json: JsonObject
}

/**
 * A key for metadata: ECDSA P-256 or Ed25519, which every client verifies.
 *
 * @throws CountersignError `KEY_UNSUPPORTED` for other kinds: cosign 2 knows no others
 * @see TUF specification 1.0.33 §4.2.2 and §4.3, services §7
 */
export function tufKeyOf(key: PublicKey): TufKey {
  const json = jsonOf(key)
  return { id: encodeHex(sha256(encodeUtf8(serializeOlpcJson(json)))), json }
}

function jsonOf(key: PublicKey): JsonObject {
  switch (key.algorithm) {
    case 'ecdsa-p256':
      return { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: encodePublicKeyPem(key) } }
    case 'ed25519':
      return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: encodeHex(publicKeyOctets(key)) } }
    default:
      throw new CountersignError('KEY_UNSUPPORTED', `TUF key: want ECDSA P-256 or Ed25519, got ${key.algorithm}`)
  }
}

/**
 * Reads a key that `tufKeyOf` wrote. `at` is its JSON path.
 *
 * @throws CountersignError `TUF_MALFORMED` for one that is written otherwise, as then its id would differ; `JSON_MALFORMED`, `KEY_MALFORMED`
 */
export function readTufKey(value: unknown, id: string, at: string): PublicKey {
  const key = readObject(value, at)
  const text = readString(readObject(key['keyval'], `${at}.keyval`)['public'], `${at}.keyval.public`)
  const publicKey = text.startsWith('-----') ? parsePublicKeyPem(encodeUtf8(text), at) : ed25519Key(text, at)
  if (tufKeyOf(publicKey).id !== id || serializeOlpcJson(key) !== serializeOlpcJson(tufKeyOf(publicKey).json))
    throw new CountersignError('TUF_MALFORMED', `${at}: want a key under the id of its canonical form, got ${quote(id)}`)
  return publicKey
}

/** SubjectPublicKeyInfo of an Ed25519 key, up to its octets. RFC 8410 §4. */
const ed25519Prefix = decodeHex('302a300506032b6570032100', 'prefix')

function ed25519Key(hex: string, at: string): PublicKey {
  return parsePublicKeyDer(concatBytes(ed25519Prefix, decodeHex(hex, at)), at)
}

/** How signatures of metadata are made with a key. */
export function tufSchemeOf({ algorithm }: PublicKey): VerifiedScheme {
  return algorithm === 'ed25519' ? { scheme: 'ed25519' } : { scheme: 'ecdsa', hash: 'sha256' }
}

/** @throws CountersignError `KEY_UNSUPPORTED` for a signer whose signatures are not those of its key's scheme */
export function checkTufSigner({ publicKey, hash }: Signer): void {
  if (hash !== tufSchemeOf(publicKey).hash)
    throw new CountersignError(
      'KEY_UNSUPPORTED',
      `TUF key: want ECDSA with SHA-256 or pure Ed25519, got ${publicKey.algorithm} with ${hash}`,
    )
}
