import { CountersignError } from '../../../codec/error.ts'
import { decodePem, encodePem } from '../../../codec/pem.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { type PublicKey, parsePublicKeyPem } from '../../../crypto/public-key.ts'

const maxKeys = 100
const limitCharacters = 256 << 10

/**
 * The public keys of a PEM text, in its order: a signature by any of them counts.
 *
 * @param what - begins every message
 * @throws CountersignError `KEY_MALFORMED` for a text without keys; as `parsePublicKeyPem`; `LIMIT_EXCEEDED`
 */
export function parseKeysPem(text: string, what: string): readonly [PublicKey, ...PublicKey[]] {
  if (text.length > limitCharacters)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitCharacters} characters, got ${text.length}`)
  const blocks = decodePem(text, what)
  if (blocks.length > maxKeys) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxKeys} keys, got ${blocks.length}`)
  const [first, ...others] = blocks.map(({ label, bytes }) => parsePublicKeyPem(encodeUtf8(encodePem(label, bytes)), what))
  if (!first) throw new CountersignError('KEY_MALFORMED', `${what}: want a PEM public key, got none`)
  return [first, ...others]
}
