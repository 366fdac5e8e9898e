import { CountersignError } from '../../codec/error.ts'
import { readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { parseTime } from '../../formats/rfc3339.ts'

/**
 * Reads an RFC 3339 time and writes it as protobuf's JSON does: in UTC, with 0, 3, 6 or 9 digits of fraction.
 *
 * @throws CountersignError `JSON_MALFORMED`
 */
export function protoTime(value: unknown, at: string): string {
  const { text, fraction } = readParts(value, at)
  const seconds = new Date(text.replace(/\.\d+/, '')).toISOString()
  if (!/^\d{4}-/.test(seconds) || seconds.startsWith('0000')) throw noTime(text, at)
  const digits = fraction.padEnd(Math.ceil(fraction.length / 3) * 3, '0')
  return `${seconds.slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`
}

/**
 * Reads an RFC 3339 time and writes it as Go does: where it is, without zeros at the end of its fraction.
 *
 * @throws CountersignError `JSON_MALFORMED`
 */
export function goTime(value: unknown, at: string): string {
  const { text, fraction } = readParts(value, at)
  const zone = text.endsWith('Z') ? 'Z' : text.slice(-6)
  return `${text.slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}${/^[+-]00:00$/.test(zone) ? 'Z' : zone}`
}

function readParts(value: unknown, at: string): { readonly text: string; readonly fraction: string } {
  const text = readString(value, at)
  if (!parseTime(text)) throw noTime(text, at)
  return { text, fraction: (text.match(/\.(\d+)/)?.[1] ?? '').replace(/0+$/, '') }
}

function noTime(text: string, at: string): CountersignError {
  return new CountersignError('JSON_MALFORMED', `${at}: want an RFC 3339 time, got ${quote(text)}`)
}
