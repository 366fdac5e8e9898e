import { CountersignError } from '../error.ts'
import type { JsonLimits } from '../json.ts'
import { decodeUtf8, encodeUtf8 } from '../text.ts'
import { createJsonCursor, type JsonCursor } from './json-cursor.ts'
import { serializeNumber, sortNames } from './sorted-json.ts'

/**
 * The bytes of `serializeSortedJson` for an object, without a value being made of more than one of its strings: beside the given bytes there is
 * room for those that are written, up to twice what they take, and while members are put in order a copy of those of their object.
 *
 * @param what - begins every message
 * @throws CountersignError as the cursor's methods, and `JSON_MALFORMED` for what is no object or a number that is larger than any
 */
export function sortJsonObject(bytes: Uint8Array, what: string, limits: JsonLimits): Uint8Array {
  const cursor = createJsonCursor(bytes, what, limits)
  const output = new Output(bytes.length + 64)
  if (cursor.kind() !== 'object') {
    const beginning = decodeUtf8(cursor.bytes().subarray(0, 1), what)
    throw new CountersignError('JSON_MALFORMED', `${what}: want an object, got ${namesOfKinds.get(beginning) ?? 'a number'}`)
  }
  writeObject(cursor, what, output)
  cursor.end()
  return output.taken()
}

const namesOfKinds = new Map([
  ['[', 'a list'],
  ['"', 'text'],
  ['n', 'null'],
  ['t', 'true'],
  ['f', 'false'],
])

/** Bytes that grow at their end. */
class Output {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  put(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Takes away what was written from `start` on. */
  cut(start: number): Uint8Array {
    const bytes = this.#bytes.slice(start, this.#length)
    this.#length = start
    return bytes
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more))
    grown.set(this.taken())
    this.#bytes = grown
  }
}

const [comma, colon, doubleQuote] = [0x2c, 0x3a, 0x22]

function write(cursor: JsonCursor, what: string, output: Output): void {
  const kind = cursor.kind()
  if (kind === 'object') writeObject(cursor, what, output)
  else if (kind === 'array') writeArray(cursor, what, output)
  else if (kind === 'string') writeString(cursor, what, output)
  else if (kind === 'number') output.put(encodeUtf8(numberText(decodeUtf8(cursor.bytes(), what), what)))
  else output.put(cursor.bytes())
}

function writeArray(cursor: JsonCursor, what: string, output: Output): void {
  output.byte(0x5b)
  cursor.array(index => {
    if (index > 0) output.byte(comma)
    write(cursor, what, output)
  })
  output.byte(0x5d)
}

/** Members are written as they come, and put in order where they came in another. */
function writeObject(cursor: JsonCursor, what: string, output: Output): void {
  output.byte(0x7b)
  const start = output.length
  const places = new Map<string, readonly [start: number, end: number]>() // in the output, behind `start`
  cursor.object(name => {
    if (places.size > 0) output.byte(comma)
    const from = output.length
    output.put(encodeUtf8(JSON.stringify(name)))
    output.byte(colon)
    write(cursor, what, output)
    places.set(name, [from - start, output.length - start])
  })
  const names = [...places.keys()]
  const sorted = sortNames(names)
  if (sorted.some((name, index) => name !== names[index])) {
    const members = output.cut(start)
    for (const [index, name] of sorted.entries()) {
      if (index > 0) output.byte(comma)
      output.put(members.subarray(...places.get(name)!))
    }
  }
  output.byte(0x7d)
}

function writeString(cursor: JsonCursor, what: string, output: Output): void {
  const { bytes, isPlain } = cursor.stringBytes()
  if (isPlain) {
    output.byte(doubleQuote)
    output.put(bytes)
    output.byte(doubleQuote)
  } else output.put(encodeUtf8(JSON.stringify(JSON.parse(`"${decodeUtf8(bytes, what)}"`))))
}

function numberText(text: string, what: string): string {
  const number = Number(text)
  if (!Number.isFinite(number)) throw new CountersignError('JSON_MALFORMED', `${what}: a number is larger than 1.8e308`)
  return serializeNumber(number)
}
