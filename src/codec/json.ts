import { decodeBase64 } from './base64.ts'
import { CountersignError, type ErrorCode, reasonOf } from './error.ts'
import { createJsonCursor } from './json/json-cursor.ts'
import { decodeUtf8, quote } from './text.ts'

/** What JSON text can say. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject

export type JsonObject = { readonly [member: string]: Json }

/** What a document may cost before it is read. */
export type JsonLimits = {
  readonly bytes: number
  readonly depth?: number // nested arrays and objects; 64 unless told
  readonly values?: number // 100,000 unless told: 128 MiB of `{},{},` cost gigabytes, 4 MiB a third of a second
}

const defaultDepth = 64

const defaultValues = 100_000

/**
 * Parses JSON that was signed or that decides something: UTF-8 only, no duplicate member names (however they are
 * escaped), bounded size and depth, no lone surrogates. RFC 8259, with the I-JSON rules of RFC 7493 §2.1 and §2.3.
 *
 * @param what - begins every message: `bundle`, `manifest sha256:…`
 * @throws CountersignError `JSON_MALFORMED`, `UTF8_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseJson(bytes: Uint8Array, what: string, limits: JsonLimits): Json {
  if (bytes.length > limits.bytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limits.bytes} bytes of JSON, got ${bytes.length}`)
  const { depth = defaultDepth, values = defaultValues } = limits
  if (bytes.length > 2 * values) checkCost(bytes, what, depth, values)
  const text = decodeUtf8(bytes, what)
  let value: Json
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new CountersignError('JSON_MALFORMED', `${what}: not JSON: ${quote(reasonOf(cause))}`)
  }
  const { hasEscapedNames } = checkMembers(text, what, depth)
  return hasEscapedNames ? createJsonCursor(bytes, what, { bytes: bytes.length, depth, values: Infinity }).value() : value // as the cursor says
}

/** Counts brackets and commas outside strings before anything is made of them, of text that may yet prove not to be JSON. */
function checkCost(bytes: Uint8Array, what: string, maxDepth: number, maxValues: number): void {
  let [depth, values] = [0, 0]
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case 0x22:
        at = endOfString(bytes, at)
        break
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > maxDepth) throw tooDeep(what, maxDepth)
        values++
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
      case 0x2c: // ,
        values++
    }
    if (values > maxValues) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want JSON of at most ${maxValues} values`)
  }
}

function tooDeep(what: string, maxDepth: number): CountersignError {
  return new CountersignError('LIMIT_EXCEEDED', `${what}: want JSON at most ${maxDepth} levels deep`)
}

/** Where a string ends: the first quote after an even number of backslashes, or the last byte. */
function endOfString(bytes: Uint8Array, openingQuote: number): number {
  for (let at = openingQuote + 1; ; ) {
    const quote = bytes.indexOf(0x22, at)
    if (quote < 0) return bytes.length
    let backslashes = 0
    while (quote - backslashes > at && bytes[quote - 1 - backslashes] === 0x5c) backslashes++
    if (backslashes % 2 === 0) return quote
    at = quote + 1
  }
}

/** Walks well-formed JSON text once: counts depth and compares the member names of each object. */
function checkMembers(text: string, what: string, maxDepth: number): { readonly hasEscapedNames: boolean } {
  const open: (Set<string> | undefined)[] = [] // a set of names for an object, nothing for an array
  let names: Set<string> | undefined
  let nameIsNext = false
  let hasEscapedNames = false
  let backslash = text.indexOf('\\')
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: {
        let end = text.indexOf('"', at + 1)
        if (backslash !== -1 && backslash < at) backslash = text.indexOf('\\', at)
        const isEscaped = backslash !== -1 && backslash < end
        if (isEscaped) end = closingQuote(text, at)
        if (isEscaped && !unescaped(text, at, end).isWellFormed())
          throw new CountersignError('JSON_MALFORMED', `${what}: a string holds half a surrogate pair`)
        if (nameIsNext && names) {
          const name = isEscaped ? unescaped(text, at, end) : text.slice(at + 1, end)
          if (names.has(name)) throw new CountersignError('JSON_MALFORMED', `${what}: member ${quote(name)} appears twice`)
          names.add(name)
          nameIsNext = false
          hasEscapedNames ||= isEscaped
        }
        at = end
        break
      }
      case 0x7b: // {
      case 0x5b: // [
        open.push(names)
        if (open.length > maxDepth) throw tooDeep(what, maxDepth)
        names = text[at] === '{' ? new Set() : undefined
        nameIsNext = names !== undefined
        break
      case 0x7d: // }
      case 0x5d: // ]
        names = open.pop()
        nameIsNext = false
        break
      case 0x2c: // ,
        nameIsNext = names !== undefined
    }
  }
  return { hasEscapedNames }
}

function closingQuote(text: string, openingQuote: number): number {
  let at = openingQuote + 1
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1
  return at
}

function unescaped(text: string, openingQuote: number, closingQuote: number): string {
  return JSON.parse(text.slice(openingQuote, closingQuote + 1)) as string
}

function wrong(at: string, wanted: string, value: unknown): CountersignError {
  const found = value === undefined ? 'nothing' : quote(beginningOf(value))
  return new CountersignError('JSON_MALFORMED', `${at}: want ${wanted}, got ${found}`)
}

/** JSON of a value; of a large one only the kind, for its text could be longer than a string can be: `1e20` is written in 21 digits. */
function beginningOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return value.length === 0 ? '[]' : '[…]'
  return Object.keys(value).length === 0 ? '{}' : '{…}'
}

/** Reads an object. `at` is its path in the document: `verificationMaterial.tlogEntries[0]`. */
export function readObject(value: unknown, at: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'an object', value)
  return value as JsonObject
}

/** Reads an object that has no other members than these. */
export function readObjectOf(value: unknown, at: string, members: readonly string[]): JsonObject {
  const object = readObject(value, at)
  for (const name of Object.keys(object))
    if (!members.includes(name)) throw new CountersignError('JSON_MALFORMED', `${at}: unknown member ${quote(name)}`)
  return object
}

/** Reads an array of at most `limit` items, each by `readItem`, which is given the item's own path. */
export function readArray<T>(value: unknown, at: string, limit: number, readItem: (item: unknown, at: string) => T): T[] {
  if (!Array.isArray(value)) throw wrong(at, 'an array', value)
  if (value.length > limit) throw new CountersignError('LIMIT_EXCEEDED', `${at}: want at most ${limit} items, got ${value.length}`)
  return value.map((item, index) => readItem(item, `${at}[${index}]`))
}

/** Reads a string. */
export function readString(value: unknown, at: string): string {
  if (typeof value !== 'string') throw wrong(at, 'a string', value)
  return value
}

/** Reads an object whose members are all strings, as a map: names from outside never index an object. */
export function readStringMap(value: unknown, at: string): ReadonlyMap<string, string> {
  return new Map(Object.entries(readObject(value, at)).map(([name, member]) => [name, readString(member, `${at}[${quote(name)}]`)]))
}

/** Reads a whole number that JavaScript holds exactly, 0 to 2^53 - 1. */
export function readSafeInteger(value: unknown, at: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(at, 'a whole number', value)
  return value as number
}

/** Reads a non-negative 64-bit integer as proto3 JSON writes it: a decimal string; a plain number is accepted where exact. */
export function readUint64(value: unknown, at: string): bigint {
  const text = Number.isSafeInteger(value) ? String(value) : value
  if (typeof text !== 'string' || !/^(0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) >= 1n << 63n)
    throw wrong(at, 'a decimal number below 2^63', value)
  return BigInt(text)
}

/** Reads padded standard base64. */
export function readBase64(value: unknown, at: string): Uint8Array {
  return decodeBase64(readString(value, at), at, 'JSON_MALFORMED')
}

/**
 * Runs one format's reader and gives whatever was wrong with its JSON, or with text inside it, that format's own code.
 * `LIMIT_EXCEEDED` keeps its code: it says that the input is hostile, not merely broken.
 */
export function readAs<T>(code: ErrorCode, what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof CountersignError) || !codecCodes.includes(cause.code)) throw cause
    throw new CountersignError(code, cause.message.startsWith(what) ? cause.message : `${what}: ${cause.message}`, { cause })
  }
}

/** What this layer calls broken text, whatever it was the text of. */
const codecCodes: readonly ErrorCode[] = ['BASE64_MALFORMED', 'JSON_MALFORMED', 'PEM_MALFORMED', 'UTF8_MALFORMED']
