import { escapeControls } from '../../../../codec/text.ts'

/** What is wrong with fields of an object, in the words that users of policy-controller know. */
export type FieldError = {
  readonly message: string
  readonly paths: readonly string[] // as `spec.images[0].glob`
  readonly details?: string
}

/** Characters of a value that a message repeats at most. */
const shownCharacters = 200

/** Fields that must be there and are not. */
export function missingFields(...paths: readonly string[]): FieldError {
  return { message: 'missing field(s)', paths }
}

/** Of several fields exactly one is wanted, and these are all that could be given. */
export function wantExactlyOne(got: 'both' | 'neither', paths: readonly string[]): FieldError {
  return { message: `expected exactly one, got ${got}`, paths }
}

/** Fields that have no place where they stand. */
export function disallowedFields(...paths: readonly string[]): FieldError {
  return { message: 'must not set the field(s)', paths }
}

/** A value that is none. It comes from outside: it is shown escaped, and its beginning only. */
export function invalidValue(value: string, path: string, details?: string): FieldError {
  const shown = value.length > shownCharacters ? `${value.slice(0, shownCharacters)}…` : value
  return { message: `invalid value: ${escapeControls(shown)}`, paths: [path], ...(details !== undefined && { details }) }
}

/**
 * All errors as one text: those that say the same are one with all its paths, in the order of their texts, whatever the order they came in.
 *
 * @see knative.dev/pkg `apis.FieldError.Error`; spec admission §1.8
 */
export function renderFieldErrors(errors: readonly FieldError[]): string {
  const merged = Map.groupBy(errors, ({ message, details }) => `${message}\0${details ?? ''}`)
  return [...merged]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, same]) => {
      const { message, details } = same[0]!
      const paths = [...new Set(same.flatMap(error => error.paths))].toSorted()
      return `${message}: ${paths.join(', ')}${details === undefined ? '' : `\n${details}`}`
    })
    .join('\n')
}
