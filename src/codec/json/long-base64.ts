import { CountersignError, type ErrorCode } from '../error.ts'
import { decodeUtf8, quote } from '../text.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const equalsSign = 0x3d
const noDigit = 0xff

const digitOf = Uint8Array.from(alphabet, digit => digit.charCodeAt(0))

/** The value of each byte that is a digit of base64. */
const digits = new Uint8Array(256).fill(noDigit)
for (let value = 0; value < alphabet.length; value++) digits[alphabet.charCodeAt(value)] = value

const sliceLength = 1 << 16 // characters, four for three bytes
const decodedSlice = (sliceLength / 4) * 3

export type LongBase64Options = {
  readonly before?: number // bytes to leave free before what is decoded, in the buffer that it is in; none unless told
  readonly code?: ErrorCode // as of `decodeBase64`
  /**
   * Bytes that the text is a part of and that nobody needs any more: where there is room, what is decoded takes its place, so that a payload of
   * 50 MB and its 67 MB of base64 are never held both. When this throws they are spoilt as well.
   */
  readonly within?: Uint8Array | undefined
}

/**
 * Bytes of long text in base64 that is held as its bytes, as strict as `decodeBase64`: no string is made of any of it, and no garbage.
 *
 * @throws CountersignError as `decodeBase64`
 */
export function decodeLongBase64(
  text: Uint8Array,
  what: string,
  { before = 0, code = 'BASE64_MALFORMED', within }: LongBase64Options = {},
): Uint8Array {
  const padding = text.at(-2) === equalsSign ? 2 : text.at(-1) === equalsSign ? 1 : 0
  const wanted = Math.max(0, 3 * Math.ceil(text.length / 4) - padding)
  const room = within && hasRoom(within, text, before) ? within : new Uint8Array(before + wanted)
  const decoded = room.subarray(before, before + wanted)
  const slice = new Uint8Array(decodedSlice) // decoded here first: what it is decoded from may be where it goes, and is in the message
  let length = 0
  for (let at = 0; at < text.length; at += sliceLength) {
    const end = Math.min(at + sliceLength, text.length)
    const count = decodeInto(slice, text, at, end)
    if (count === undefined)
      throw new CountersignError(code, `${what}: want padded base64, got ${quote(decodeUtf8(text.subarray(at, end), what, code))}`)
    if (length !== (at / 4) * 3) throw new CountersignError(code, `${what}: want padded base64, got padding within it`)
    decoded.set(count === decodedSlice ? slice : slice.subarray(0, count), length)
    length += count
  }
  return decoded
}

/**
 * Bytes as base64 in pieces of at most 64 KiB, one after the other in the same memory: whoever keeps a piece copies it.
 *
 * @see encodeBase64
 */
export function* encodeLongBase64(bytes: Uint8Array): Generator<Uint8Array, void> {
  const room = new Uint8Array(Math.min(sliceLength, 4 * Math.ceil(bytes.length / 3)))
  for (let at = 0; at < bytes.length; at += decodedSlice)
    yield room.subarray(0, encodeBase64Into(room, bytes, at, Math.min(at + decodedSlice, bytes.length)))
}

/** Writes the base64 of a part of some bytes to the front of others; returns how many characters it has. */
export function encodeBase64Into(target: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
  let length = 0
  for (let at = start; at < end; at += 3) {
    const a = bytes[at]!
    const b = at + 1 < end ? bytes[at + 1]! : 0
    const c = at + 2 < end ? bytes[at + 2]! : 0
    target[length++] = digitOf[a >> 2]!
    target[length++] = digitOf[((a & 3) << 4) | (b >> 4)]!
    target[length++] = digitOf[((b & 15) << 2) | (c >> 6)]!
    target[length++] = digitOf[c & 63]!
  }
  const padding = (3 - ((end - start) % 3)) % 3
  if (padding > 0) target.fill(equalsSign, length - padding, length)
  return length
}

/** Whether what is decoded, from `before` on, never reaches text that is still to be decoded: it gains a quarter of a slice with each slice. */
function hasRoom(within: Uint8Array, text: Uint8Array, before: number): boolean {
  const start = text.byteOffset - within.byteOffset
  return text.length >= sliceLength && before <= start + sliceLength - decodedSlice
}

/** Decodes a slice; returns how many bytes it is of, nothing where it is not base64. RFC 4648 §4: padding only at the end, its spare bits zero. */
function decodeInto(target: Uint8Array, text: Uint8Array, start: number, end: number): number | undefined {
  if ((end - start) % 4 !== 0) return undefined
  const padding = text[end - 1] !== equalsSign ? 0 : text[end - 2] === equalsSign ? 2 : 1
  const whole = padding === 0 ? end : end - 4
  let length = 0
  for (let at = start; at < whole; at += 4) {
    const a = digits[text[at]!]!
    const b = digits[text[at + 1]!]!
    const c = digits[text[at + 2]!]!
    const d = digits[text[at + 3]!]!
    if ((a | b | c | d) === noDigit) return undefined
    target[length++] = (a << 2) | (b >> 4)
    target[length++] = (b << 4) | (c >> 2)
    target[length++] = (c << 6) | d
  }
  if (padding === 0) return length
  const [a, b, c] = [digits[text[whole]!]!, digits[text[whole + 1]!]!, padding === 2 ? 0 : digits[text[whole + 2]!]!]
  const spare = padding === 2 ? b & 0xf : c & 0x3
  if ((a | b | c) === noDigit || spare !== 0) return undefined
  target[length++] = (a << 2) | (b >> 4)
  if (padding === 1) target[length++] = (b << 4) | (c >> 2)
  return length
}
