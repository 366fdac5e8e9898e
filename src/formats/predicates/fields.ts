import { CountersignError } from '../../codec/error.ts'
import { readArray, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { parseTime } from '../rfc3339.ts'

/** Reads a member that may be left out, or be null: programs in Go write what is empty so. */
export function readOptional<T>(value: unknown, at: string, read: (value: unknown, at: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value, at)
}

/** Reads a string that says something. */
export function readText(value: unknown, at: string): string {
  const text = readString(value, at)
  if (text === '') throw malformed(`${at}: want a string that is not empty, got ""`)
  return text
}

/** Reads an RFC 3339 time of any offset. Go's zero time is none: `0001-01-01T00:00:00Z`. */
export function readMoment(value: unknown, at: string): Date | undefined {
  const text = readString(value, at)
  if (text === zeroTime) return undefined
  const time = parseTime(text)
  if (!time) throw malformed(`${at}: want an RFC 3339 time, got ${quote(text)}`)
  return time
}

const zeroTime = '0001-01-01T00:00:00Z'

/**
 * Reads one of many items of a list by a reader whose messages begin with the place that it is given. It is given none: the place of the item is
 * put before what it says, since to spell the places of a million items that are in order takes more memory than the items.
 */
export function readItem<I, T>(list: string, index: number, item: I, read: (item: I, at: string) => T): T {
  try {
    return read(item, '')
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError(cause.code, `${list}[${index}]${cause.message}`, { cause })
  }
}

/** The same of all items of an array. @see readArray */
export function readItems<T>(value: unknown, at: string, limit: number, read: (item: unknown, at: string) => T): readonly T[] {
  if (!Array.isArray(value) || value.length > limit) return readArray(value, at, limit, read) // says so
  const made: T[] = []
  for (let index = 0; index < value.length; index++) made.push(readItem(at, index, value[index], read))
  return made
}

/** Reads one of a few words. */
export function readWord<Word extends string>(value: unknown, at: string, words: readonly Word[]): Word {
  const text = readString(value, at)
  const word = words.find(known => known === text)
  if (word === undefined) throw malformed(`${at}: want one of ${words.join(', ')}, got ${quote(text)}`)
  return word
}

/** That a document is of its type, but breaks it. */
export function malformed(message: string): CountersignError {
  return new CountersignError('JSON_MALFORMED', message) // `readAs` makes it PREDICATE_MALFORMED, with the name of the format
}
