import { bytesEqual, concatBytes } from '../codec/bytes.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { sha256 } from '../crypto/digest.ts'
import type { PublicKey } from '../crypto/public-key.ts'

/** Where in a trusted root an Ed25519 key ends, whose SPKI has one form: RFC 8410 §4. */
const ed25519KeyBytes = 32

/** What stands for "RSA PKCS#1 v1.5" in a key id, services §4.3: the type byte that says "named here", and the name. */
const rsaKeyType = concatBytes(new Uint8Array([0xff]), encodeUtf8('PKIX-RSA-PKCS#1v1.5'))

/**
 * Whether a log with this key may go by this id, all 32 bytes compared: SHA-256 of the SPKI (RFC 6962 §3.2; Rekor v1, and ECDSA in
 * Rekor v2), or the key id of its checkpoints under the origin that its URL gives (C2SP signed-note; Rekor v2).
 *
 * @param baseUrl - of the log; its host name is the origin of a Rekor v2, with port and path where the log was set up so
 */
export function isLogId(id: Uint8Array, key: PublicKey, baseUrl: string): boolean {
  return bytesEqual(id, key.id) || originsOf(baseUrl).some(origin => matches(id, checkpointKeyId(key, origin)))
}

/**
 * The id by which checkpoints under this origin name a key, 32 bytes: their lines carry the first four.
 *
 * @returns nothing for kinds of keys that have no such id
 * @see C2SP signed-note "Signatures"; services §4.3 for RSA, and for ECDSA, whose id leaves out the origin
 */
export function checkpointKeyId(key: PublicKey, origin: string): Uint8Array | undefined {
  const name = encodeUtf8(`${origin}\n`)
  switch (key.algorithm) {
    case 'ed25519':
      return sha256(concatBytes(name, new Uint8Array([0x01]), key.spki.subarray(-ed25519KeyBytes)))
    case 'rsa':
      return sha256(concatBytes(name, rsaKeyType, key.spki))
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
      return key.id
    case 'rsa-pss':
      return undefined
    default:
      throw new TypeError(`unhandled key algorithm ${key.algorithm satisfies never}`)
  }
}

function matches(id: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && bytesEqual(id, other)
}

function originsOf(baseUrl: string): readonly string[] {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  return url ? [...new Set([url.hostname, url.host, `${url.host}${url.pathname}`.replace(/\/+$/, '')])] : []
}
