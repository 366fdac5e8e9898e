import { CountersignError } from '../error.ts'
import type { Json, JsonLimits } from '../json.ts'
import { decodeUtf8, quote } from '../text.ts'
import { createNameTable, type NameTable } from './name-table.ts'

/** What a value is, by its first byte. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null'

/**
 * Reads JSON from its bytes, front to back, and makes values only of what it is asked for: an SBOM of 50 MB costs what is kept of it. It takes
 * what `parseJson` takes and nothing else: UTF-8 only, no member name twice in an object however it is escaped, no half surrogate pair, bounded
 * size, depth and number of values. What is passed over is held to the same.
 *
 * The cursor stands before a value. Each method but `kind` reads that value and leaves the cursor behind it.
 */
export type JsonCursor = {
  readonly kind: () => JsonKind
  /** Calls `read` for each member, with the cursor before its value; a value that it leaves is passed over. */
  readonly object: (read: (name: string) => void) => void
  /** The same for each item of an array. */
  readonly array: (read: (index: number) => void) => void
  readonly string: () => string
  /** The value as JSON, with all that is in it. */
  readonly value: () => Json
  /**
   * The same but for members of these names, at whatever depth: they are passed over.
   *
   * @param mostValues - that are made; `LIMIT_EXCEEDED` beyond
   */
  readonly valueWithout: (names: ReadonlySet<string>, mostValues: number) => Json
  /** The bytes of the value, a part of those that are read. */
  readonly bytes: () => Uint8Array
  /** The bytes of a string as they stand between its quotes; `isPlain` where none of them is an escape. */
  readonly stringBytes: () => { readonly bytes: Uint8Array; readonly isPlain: boolean }
  /** How many bytes are behind the cursor: after `kind` where the value starts, after any other method where it ends. */
  readonly at: () => number
  /** Passes over a value. */
  readonly pass: () => void
  /** Passes over a string; whether none of its bytes is an escape. */
  readonly passString: () => boolean
  /** Nothing but white space may follow. */
  readonly end: () => void
}

const defaultDepth = 64
const defaultValues = 100_000

const [tab, lineFeed, carriageReturn, space, doubleQuote, comma, colon, backslash] = [0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x3a, 0x5c]
const [openBracket, closeBracket, openBrace, closeBrace, minus, dot, zero, nine] = [0x5b, 0x5d, 0x7b, 0x7d, 0x2d, 0x2e, 0x30, 0x39]

const literals = new Map([
  [0x74, { word: 'true', kind: 'boolean' }],
  [0x66, { word: 'false', kind: 'boolean' }],
  [0x6e, { word: 'null', kind: 'null' }],
] as const)
const kinds = new Map<number, JsonKind>([
  [openBrace, 'object'],
  [openBracket, 'array'],
  [doubleQuote, 'string'],
  ...[...literals].map(([first, { kind }]) => [first, kind] as const),
])
const escapes = new Set(Array.from('"\\/bfnrt', character => character.charCodeAt(0)))

/**
 * A cursor before the one value of a document. Whoever has read it calls `end`.
 *
 * @param what - begins every message
 * @throws CountersignError (from each of its methods) `JSON_MALFORMED`, `UTF8_MALFORMED` or `LIMIT_EXCEEDED`; messages say at which byte
 * @see RFC 8259, RFC 7493 §2.1 and §2.3
 */
