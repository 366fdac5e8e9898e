import { fromHex, toHex } from '#native/bytes'
import { CountersignError } from './error.ts'
import { quote } from './text.ts'

/** Lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return toHex(bytes)
}

/** A number in hex of whole octets, as OpenSSL shows serial numbers; below zero, as some timestamps have it, after a minus. */
export function encodeHexNumber(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString(16)
  return `${value < 0n ? '-' : ''}${digits.padStart(digits.length + (digits.length % 2), '0')}`
}

/**
 * Bytes of lower-case hexadecimal.
 *
 * @throws CountersignError `HEX_MALFORMED`; `what` begins the message
 */
export function decodeHex(text: string, what: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text))
    throw new CountersignError('HEX_MALFORMED', `${what}: want lower-case hexadecimal, got ${quote(text)}`)
  return fromHex(text)
}
