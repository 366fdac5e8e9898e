import { CountersignError } from '../../codec/error.ts'
import type { Json } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'

/**
 * JSON text as TUF signs it: no white space, members sorted by name, of all characters only quotes and backslashes escaped. It is no JSON
 * where a string holds a newline.
 *
 * @throws CountersignError `JSON_MALFORMED` for numbers that are not whole, which the form does not have
 * @see TUF specification 1.0.33 §4.2.1, OLPC Canonical JSON
 */
export function serializeOlpcJson(value: Json): string {
  switch (typeof value) {
    case 'string':
      return `"${value.replace(/["\\]/g, '\\$&')}"`
    case 'number':
      if (!Number.isSafeInteger(value))
        throw new CountersignError('JSON_MALFORMED', `canonical JSON: want whole numbers, got ${quote(String(value))}`)
      return String(value)
    case 'boolean':
      return String(value)
    default:
      if (value === null) return 'null'
      if (isArray(value)) return `[${value.map(serializeOlpcJson).join(',')}]`
      return `{${Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, member]) => `${serializeOlpcJson(name)}:${serializeOlpcJson(member)}`)
        .join(',')}}`
  }
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
