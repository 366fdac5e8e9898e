import { fromBase64, toBase64 } from '#native/bytes'
import { CountersignError, type ErrorCode } from './error.ts'
import { quote } from './text.ts'

/** Standard base64 with padding, RFC 4648 §4. */
export function encodeBase64(bytes: Uint8Array): string {
  return toBase64(bytes)
}

/**
 * Bytes of standard padded base64, RFC 4648 §4: no white space, no URL alphabet, padding present and its spare bits zero,
 * so that one byte string has exactly one spelling.
 *
 * @param what - begins the message
 * @param code - what broken base64 is called here: the code of the format around it
 * @throws CountersignError `code`, `BASE64_MALFORMED` unless told
 */
export function decodeBase64(text: string, what: string, code: ErrorCode = 'BASE64_MALFORMED'): Uint8Array {
  const bytes = fromBase64(text)
  if (!bytes) throw new CountersignError(code, `${what}: want padded base64, got ${quote(text)}`)
  return bytes
}
