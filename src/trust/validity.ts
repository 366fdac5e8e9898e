import { CountersignError } from '../codec/error.ts'
import { readObjectOf } from '../codec/json.ts'
import { formatTime, readTime } from '../formats/rfc3339.ts'

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
