import { concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import type { PublicKey } from '../../crypto/public-key.ts'

/**
 * The id of a key that signs notes under a name: 32 bytes, of which signature lines carry the first four as a hint. Rekor v2 calls all of
 * them its log id.
 *
 * @throws CountersignError `KEY_UNSUPPORTED` for RSASSA-PSS keys, of which no note signature is defined
 * @see C2SP signed-note, "Signature types"; services §4.3
 */
export function noteKeyId(name: string, key: PublicKey): Sha256 {
  switch (key.algorithm) {
    case 'ed25519':
      return hashNamed(name, ed25519Type, ed25519Octets(key))
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
      return key.id // type 02: the hash of the SPKI, without the name
    case 'rsa':
      return hashNamed(name, otherType, encodeUtf8('PKIX-RSA-PKCS#1v1.5'), key.spki)
    case 'rsa-pss':
      throw new CountersignError('KEY_UNSUPPORTED', 'signed note: no signature type is defined for RSASSA-PSS keys')
    default:
      throw new TypeError(`unhandled key algorithm ${key.algorithm satisfies never}`)
  }
}

/** The id of a witness's Ed25519 key under its name, for cosignatures with a time. @see C2SP tlog-cosignature, "Format" */
export function cosignerKeyId(name: string, key: PublicKey): Sha256 {
  if (key.algorithm !== 'ed25519') throw new CountersignError('KEY_UNSUPPORTED', `cosignature: want an Ed25519 key, got ${key.algorithm}`)
  return hashNamed(name, cosignatureType, ed25519Octets(key))
}

const ed25519Type = Uint8Array.of(0x01)
const cosignatureType = Uint8Array.of(0x04)
const otherType = Uint8Array.of(0xff) // a longer identifier follows

function hashNamed(name: string, type: Uint8Array, ...key: readonly Uint8Array[]): Sha256 {
  return sha256(concatBytes(encodeUtf8(`${name}\n`), type, ...key))
}

/** RFC 8410 §4: the SPKI ends in the key's 32 octets. */
function ed25519Octets({ spki }: PublicKey): Uint8Array {
  return spki.subarray(-32)
}
