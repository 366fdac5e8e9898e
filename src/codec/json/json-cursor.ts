import { asciiReader } from '#native/bytes'
import { CountersignError } from '../error.ts'
import type { Json, JsonLimits } from '../json.ts'
import { decodeUtf8, quote } from '../text.ts'
import type { JsonCursor, JsonKind } from './cursor.ts'
import { createNameTable, createTextCache, type NameTable } from './name-table.ts'
import { RecentValues } from './recent-values.ts'
import { createValueBudget, setMember, type ValueBudget } from './value-budget.ts'

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
  #recent: RecentValues | undefined
  #at = 0
  #depth = 0
  #values = 0
  #isAscii = true // the string that was read last
  #ascii: ((start: number, end: number) => string) | undefined
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
    return new Cursor(bytes, this.#what, inner).valueWithout(new Set(), createValueBudget(this.#maxValues))
  }

  valueWithout(names: ReadonlySet<string>, budget: ValueBudget): Json {
    this.#spend(budget, 1)
    const kind = this.kind()
    if (kind === 'string') return this.string()
    if (kind !== 'object' && kind !== 'array') return this.value()
    this.#recent ??= new RecentValues()
    const known = this.#recent.find(this.#bytes, this.#at, this.#depth, names)
    if (known) {
      this.#at += known.length
      this.#count(known.values)
      this.#spend(budget, known.made - 1)
      return known.value
    }
    const start = this.#at
    const values = this.#values
    const left = budget.left
    const value = kind === 'object' ? this.#objectWithout(names, budget) : this.#arrayWithout(names, budget)
    this.#recent.keep(start, this.#at, this.#depth, this.#values - values, 1 + left - budget.left, value)
    return value
  }

  #spend(budget: ValueBudget, count: number): void {
    budget.left -= count
    if (budget.left < 0)
      throw new CountersignError('LIMIT_EXCEEDED', `${this.#what}: want at most ${budget.most} values that are looked at`)
  }

  #objectWithout(names: ReadonlySet<string>, budget: ValueBudget): Json {
    const made: Record<string, Json> = {}
    for (let name = this.#enterObject(); name !== undefined; name = this.#nextMember())
      if (names.has(name)) this.#skip()
      else setMember(made, name, this.valueWithout(names, budget))
    return made
  }

  #arrayWithout(names: ReadonlySet<string>, budget: ValueBudget): Json {
    const made: Json[] = []
    for (let goesOn = this.#enterArray(); goesOn; goesOn = this.#nextItem()) made.push(this.valueWithout(names, budget))
    return made
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

  #count(more = 1): void {
    this.#values += more
    if (this.#values > this.#maxValues)
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
    if (!isPlain) return this.#decodedString(start)
    if (!this.#isAscii) return decodeUtf8(this.#bytes.subarray(start + 1, this.#at - 1), this.#what)
    this.#ascii ??= createTextCache(this.#bytes, asciiReader(this.#bytes))
    return this.#ascii(start + 1, this.#at - 1)
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
        this.#isAscii = isAscii
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
