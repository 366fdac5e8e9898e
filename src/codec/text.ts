import { CountersignError, type ErrorCode } from './error.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** UTF-8 bytes of a string. */
export function encodeUtf8(text: string): Uint8Array {
  return (text.length <= 64 && encodeAscii(text)) || encoder.encode(text)
}

/** Bytes of short text, unless a character takes more than one: some ten times as fast on Node, where the encoder takes 0.4 to 0.9 us for it. */
function encodeAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < bytes.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit > 0x7f) return undefined
    bytes[at] = unit
  }
  return bytes
}

/**
 * Text of UTF-8 bytes; a byte order mark is kept as a character, so it breaks whatever format follows.
 *
 * @param what - begins the message
 * @param code - what broken UTF-8 is called here: the code of the format around it
 * @throws CountersignError `code`, `UTF8_MALFORMED` unless told
 */
export function decodeUtf8(bytes: Uint8Array, what: string, code: ErrorCode = 'UTF8_MALFORMED'): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new CountersignError(code, `${what}: want UTF-8 text, got bytes that are not`)
  }
}

/**
 * Makes text from outside safe to show: C0 and C1 controls, line and paragraph separators, bidirectional
 * overrides, zero-width and other invisible characters become visible `\u{..}` escapes.
 * GHSA-crc3-h8v6-qh57: text from a registry must not drive the reader's terminal.
 */
export function escapeControls(text: string): string {
  if (/^[ -~]*$/.test(text)) return text // building the pattern below costs a millisecond at start-up
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/gu,
    character => `\\u{${character.codePointAt(0)!.toString(16).padStart(4, '0')}}`,
  )
}

/** Quotes text from outside for a message: escaped, and shortened past 80 characters. */
export function quote(text: string): string {
  return quoteUpTo(text, 80)
}

/** The same, shortened past `limit` characters: for what must be read to its end. */
export function quoteUpTo(text: string, limit: number): string {
  const short = text.length > limit ? `${text.slice(0, limit)}…` : text
  return `"${escapeControls(short.replaceAll('\\', '\\\\').replaceAll('"', '\\"'))}"`
}
