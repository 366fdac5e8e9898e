import { CountersignError } from '../codec/error.ts'
import { readObjectOf, readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'

/** From when until when something is trusted, both ends inclusive; without an end, until further notice. */
export type Validity = {
  readonly start: Date
  readonly end: Date | undefined
}

/** The validity of what nobody has limited, as a key in a PEM file. cosign writes the same start. */
export const openValidity: Validity = { start: new Date(0), end: undefined }

/** Whether a moment lies within; the ends belong to it, as they do in every Sigstore client. */
export function isWithin({ start, end }: Validity, at: Date): boolean {
  return start <= at && (end === undefined || at <= end)
}

/** The span as words of a sentence: `from … to …`. */
export function describeValidity({ start, end }: Validity): string {
  return end ? `from ${formatTime(start)} to ${formatTime(end)}` : `since ${formatTime(start)}`
}

/**
 * Reads a `TimeRange` that has a start. One without would make trust of the past unlimited by an omission.
 *
 * @throws CountersignError `JSON_MALFORMED`; also for an end before the start, which nothing could be within
 * @see protobuf-specs `sigstore_common.proto` (`TimeRange`)
 */
export function readValidity(value: unknown, at: string): Validity {
  const range = readObjectOf(value, at, ['start', 'end'])
  const start = readTime(range['start'], `${at}.start`)
  const end = range['end'] === undefined ? undefined : readTime(range['end'], `${at}.end`)
  if (end && end < start)
    throw new CountersignError('JSON_MALFORMED', `${at}: want an end after the start, got ${formatTime(start)} to ${formatTime(end)}`)
  return { start, end }
}

/** A `TimeRange` as JSON. */
export function encodeValidity({ start, end }: Validity): { readonly start: string; readonly end?: string } {
  return { start: formatTime(start), ...(end && { end: formatTime(end) }) }
}

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
