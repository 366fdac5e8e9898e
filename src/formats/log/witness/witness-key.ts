import { decodeBase64, encodeBase64 } from '../../../codec/base64.ts'
import { bytesEqual, concatBytes } from '../../../codec/bytes.ts'
import { encodeDerOid, encodeDerSequence } from '../../../codec/der-writer.ts'
import { CountersignError } from '../../../codec/error.ts'
import { decodeHex, encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import { keyOid } from '../../../crypto/algorithm-identifier.ts'
import { encodeSpki, parsePublicKeyDer, publicKeyOctets } from '../../../crypto/public-key.ts'
import type { Witness } from '../cosignature.ts'
import { cosignerKeyId } from '../note-key.ts'

const ed25519CosignatureType = 0x04
const mlDsaCosignatureType = 0x06

/**
 * Reads the name and key of a witness as notes have them: `NAME+HINT+BASE64`, the bytes a signature type and a key.
 *
 * @param what - begins the message
 * @throws CountersignError `KEY_MALFORMED`; `KEY_UNSUPPORTED` for another type than Ed25519 cosignatures, 04
 * @see C2SP signed-note, "Verifier keys"; C2SP tlog-cosignature, "Format"
 */
export function parseWitnessKey(text: string, what: string): Witness {
  const [, name, hint, base64] = /^([^\s\u0085+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text) ?? []
  if (name === undefined || hint === undefined || base64 === undefined)
    throw malformed(what, `want a name, 8 hex digits and base64 with plus signs between, got ${quote(text)}`)
  const bytes = decodeBase64(base64, `${what}: key of ${quote(name)}`, 'KEY_MALFORMED')
  const [type] = bytes
  if (type === mlDsaCosignatureType) throw unsupported(what, `key of ${quote(name)}: cosignatures by ML-DSA-44 are not verified`)
  if (type !== ed25519CosignatureType)
    throw unsupported(what, `key of ${quote(name)}: want signature type 04, an Ed25519 cosignature, got ${encodeHex(bytes.subarray(0, 1))}`)
  if (bytes.length !== 33) throw malformed(what, `key of ${quote(name)}: want a type and 32 bytes of Ed25519, got ${bytes.length} bytes`)
  const spki = encodeSpki(encodeDerSequence(encodeDerOid(keyOid.ed25519)), bytes.subarray(1))
  const witness = { name, key: parsePublicKeyDer(spki, `${what}: key of ${quote(name)}`) }
  const wanted = hintOf(witness)
  if (!bytesEqual(decodeHex(hint, what), wanted))
    throw malformed(what, `key of ${quote(name)}: want key hint ${encodeHex(wanted)}, got ${hint}: it is of another name or key`)
  return witness
}

/** The text that `parseWitnessKey` reads. */
export function encodeWitnessKey(witness: Witness): string {
  const bytes = concatBytes(Uint8Array.of(ed25519CosignatureType), publicKeyOctets(witness.key))
  return `${witness.name}+${encodeHex(hintOf(witness))}+${encodeBase64(bytes)}`
}

function hintOf({ name, key }: Witness): Uint8Array {
  return cosignerKeyId(name, key).subarray(0, 4)
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('KEY_MALFORMED', `${what}: ${problem}`)
}

function unsupported(what: string, problem: string): CountersignError {
  return new CountersignError('KEY_UNSUPPORTED', `${what}: ${problem}`)
}
