import { CountersignError } from '../codec/error.ts'
import { readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** The moment that RFC 3339 text names, to the millisecond; nothing for text that names none. */
export function parseTime(text: string): Date | undefined {
  const time = new Date(text)
  if (!timePattern.test(text) || Number.isNaN(time.getTime())) return undefined
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`) // `new Date` takes the 30th of February for a day in March
  return day.toISOString().slice(0, 10) === text.slice(0, 10) ? time : undefined
}

/**
 * Reads an RFC 3339 time in UTC, as proto3 JSON is written. Of its fraction milliseconds are kept.
 *
 * @throws CountersignError `JSON_MALFORMED`
 */
export function readTime(value: unknown, at: string): Date {
  const text = readString(value, at)
  const time = text.endsWith('Z') ? parseTime(text) : undefined
  if (!time) throw new CountersignError('JSON_MALFORMED', `${at}: want an RFC 3339 time in UTC, got ${quote(text)}`)
  return time
}

/** A time as proto3 JSON writes it: UTC, without a fraction where there is none. */
export function formatTime(time: Date): string {
  return time.toISOString().replace('.000Z', 'Z')
}
