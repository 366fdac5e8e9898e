import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'

/** Bytes of a header, and what everything in an archive is padded to. */
export const tarBlock = 512

/** What one header of an archive says. */
export type TarHeader = {
  readonly type: string // one character: `0` a file, `5` a folder, `1` and `2` links, `x` and `L` headers of the next entry
  readonly path: string
  readonly target: string // of a link
  readonly size: number // bytes that follow, before padding
}

/**
 * Reads a header of POSIX ustar or of its forerunners; nothing for the block of zeros that ends an archive.
 *
 * @throws CountersignError `LAYOUT_MALFORMED`
 * @see POSIX.1-2024 pax "ustar Interchange Format"
 */
export function parseTarHeader(block: Uint8Array, what: string): TarHeader | undefined {
  if (block.every(byte => byte === 0)) return undefined
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0) // the checksum counts itself as spaces
  if (octal(block, 148, 8, `${what}: checksum`) !== sum) throw malformed(what, 'want a tar archive, got a header whose checksum is wrong')
  const isUstar = text(block, 257, 6, what) === 'ustar' // GNU's own format has a space there and something else in place of the prefix
  const [name, prefix] = [text(block, 0, 100, what), isUstar ? text(block, 345, 155, what) : '']
  return {
    type: String.fromCharCode(block[156] || 0x30),
    path: prefix === '' ? name : `${prefix}/${name}`,
    target: text(block, 157, 100, what),
    size: readSize(block, `${what}: size`),
  }
}

/**
 * The members of a pax extended header: `LENGTH KEY=VALUE\n`, each as long as it says.
 *
 * @throws CountersignError `LAYOUT_MALFORMED`
 * @see POSIX.1-2024 pax "pax Extended Header"
 */
export function parsePaxHeader(bytes: Uint8Array, what: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const digits = space < 0 ? '' : decodeUtf8(bytes.subarray(at, space), what, 'LAYOUT_MALFORMED')
    const length = /^[1-9][0-9]{0,6}$/.test(digits) ? Number(digits) : 0
    if (length <= digits.length + 1 || at + length > bytes.length || bytes[at + length - 1] !== 0x0a)
      throw malformed(what, `extended header: want LENGTH KEY=VALUE and a line end, got length ${quote(digits)}`)
    const line = decodeUtf8(bytes.subarray(space + 1, at + length - 1), what, 'LAYOUT_MALFORMED')
    const equals = line.indexOf('=')
    if (equals < 1) throw malformed(what, `extended header: want KEY=VALUE, got ${quote(line)}`)
    members.set(line.slice(0, equals), line.slice(equals + 1))
    at += length
  }
  return members
}

/** A decimal size of a pax header. @throws CountersignError `LAYOUT_MALFORMED` */
export function parsePaxSize(value: string, what: string): number {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(value)) throw malformed(what, `size: want a decimal number, got ${quote(value)}`)
  return Number(value)
}

/** GNU tar writes sizes from 8 GiB on as big-endian bytes behind a mark. */
function readSize(block: Uint8Array, what: string): number {
  if (block[124] !== 0x80) return octal(block, 124, 12, what)
  const size = block.subarray(125, 136).reduce((total, byte) => total * 256 + byte, 0)
  if (!Number.isSafeInteger(size)) throw malformed(what, 'it is larger than any file')
  return size
}

function octal(block: Uint8Array, offset: number, width: number, what: string): number {
  const digits = text(block, offset, width, what).trim()
  if (!/^[0-7]{1,12}$/.test(digits)) throw malformed(what, `want an octal number, got ${quote(digits)}`)
  return Number.parseInt(digits, 8)
}

/** A field up to its first zero. */
function text(block: Uint8Array, offset: number, width: number, what: string): string {
  const field = block.subarray(offset, offset + width)
  const end = field.indexOf(0)
  return decodeUtf8(end < 0 ? field : field.subarray(0, end), what, 'LAYOUT_MALFORMED')
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('LAYOUT_MALFORMED', `${what}: ${problem}`)
}
