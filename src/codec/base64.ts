import { fromBase64, toBase64 } from '#native/bytes'
import { CountersignError, type ErrorCode } from './error.ts'
import { encodeUtf8, quote } from './text.ts'

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

/**
 * JSON text as UTF-8, with a value in base64 in the place of an empty string: no string is made of a value of 50 MB.
 *
 * @param place - the member, as `"payload":""`, that stands once in the text
 */
export function encodeWithBase64(text: string, place: `${string}""`, value: Uint8Array): Uint8Array {
  const within = text.indexOf(place) + place.length - 1
  const [before, after] = [encodeUtf8(text.slice(0, within)), encodeUtf8(text.slice(within))]
  const encoded = new Uint8Array(before.length + 4 * Math.ceil(value.length / 3) + after.length)
  encoded.set(before)
  let at = before.length
  for (let start = 0; start < value.length; start += pieceLength) {
    const piece = encodeUtf8(encodeBase64(value.subarray(start, start + pieceLength)))
    encoded.set(piece, at)
    at += piece.length
  }
  encoded.set(after, at)
  return encoded
}

const pieceLength = 3 << 15 // bytes; a multiple of three, so that the pieces of base64 are those of the whole
