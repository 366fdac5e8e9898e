import { CountersignError } from '../error.ts'
import type { Json, JsonObject } from '../json.ts'

/**
 * JSON text with the members of each object sorted by the bytes of their names, as Go's encoders write maps and protobuf structs: compact,
 * nothing escaped but what JSON itself demands. Numbers are written as Go writes them.
 *
 * @throws CountersignError `JSON_MALFORMED` for a number that was too large to be one
 */
export function serializeSortedJson(value: Json): string {
  const parts: string[] = []
  write(value, parts)
  return parts.join('')
}

function write(value: Json, parts: string[]): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new CountersignError('JSON_MALFORMED', 'a number is larger than 1.8e308')
  if (typeof value === 'number') parts.push(serializeNumber(value))
  else if (typeof value !== 'object' || value === null) parts.push(JSON.stringify(value))
  else if (isArray(value)) {
    parts.push('[')
    for (const [index, item] of value.entries()) {
      if (index > 0) parts.push(',')
      write(item, parts)
    }
    parts.push(']')
  } else {
    parts.push('{')
    for (const [index, name] of sortNames(Object.keys(value)).entries()) {
      parts.push(index > 0 ? `,${JSON.stringify(name)}:` : `${JSON.stringify(name)}:`)
      write(value[name]!, parts)
    }
    parts.push('}')
  }
}

function isArray(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value)
}

/** A finite number as Go writes it: as JavaScript does, but for the negative zero, which keeps its sign. */
export function serializeNumber(number: number): string {
  return Object.is(number, -0) ? '-0' : JSON.stringify(number)
}

function sortNames(unsorted: readonly string[]): readonly string[] {
  return unsorted.toSorted(compareNames)
}

/** The order of two names by their UTF-8 bytes, of which none are made. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const difference = rankOf(a.charCodeAt(at)) - rankOf(b.charCodeAt(at))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** A surrogate stands for what is behind all that is one unit of UTF-16. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
