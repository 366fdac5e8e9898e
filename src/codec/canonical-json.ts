import { CountersignError } from './error.ts'
import type { Json } from './json.ts'
import { quote } from './text.ts'

/**
 * JSON text in its one canonical form: no white space, members in the order of their names' UTF-16 code units, strings and numbers as
 * ECMAScript writes them. Transparency logs hash and sign such text.
 *
 * @throws CountersignError `JSON_MALFORMED` for what the form cannot say: half a surrogate pair, a number that is not finite
 * @see RFC 8785 §3.2
 */
export function serializeCanonicalJson(value: Json): string {
  switch (typeof value) {
    case 'string':
      return serializeString(value)
    case 'number':
      if (!Number.isFinite(value)) throw malformed(`want a finite number, got ${value}`)
      return JSON.stringify(value) // RFC 8785 §3.2.2.3 is ECMAScript's own rule; -0 becomes 0
    case 'boolean':
      return String(value)
    default:
      if (value === null) return 'null'
      if (isArray(value)) return `[${value.map(serializeCanonicalJson).join(',')}]`
      return `{${Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1)) // by UTF-16 code units, §3.2.3; names are never equal
        .map(([name, member]) => `${serializeString(name)}:${serializeCanonicalJson(member)}`)
        .join(',')}}`
  }
}

/** `JSON.stringify` escapes as §3.2.2.2 wants it, but for half a pair, which it escapes and the RFC forbids. */
function serializeString(text: string): string {
  if (!text.isWellFormed()) throw malformed(`${quote(text)} holds half a surrogate pair`)
  return JSON.stringify(text)
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value) // whose own type does not know of readonly arrays
}

function malformed(problem: string): CountersignError {
  return new CountersignError('JSON_MALFORMED', `canonical JSON: ${problem}`)
}
