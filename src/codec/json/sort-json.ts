import { CountersignError } from '../error.ts'
import type { JsonLimits } from '../json.ts'
import { decodeUtf8, encodeUtf8 } from '../text.ts'
import type { JsonCursor } from './cursor.ts'
import { GrowingBytes } from './growing-bytes.ts'
import { createJsonCursor } from './json-cursor.ts'
import { compareNames, serializeNumber } from './sorted-json.ts'

/**
 * The bytes of `serializeSortedJson` for an object. Beside the given bytes there is room for those that are written and for little else:
 * nothing is made of a string, a name or a number that is written as it came, and members are put in order where they are.
 *
 * @param what - begins every message
 * @param before - bytes to leave free before what is written, in the buffer that it is in; one more is free behind it
 * @throws CountersignError as the cursor's methods, and `JSON_MALFORMED` for what is no object or a number that is larger than any
 */
export function sortJsonObject(bytes: Uint8Array, what: string, limits: JsonLimits, before = 0): Uint8Array<ArrayBuffer> {
  const cursor = createJsonCursor(bytes, what, limits)
  if (cursor.kind() !== 'object') {
    const beginning = decodeUtf8(cursor.bytes().subarray(0, 1), what)
    throw new CountersignError('JSON_MALFORMED', `${what}: want an object, got ${namesOfKinds.get(beginning) ?? 'a number'}`)
  }
  const output = new GrowingBytes(before, bytes.length)
  new Sorter(bytes, cursor, what, output).write(0)
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

const [comma, closeBracket, closeBrace, minus, zero, nine] = [0x2c, 0x5d, 0x7d, 0x2d, 0x30, 0x39]
const exactDigits = 15 // an integer of so many is written as it came
const mostKeptNames = 1024
const longestKeptName = 64
const fewMembers = 64 // are put in order by a sort that makes nothing

/** The members of one object, as far as they are written; each with a comma behind it. One for each depth, for one object after the other. */
type Members = {
  readonly names: string[]
  readonly ends: number[] // in the output
  readonly order: number[]
  readonly readMember: (name: string) => void
  readonly readItem: () => void
}

class Sorter {
  readonly #input: Uint8Array
  readonly #cursor: JsonCursor
  readonly #what: string
  readonly #output: GrowingBytes
  readonly #open: Members[] = []
  readonly #names = new Map<string, Uint8Array>() // as JSON, with the colon

  constructor(input: Uint8Array, cursor: JsonCursor, what: string, output: GrowingBytes) {
    this.#input = input
    this.#cursor = cursor
    this.#what = what
    this.#output = output
  }

  write(depth: number): void {
    const kind = this.#cursor.kind()
    if (kind === 'object') this.#writeObject(depth)
    else if (kind === 'array') this.#writeArray(depth)
    else if (kind === 'string') this.#writeString()
    else {
      const start = this.#cursor.at()
      this.#cursor.pass()
      const end = this.#cursor.at()
      if (kind === 'number' && !this.#isShortInteger(start, end)) this.#output.put(encodeUtf8(this.#number(start, end)))
      else this.#output.copy(this.#input, start, end)
    }
  }

  #writeString(): void {
    const start = this.#cursor.at()
    const isPlain = this.#cursor.passString()
    const end = this.#cursor.at()
    if (isPlain) this.#output.copy(this.#input, start, end)
    else this.#output.put(encodeUtf8(JSON.stringify(JSON.parse(this.#text(start, end)))))
  }

  #writeArray(depth: number): void {
    const output = this.#output
    output.byte(0x5b)
    const start = output.length
    this.#cursor.array(this.#membersAt(depth).readItem)
    output.close(start, closeBracket)
  }

  /** Members are written as they come, and put in order where they came in another. */
  #writeObject(depth: number): void {
    const output = this.#output
    const members = this.#membersAt(depth)
    members.names.length = 0
    members.ends.length = 0
    output.byte(0x7b)
    const start = output.length
    this.#cursor.object(members.readMember)
    if (!isInOrder(members)) output.reorder(start, members.ends, members.order)
    output.close(start, closeBrace)
  }

  #membersAt(depth: number): Members {
    this.#open[depth] ??= this.#createMembers(depth)
    return this.#open[depth]
  }

  #createMembers(depth: number): Members {
    const [names, ends]: [string[], number[]] = [[], []]
    const output = this.#output
    const readMember = (name: string) => {
      output.put(this.#nameBytes(name))
      this.write(depth + 1)
      output.byte(comma)
      names.push(name)
      ends.push(output.length)
    }
    const readItem = () => {
      this.write(depth + 1)
      output.byte(comma)
    }
    return { names, ends, order: [], readMember, readItem }
  }

  #nameBytes(name: string): Uint8Array {
    const known = this.#names.get(name)
    if (known) return known
    const bytes = encodeUtf8(`${JSON.stringify(name)}:`)
    if (name.length <= longestKeptName && this.#names.size < mostKeptNames) this.#names.set(name, bytes)
    return bytes
  }

  #isShortInteger(start: number, end: number): boolean {
    const first = this.#input[start] === minus ? start + 1 : start
    if (end - first > exactDigits) return false
    for (let at = first; at < end; at++) {
      const byte = this.#input[at]!
      if (byte < zero || byte > nine) return false
    }
    return true
  }

  #number(start: number, end: number): string {
    const number = Number(this.#text(start, end))
    if (!Number.isFinite(number)) throw new CountersignError('JSON_MALFORMED', `${this.#what}: a number is larger than 1.8e308`)
    return serializeNumber(number)
  }

  #text(start: number, end: number): string {
    return decodeUtf8(this.#input.subarray(start, end), this.#what)
  }
}

/** Whether the names are in order as they came; otherwise `order` has the order that they are to have. */
function isInOrder({ names, order }: Members): boolean {
  let at = 1
  while (at < names.length && compareNames(names[at - 1]!, names[at]!) < 0) at++
  if (at >= names.length) return true
  order.length = 0
  for (let index = 0; index < names.length; index++) order.push(index)
  if (names.length <= fewMembers) insertInOrder(order, names)
  else sortOrder(order, names)
  return false
}

/** A function of its own: whoever makes the one inside has its variables in the heap, for each object anew. */
function sortOrder(order: number[], names: readonly string[]): void {
  order.sort((a, b) => compareNames(names[a]!, names[b]!))
}

function insertInOrder(order: number[], names: readonly string[]): void {
  for (let next = 1; next < order.length; next++) {
    const index = order[next]!
    let place = next
    for (; place > 0 && compareNames(names[order[place - 1]!]!, names[index]!) > 0; place--) order[place] = order[place - 1]!
    order[place] = index
  }
}