export function createJsonCursor(bytes: Uint8Array, what: string, limits: JsonLimits): JsonCursor {
  if (bytes.length > limits.bytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limits.bytes} bytes of JSON, got ${bytes.length}`)
  return new Cursor(bytes, what, limits)
}

class Cursor implements JsonCursor {
  readonly #bytes: Uint8Array
  readonly #what: string
  readonly #maxDepth: number
  readonly #maxValues: number
  readonly #names: NameTable
  #at = 0
  #depth = 0
  #values = 0
  #escapedNames = 0 // of all objects so far: V8 reads such a name as one that it read before, where that looks like what is written (nodejs/node#63785)

  constructor(bytes: Uint8Array, what: string, { depth = defaultDepth, values = defaultValues }: JsonLimits) {
    this.#bytes = bytes
    this.#what = what
    this.#maxDepth = depth
    this.#maxValues = values
    this.#names = createNameTable()
  }

  kind(): JsonKind {
    this.#skipSpace()
    const first = this.#bytes[this.#at] ?? 0
    const kind = kinds.get(first) ?? (first === minus || isDigit(first) ? 'number' : undefined)
    if (!kind) throw this.#unexpected('a value')
    return kind
  }

  object(read: (name: string) => void): void {
    let name = this.#enterObject()
    while (name !== undefined) {
      this.#skipSpace()
      const start = this.#at
      read(name)
      if (this.#at === start) this.#skip()
      name = this.#nextMember()
    }
  }

  array(read: (index: number) => void): void {
    let goesOn = this.#enterArray()
    for (let index = 0; goesOn; index++) {
      this.#skipSpace()
      const start = this.#at
      read(index)
      if (this.#at === start) this.#skip()
      goesOn = this.#nextItem()
    }
  }

  string(): string {
    this.#count()
    return this.#text()
  }

  stringBytes(): { readonly bytes: Uint8Array; readonly isPlain: boolean } {
    this.#skipSpace()
    const start = this.#at
    const isPlain = this.passString()
    return { bytes: this.#bytes.subarray(start + 1, this.#at - 1), isPlain }
  }

  value(): Json {
    const before = this.#escapedNames
    const bytes = this.bytes()
    if (this.#escapedNames === before) return JSON.parse(decodeUtf8(bytes, this.#what)) as Json
    const inner = { bytes: bytes.length, depth: this.#maxDepth, values: this.#maxValues }
    return new Cursor(bytes, this.#what, inner).valueWithout(new Set(), this.#maxValues)
  }

  valueWithout(names: ReadonlySet<string>, mostValues: number): Json {
    let left = mostValues
    const build = (): Json => {
      if (--left < 0) throw new CountersignError('LIMIT_EXCEEDED', `${this.#what}: want at most ${mostValues} values that are looked at`)
      switch (this.kind()) {
        case 'object': {
          const made: Record<string, Json> = {}
          this.object(name => {
            if (names.has(name)) return
            const value = build()
            if (name === '__proto__') Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true })
            else made[name] = value
          })
          return made
        }
        case 'array': {
          const made: Json[] = []
          this.array(() => made.push(build()))
          return made
        }
        case 'string':
          return this.string()
        default:
          return this.value()
      }
    }
    return build()
  }

  bytes(): Uint8Array {
    this.#skipSpace()
    const start = this.#at
    this.#skip()
    return this.#bytes.subarray(start, this.#at)
  }

  at(): number {
    return this.#at
  }

  pass(): void {
    this.#skip()
  }

  passString(): boolean {
    this.#count()
    this.#skipSpace()
    return this.#scanString()
  }

  end(): void {
    this.#skipSpace()
    if (this.#at < this.#bytes.length) throw this.#unexpected('the end')
  }

  /** Makes nothing: most of a document of 50 MB is passed over. */
  #skip(): void {
    const kind = this.kind()
    if (kind === 'object') for (let name = this.#enterObject(); name !== undefined; name = this.#nextMember()) this.#skip()
    else if (kind === 'array') for (let goesOn = this.#enterArray(); goesOn; goesOn = this.#nextItem()) this.#skip()
    else {
      this.#count()
      if (kind === 'string') this.#scanString()
      else if (kind === 'number') this.#scanNumber()
      else this.#scanLiteral()
    }
  }

  /** The name of the first member, with the cursor before its value; nothing behind an object without members. */
  #enterObject(): string | undefined {
    this.#open(openBrace, 'an object')
    this.#names.enter(this.#depth)
    return this.#take(closeBrace) ? this.#close() : this.#member()
  }

  #nextMember(): string | undefined {
    return this.#goesOn(closeBrace, '"," or "}"') ? this.#member() : this.#close()
  }

  #member(): string {
    this.#skipSpace()
    const nameAt = this.#at
    const name = this.#name()
    if (!this.#names.add(this.#depth, name)) throw this.#malformed(`member ${quote(name)} appears twice, the second time at byte ${nameAt}`)
    if (!this.#take(colon)) throw this.#unexpected('":"')
    return name
  }

  /** Whether there is a first item. */
  #enterArray(): boolean {
    this.#open(openBracket, 'an array')
    if (!this.#take(closeBracket)) return true
    this.#close()
    return false
  }

  #nextItem(): boolean {
    if (this.#goesOn(closeBracket, '"," or "]"')) return true
    this.#close()
    return false
  }

  #close(): undefined {
    this.#depth--
  }

  #open(bracket: number, wanted: string): void {
    this.#count()
    if (!this.#take(bracket)) throw this.#unexpected(wanted)
    if (++this.#depth > this.#maxDepth)
      throw new CountersignError('LIMIT_EXCEEDED', `${this.#what}: want JSON at most ${this.#maxDepth} levels deep`)
  }

  #count(): void {
    if (++this.#values > this.#maxValues)
      throw new CountersignError('LIMIT_EXCEEDED', `${this.#what}: want JSON of at most ${this.#maxValues} values`)
  }

  /** Whether another member or item follows; otherwise the closing bracket was taken. */
  #goesOn(closing: number, wanted: string): boolean {
    if (this.#take(comma)) return true
    if (this.#take(closing)) return false
    throw this.#unexpected(wanted)
  }

  #take(wanted: number): boolean {
    this.#skipSpace()
    if (this.#bytes[this.#at] !== wanted) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    for (let byte = this.#bytes[this.#at]; ; byte = this.#bytes[++this.#at])
      if (byte !== space && byte !== lineFeed && byte !== carriageReturn && byte !== tab) return
  }

  #name(): string {
    const start = this.#at
    const isPlain = this.#scanString()
    if (isPlain) return this.#names.nameOf(this.#bytes, start + 1, this.#at - 1)
    this.#escapedNames++
    return this.#decodedString(start)
  }

  #text(): string {
    this.#skipSpace()
    const start = this.#at
    const isPlain = this.#scanString()
    return isPlain ? decodeUtf8(this.#bytes.subarray(start + 1, this.#at - 1), this.#what) : this.#decodedString(start)
  }

  #decodedString(start: number): string {
    return JSON.parse(decodeUtf8(this.#bytes.subarray(start, this.#at), this.#what)) as string
  }

  /** Passes over a string; whether no byte of it is an escape. */
  #scanString(): boolean {
    const bytes = this.#bytes
    if (bytes[this.#at] !== doubleQuote) throw this.#unexpected('a string')
    const start = ++this.#at
    let isPlain = true
    let isAscii = true
    let awaitsLow = false
    for (let at = start; ; at++) {
      const byte = bytes[at] ?? 0
      if (byte === doubleQuote) {
        this.#at = at + 1
        if (awaitsLow) throw this.#halfPair()
        if (!isAscii) decodeUtf8(bytes.subarray(start, at), this.#what)
        return isPlain
      }
      if (byte === backslash) {
        isPlain = false
        this.#at = at
        const unit = this.#scanEscape()
        at = this.#at - 1
        if (isLow(unit) !== awaitsLow) throw this.#halfPair()
        awaitsLow = unit >= 0xd800 && unit < 0xdc00
        continue
      }
      if (awaitsLow) throw this.#halfPair()
      if (byte < space) {
        this.#at = at
        throw this.#unexpected('the rest of a string')
      }
      if (byte >= 0x80) isAscii = false
    }
  }

  /** Passes over an escape; its UTF-16 code unit where it is written as one, else 0. */
  #scanEscape(): number {
    const next = this.#bytes[this.#at + 1] ?? 0
    if (escapes.has(next)) {
      this.#at += 2
      return 0
    }
    const digits = next === 0x75 ? String.fromCharCode(...this.#bytes.subarray(this.#at + 2, this.#at + 6)) : ''
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#unexpected('an escape')
    this.#at += 6
    return Number.parseInt(digits, 16)
  }

  #scanNumber(): void {
    const bytes = this.#bytes
    if (bytes[this.#at] === minus) this.#at++
    if (bytes[this.#at] === zero) this.#at++
    else this.#scanDigits()
    if (bytes[this.#at] === dot) {
      this.#at++
      this.#scanDigits()
    }
    const exponent = bytes[this.#at]
    if (exponent === 0x65 || exponent === 0x45) {
      const sign = bytes[++this.#at]
      if (sign === minus || sign === 0x2b) this.#at++
      this.#scanDigits()
    }
  }

  #scanDigits(): void {
    if (!isDigit(this.#bytes[this.#at] ?? 0)) throw this.#unexpected('a digit')
    while (isDigit(this.#bytes[this.#at] ?? 0)) this.#at++
  }

  #scanLiteral(): void {
    const { word } = literals.get(this.#bytes[this.#at] as 0x74)!
    for (let at = 1; at < word.length; at++) if (this.#bytes[this.#at + at] !== word.charCodeAt(at)) throw this.#unexpected(`"${word}"`)
    this.#at += word.length
  }

  #halfPair(): CountersignError {
    return new CountersignError('JSON_MALFORMED', `${this.#what}: a string holds half a surrogate pair`)
  }

  #malformed(problem: string): CountersignError {
    return new CountersignError('JSON_MALFORMED', `${this.#what}: ${problem}`)
  }

  #unexpected(wanted: string): CountersignError {
    const byte = this.#bytes[this.#at]
    if (byte !== undefined && byte >= 0x80) decodeUtf8(this.#bytes, this.#what) // that it is no text says more than where it ends
    const found = byte === undefined ? 'the end' : byte < 0x80 ? quote(String.fromCharCode(byte)) : `byte 0x${byte.toString(16)}`
    return this.#malformed(`not JSON: at byte ${this.#at}: want ${wanted}, got ${found}`)
  }
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}
