import { CountersignError } from '../codec/error.ts'
import { type Json, type JsonLimits, parseJson } from '../codec/json.ts'
import { quote } from '../codec/text.ts'

/**
 * Parses proto3 JSON: members may be spelled `check_point` or `checkPoint`, and one that is null is one that is left out. All come
 * back in lowerCamel, the nulls gone.
 *
 * @param what - begins every message
 * @throws CountersignError `JSON_MALFORMED`, also for a member in two spellings, which would be two values for one field;
 *   `UTF8_MALFORMED`, `LIMIT_EXCEEDED`
 * @see https://protobuf.dev/programming-guides/json/
 */
export function parseProtoJson(bytes: Uint8Array, what: string, limits: JsonLimits): Json {
  const json = parseJson(bytes, what, limits)
  return isPlain(json) ? json : camelMembers(json, what)
}

/** Whether no name has an underscore and nothing is null, as in most bundles: they need not be made anew. */
function isPlain(value: Json): boolean {
  if (typeof value !== 'object') return true
  if (value === null) return false
  if (Array.isArray(value)) return value.every(isPlain)
  for (const [name, member] of Object.entries(value)) if (name.includes('_') || !isPlain(member)) return false
  return true
}

/** Names with an underscore that spell no field: DSSE's envelope.proto calls its field payloadType, so there is no other way to write it. */
const ownSpelling: ReadonlySet<string> = new Set(['payload_type'])

function camelMembers(value: Json, at: string): Json {
  if (Array.isArray(value)) return value.map((item: Json, index) => camelMembers(item, `${at}[${index}]`))
  if (typeof value !== 'object' || value === null) return value
  const members = new Map<string, Json>()
  for (const [name, member] of Object.entries(value)) {
    const camel = ownSpelling.has(name) ? name : name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    if (members.has(camel)) throw new CountersignError('JSON_MALFORMED', `${at}: member ${quote(camel)} appears in two spellings`)
    members.set(camel, camelMembers(member, `${at}.${quote(camel).slice(1, -1)}`))
  }
  return Object.fromEntries([...members].filter(([, member]) => member !== null))
}
