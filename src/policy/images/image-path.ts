import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type FieldPlace, itemsOf, memberOf } from './field-place.ts'

/** Where images stand in objects of a kind, beside the places that are known of it. */
export type CustomImages = {
  readonly group: string
  readonly kind: string
  readonly paths: readonly [ImagePath, ...ImagePath[]]
}

/** A path to images: names of fields, and `*` for every item of a list. */
export type ImagePath = readonly [string, ...string[]]

const maxLength = 1024
const maxParts = 32

/**
 * Reads a path as it is configured: `spec.template.spec.containers[*].image`.
 *
 * @param what - begins the message
 * @throws CountersignError `USAGE`
 */
export function parseImagePath(text: string, what: string): ImagePath {
  const wanted = `${what}: want at most ${maxParts} names of fields with dots between them, each followed by [*] where it is a list`
  if (text.length > maxLength) throw new CountersignError('USAGE', `${wanted}, got ${text.length} characters`)
  const [first, ...others] = text.split('.').flatMap(part => {
    const [, name, lists = ''] = /^([A-Za-z0-9_-]+)((?:\[\*\])*)$/.exec(part) ?? []
    if (name === undefined) throw new CountersignError('USAGE', `${wanted}, got ${quote(text)}`)
    return [name, ...Array.from({ length: lists.length / 3 }, () => '*')]
  })
  if (first === undefined || others.length >= maxParts) throw new CountersignError('USAGE', `${wanted}, got ${quote(text)}`)
  return [first, ...others]
}

/**
 * The values that a path leads to, each with its place. What is not there leads nowhere.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED` where what must be a list, or hold fields, is something else
 */
export function* valuesAt(value: unknown, path: readonly string[], place: FieldPlace = []): Iterable<readonly [FieldPlace, unknown]> {
  const [next, ...rest] = path
  if (value === undefined || value === null) return
  if (next === undefined) yield [place, value]
  else if (next === '*') for (const [index, item] of itemsOf(value, place).entries()) yield* valuesAt(item, rest, [...place, index])
  else yield* valuesAt(memberOf(value, next, place), rest, [...place, next])
}
