import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type Json, type JsonObject, readArray, readBase64, readObject, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { protoTime } from './times.ts'

/** What a member of a protobuf message holds, as far as JSON goes. `object` is a Struct, of which anything is kept. */
export type Shape =
  | 'string'
  | 'boolean'
  | 'time'
  | 'base64'
  | 'strings' // by name
  | 'object'
  | { readonly list: Shape }
  | { readonly members: MemberShapes; readonly spellings?: ReadonlyMap<string, string> }

/** A `Map`, for the names that it is asked for come from outside. */
export type MemberShapes = ReadonlyMap<string, Shape>

const maxItems = 100_000

/**
 * Takes from a document what a protobuf message has a place for, and writes that as proto3 JSON is written: without members that hold their
 * type's default. What there is no place for is left out, and its place in the document is noted.
 *
 * @param leftOut - gets the places
 * @throws CountersignError `JSON_MALFORMED` with the place of what is of another type; `LIMIT_EXCEEDED`
 * @see protobuf, "ProtoJSON Format"
 */
export function shapeMessage(
  value: unknown,
  at: string,
  { members, spellings = new Map() }: Extract<Shape, { readonly members: unknown }>,
  leftOut: string[],
): JsonObject {
  const object = readObject(value, at)
  const shaped = new Map<string, Json>()
  for (const [spelling, member] of Object.entries(object)) {
    const name = spellings.get(spelling) ?? spelling
    const shape = members.get(name)
    if (!shape) leftOut.push(`${at}.${spelling}`)
    if (!shape || member === null) continue
    if (shaped.has(name)) throw new CountersignError('JSON_MALFORMED', `${at}: ${name} is there twice, also as ${quote(spelling)}`)
    const kept = shapeMember(member, `${at}.${spelling}`, shape, leftOut)
    if (kept !== undefined) shaped.set(name, kept)
  }
  return Object.fromEntries(shaped)
}

/** Nothing for what is its type's default. */
function shapeMember(value: Json, at: string, shape: Shape, leftOut: string[]): Json | undefined {
  if (shape === 'string') return readString(value, at) || undefined
  if (shape === 'boolean') return readBoolean(value, at) || undefined
  if (shape === 'time') return protoTime(value, at)
  if (shape === 'base64') return encodeBase64(readAnyBase64(value, at)) || undefined
  if (shape === 'object') return readObject(value, at)
  if (shape === 'strings') {
    const object = readObject(value, at)
    for (const [name, member] of Object.entries(object)) readString(member, `${at}[${quote(name)}]`)
    return Object.keys(object).length > 0 ? object : undefined
  }
  if ('members' in shape) return shapeMessage(value, at, shape, leftOut)
  const items = readArray(value, at, maxItems, (item, place) => shapeMember(item as Json, place, shape.list, leftOut))
  return items.length > 0 ? items.map(item => item ?? '') : undefined
}

function readBoolean(value: Json, at: string): boolean {
  if (typeof value === 'boolean') return value
  throw new CountersignError('JSON_MALFORMED', `${at}: want true or false, got ${quote(JSON.stringify(value))}`)
}

/** Either alphabet, with padding or without it. */
function readAnyBase64(value: Json, at: string): Uint8Array {
  const text = readString(value, at).replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')
  return readBase64(text.padEnd(Math.ceil(text.length / 4) * 4, '='), at)
}
