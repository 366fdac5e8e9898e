import { CountersignError, type ErrorCode } from './error.ts'
import { quote } from './text.ts'

/** Standard base64 with padding, RFC 4648 §4. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
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
  const buffer = Buffer.from(text, 'base64')
  if (buffer.toString('base64') !== text) throw new CountersignError(code, `${what}: want padded base64, got ${quote(text)}`)
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}
