import { compareBytes } from './bytes.ts'
import { encodeUtf8 } from './text.ts'

/** What Go's JSON encoders are given: a `Map` is a Go map, an object a struct. */
export type GoJson =
  | string
  | number
  | boolean
  | null
  | readonly GoJson[]
  | ReadonlyMap<string, GoJson>
  | { readonly [member: string]: GoJson | undefined }

/**
 * JSON text as Go's `encoding/json` writes it, byte for byte: compact, `<`, `>`, `&`, U+2028 and U+2029 escaped, other
 * characters raw. An object is a struct: members in the order given, absent where `undefined`. A `Map` is a Go map:
 * members sorted by the bytes of their names. cosign signs such bytes, so the payloads we make must be the same ones.
 *
 * @see formats-and-flows §2.1
 */
export function serializeGoJson(value: GoJson): string {
  return serialize(value).replace(/[<>&\u2028\u2029]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The same text as Go's `protojson` writes it for bundles and statements: nothing escaped but what JSON itself demands. */
export function serializeProtoJson(value: GoJson): string {
  return serialize(value)
}

function serialize(value: GoJson): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (value instanceof Map) return serializeMembers([...value].sort(([a], [b]) => compareBytes(encodeUtf8(a), encodeUtf8(b))))
  if (Array.isArray(value)) return `[${value.map(serialize).join(',')}]`
  return serializeMembers(Object.entries(value))
}

function serializeMembers(members: [string, GoJson | undefined][]): string {
  const present = members.filter((member): member is [string, GoJson] => member[1] !== undefined)
  return `{${present.map(([name, value]) => `${JSON.stringify(name)}:${serialize(value)}`).join(',')}}`
}
