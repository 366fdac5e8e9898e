import { CountersignError } from '../../../../codec/error.ts'
import { disallowedFields, type FieldError, invalidValue } from './field-error.ts'

/** Characters of all texts of one object together: aliases make few bytes of YAML into many. */
const limitCharacters = 4 << 20

/** What is found wrong with one object while it is read to its end, so that all of it can be told at once. */
export class FieldProblems {
  readonly errors: FieldError[] = []
  readonly warnings: FieldError[] = []
  #characters = 0

  add(...errors: readonly FieldError[]): void {
    this.errors.push(...errors)
  }

  warn(...warnings: readonly FieldError[]): void {
    this.warnings.push(...warnings)
  }

  /** Counts the texts that are read. @throws CountersignError `LIMIT_EXCEEDED` */
  count(text: string, path: string): void {
    this.#characters += text.length
    if (this.#characters > limitCharacters)
      throw new CountersignError('LIMIT_EXCEEDED', `${path}: want at most ${limitCharacters} characters in one object, got more`)
  }
}

/**
 * Reads the fields of one map, of YAML or of JSON. A field that is null is not there, as Kubernetes has it; one of another kind than was
 * asked for is an error that is noted, and read as not there. What was never asked for is refused by `end`.
 */
export class ObjectReader {
  readonly path: string
  readonly problems: FieldProblems
  readonly #fields: ReadonlyMap<string, unknown>
  readonly #asked = new Set<string>()

  /** @param path - of the map, empty for a whole document */
  constructor(fields: ReadonlyMap<string, unknown>, path: string, problems: FieldProblems) {
    this.path = path
    this.problems = problems
    this.#fields = fields
  }

  /** The path of a field. */
  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }

  /** Whether a field is there, of whatever kind. It is not taken for read. */
  has(name: string): boolean {
    return (this.#fields.get(name) ?? null) !== null
  }

  /** A text, empty where there is none: as Go reads it, which the messages of policy-controller follow. */
  text(name: string): string {
    const value = this.#take(name)
    if (value === null) return ''
    if (typeof value !== 'string') {
      this.#wrong(name, value, 'want text')
      return ''
    }
    this.problems.count(value, this.at(name))
    return value
  }

  /** True or false, false where there is none. */
  flag(name: string): boolean {
    const value = this.#take(name)
    if (value !== null && typeof value !== 'boolean') this.#wrong(name, value, 'want true or false')
    return value === true
  }

  /** A map, nothing where there is none. What `read` does not ask for in it is refused. */
  object<T>(name: string, read: (reader: ObjectReader) => T): T | undefined {
    const value = this.#take(name)
    return value === null ? undefined : readWhole(value, this.at(name), this.problems, read)
  }

  /** Leaves fields that are no affair of whoever reads. */
  passOver(...names: readonly string[]): void {
    for (const name of names) this.#asked.add(name)
  }

  /** Leaves all fields that are not read. */
  passOverRest(): void {
    this.passOver(...this.#fields.keys())
  }

  /** How many items a list has, whatever they are. */
  length(name: string): number {
    const value = this.#fields.get(name)
    return Array.isArray(value) ? value.length : 0
  }

  /** A list of at most `limit` maps, empty where there is none. Those of which `read` makes nothing are left out: it has noted why. */
  objects<T>(name: string, limit: number, read: (reader: ObjectReader, index: number) => T | undefined): readonly T[] {
    return this.#items(name, limit).flatMap((item, index) => {
      const result = readWhole(item, `${this.at(name)}[${index}]`, this.problems, reader => read(reader, index))
      return result === undefined ? [] : [result]
    })
  }

  /** A list of at most `limit` texts, empty where there is none. */
  texts(name: string, limit: number): readonly string[] {
    return this.#items(name, limit).flatMap((item, index) => {
      if (typeof item !== 'string') {
        this.problems.add(invalidValue(shown(item), `${this.at(name)}[${index}]`, 'want text'))
        return []
      }
      this.problems.count(item, this.at(name))
      return [item]
    })
  }

  /** A map of at most `limit` texts by names that are anybody's. */
  textMap(name: string, limit: number): ReadonlyMap<string, string> {
    const value = this.#take(name)
    if (value === null) return new Map()
    const fields = fieldsOf(value)
    if (!fields || fields.size > limit) this.#wrong(name, value, `want a map of at most ${limit} texts`)
    const texts = new Map<string, string>()
    for (const [key, text] of [...(fields ?? [])].slice(0, limit)) {
      if (typeof text !== 'string') this.problems.add(invalidValue(shown(text), `${this.at(name)}.${key}`, 'want text'))
      else texts.set(key, text)
      this.problems.count(`${key}${String(text)}`, this.at(name))
    }
    return texts
  }

  /** What a parser makes of a field's value; nothing where it throws, and the reason is noted. */
  parsed<T>(name: string, value: string, parse: () => T): T | undefined {
    try {
      return parse()
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      this.problems.add(invalidValue(value, this.at(name), cause.message))
      return undefined
    }
  }

  /** Refuses every field that nobody asked for: one that is passed over would change nothing where its writer thinks that it does. */
  end(): void {
    for (const name of this.#fields.keys())
      if (!this.#asked.has(name)) this.problems.add({ ...disallowedFields(this.at(name)), details: 'unknown field' })
  }

  #items(name: string, limit: number): readonly unknown[] {
    const value = this.#take(name)
    if (value === null) return []
    if (!Array.isArray(value)) {
      this.#wrong(name, value, 'want a list')
      return []
    }
    if (value.length > limit) this.problems.add(invalidValue(`${value.length} items`, this.at(name), `want at most ${limit}`))
    return value.slice(0, limit)
  }

  #take(name: string): unknown {
    this.#asked.add(name)
    return this.#fields.get(name) ?? null
  }

  #wrong(name: string, value: unknown, details: string): void {
    this.problems.add(invalidValue(shown(value), this.at(name), details))
  }
}

/** Reads a map to its end: fields that `read` leaves are refused. What is no map is noted, and nothing is read of it. */
export function readWhole<T>(value: unknown, path: string, problems: FieldProblems, read: (reader: ObjectReader) => T): T | undefined {
  const fields = fieldsOf(value)
  if (!fields) {
    problems.add(invalidValue(shown(value), path === '' ? 'object' : path, 'want a map'))
    return undefined
  }
  const reader = new ObjectReader(fields, path, problems)
  const result = read(reader)
  reader.end()
  return result
}

/** The fields of a map of YAML or an object of JSON; nothing for what is neither. */
function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value instanceof Map) return value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return new Map(Object.entries(value))
}

function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? '[…]' : '{…}'
}
