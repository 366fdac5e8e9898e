import { CountersignError } from '../../codec/error.ts'

/** The way to a value in an object: names of fields, and positions in lists. */
export type FieldPlace = readonly (string | number)[]

/** The place as a JSON pointer: `/spec/containers/0/image`. RFC 6901 §3 */
export function pointerOf(place: FieldPlace): string {
  return place.map(part => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The place as field errors of Kubernetes spell it: `spec.containers[0].image`. */
export function fieldOf(place: FieldPlace): string {
  return place.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

/**
 * A field of what must be an object; nothing where the object, or the field, is not there.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED`
 */
export function memberOf(value: unknown, name: string, place: FieldPlace): unknown {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) throw wrongAt(place, 'want an object, got something else')
  return Object.entries(value).find(([key]) => key === name)?.[1]
}

/**
 * The items of what must be a list; none where it is not there.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED`
 */
export function itemsOf(value: unknown, place: FieldPlace): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw wrongAt(place, 'want a list, got something else')
  return value
}

/** What is wrong at a place. */
export function wrongAt(place: FieldPlace, problem: string): CountersignError {
  return new CountersignError('DOCUMENT_MALFORMED', `${fieldOf(place) || 'object'}: ${problem}`)
}
