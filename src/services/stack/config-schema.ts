import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/** As much of JSON Schema (2020-12) as a configuration file needs. Every word of it is checked by `checkAgainst`, and there is no other. */
export type Schema =
  | { readonly type: 'object'; readonly description: string; readonly properties: Properties; readonly required?: readonly string[] }
  | { readonly type: 'object'; readonly description: string; readonly additionalProperties: true } // for another reader
  | { readonly type: 'array'; readonly description: string; readonly items: Schema; readonly maxItems: number }
  | {
      readonly type: 'string'
      readonly description: string
      readonly pattern?: RegExp
      readonly enum?: readonly string[]
      readonly default?: string
    }
  | {
      readonly type: 'integer'
      readonly description: string
      readonly minimum: number
      readonly maximum: number
      readonly default?: number
    }
  | { readonly type: 'boolean'; readonly description: string; readonly default?: boolean }

type Properties = Readonly<Record<string, Schema>>

/** Where a value stands in a document: names of members, numbers of items. */
export type SchemaPath = readonly (string | number)[]

/** Maps as `parseYamlDocuments` makes them. */
type Value = string | number | boolean | bigint | null | readonly Value[] | ReadonlyMap<string, Value>

/**
 * Holds a value to a schema. A member that the schema does not name is refused: misspelled, it would change nothing in silence.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED`; `place` begins the message, with the line where it knows it
 */
export function checkAgainst(schema: Schema, value: Value, place: (path: SchemaPath) => string, path: SchemaPath = []): void {
  const wrong = (problem: string, at: SchemaPath = path) => new CountersignError('CONFIGURATION_MALFORMED', `${place(at)}: ${problem}`)
  switch (schema.type) {
    case 'object': {
      if (!(value instanceof Map)) throw wrong(`want a map, got ${describe(value)}`)
      if ('additionalProperties' in schema) return
      for (const [name, member] of value as ReadonlyMap<string, Value>) {
        if (!Object.hasOwn(schema.properties, name))
          throw wrong(`want one of ${Object.keys(schema.properties).join(', ')}, got ${quote(name)}`, [...path, name])
        checkAgainst(schema.properties[name]!, member, place, [...path, name])
      }
      for (const name of schema.required ?? []) if (!value.has(name)) throw wrong(`want ${name}, got none`)
      return
    }
    case 'array':
      if (!Array.isArray(value)) throw wrong(`want a list, got ${describe(value)}`)
      if (value.length > schema.maxItems) throw wrong(`want at most ${schema.maxItems} items, got ${value.length}`)
      for (const [index, item] of value.entries()) checkAgainst(schema.items, item, place, [...path, index])
      return
    case 'string':
      if (typeof value !== 'string') throw wrong(`want text, got ${describe(value)}`)
      if (schema.enum && !schema.enum.includes(value)) throw wrong(`want ${schema.enum.join(' or ')}, got ${quote(value)}`)
      if (schema.pattern !== undefined && !schema.pattern.test(value)) throw wrong(`want ${schema.description}, got ${quote(value)}`)
      return
    case 'integer':
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < schema.minimum || value > schema.maximum)
        throw wrong(`want a whole number from ${schema.minimum} to ${schema.maximum}, got ${describe(value)}`)
      return
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong(`want true or false, got ${describe(value)}`)
      return
    default:
      throw new TypeError(`unhandled schema ${schema satisfies never}`)
  }
}

function describe(value: Value): string {
  if (value === null) return 'nothing'
  if (value instanceof Map) return 'a map'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'string' ? quote(value) : String(value)
}

/** A schema as the JSON Schema that editors read, laid out over lines. */
export function jsonSchemaOf(schema: Schema): string {
  return `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...jsonOf(schema) }, undefined, 2)}\n`
}

function jsonOf(schema: Schema): object {
  switch (schema.type) {
    case 'object': {
      if ('additionalProperties' in schema) return schema
      const { properties, ...facts } = schema
      const members = Object.entries(properties).map(([name, member]) => [name, jsonOf(member)])
      return { ...facts, additionalProperties: false, properties: Object.fromEntries(members) }
    }
    case 'array':
      return { ...schema, items: jsonOf(schema.items) }
    case 'string':
      return { ...schema, ...(schema.pattern && { pattern: schema.pattern.source }) }
    case 'integer':
    case 'boolean':
      return schema
    default:
      throw new TypeError(`unhandled schema ${schema satisfies never}`)
  }
}
