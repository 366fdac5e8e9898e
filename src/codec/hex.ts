import { fromHex, toHex } from '#native/bytes'
import { CountersignError } from './error.ts'
import { quote } from './text.ts'

/** Lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return toHex(bytes)
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
