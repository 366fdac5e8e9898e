import { CountersignError } from '../../codec/error.ts'
import { setMember } from '../../codec/json/value-budget.ts'
import { type Json, type JsonLimits, parseJson } from '../../codec/json.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'

const turnLength = 1 << 15 // bytes or characters that are read in one go: some tenths of a millisecond
const maxNumberLength = 1000

/** How long JSON is parsed, so that others have their turn. */
export type TurnLimits = Required<JsonLimits>

/**
 * Parses what `parseJson` parses, to the same value, and lets others have their turn every 32 KiB: a document of megabytes keeps nobody
 * waiting for longer than a small one does.
 *
 * @param what - begins every message
 * @param rest - resolves when the next turn is ours
 * @throws CountersignError `JSON_MALFORMED`, `UTF8_MALFORMED` or `LIMIT_EXCEEDED`; also for a number of more than 1,000 characters
 */
export async function parseJsonInTurns(
  bytes: Uint8Array,
  what: string,
  limits: TurnLimits,
  rest: () => Promise<void> = nextTurn,
): Promise<Json> {
  if (bytes.length <= turnLength || bytes.length > limits.bytes) return parseJson(bytes, what, limits)
  return await new TurnParser(decodeUtf8(bytes, what), what, limits, rest).document()
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

type Open =
  | { readonly kind: 'array'; readonly items: Json[] }
  | { readonly kind: 'object'; readonly members: Record<string, Json>; name: string }

class TurnParser {
  readonly #text: string
  readonly #what: string
  readonly #limits: TurnLimits
  readonly #rest: () => Promise<void>
  readonly #open: Open[] = []
  #at = 0
  #turnEnd = turnLength
  #values = 0

  constructor(text: string, what: string, limits: TurnLimits, rest: () => Promise<void>) {
    this.#text = text
    this.#what = what
    this.#limits = limits
    this.#rest = rest
  }

  async document(): Promise<Json> {
    for (;;) {
      if (this.#at >= this.#turnEnd) await this.#takeTurn()
      let value = this.#beginValue()
      if (value === undefined) continue // a bracket was opened
      if (value === longString) value = await this.#longString()
      const whole = await this.#endValue(value)
      if (whole !== undefined) return whole
    }
  }

  async #takeTurn(): Promise<void> {
    await this.#rest()
    this.#turnEnd = this.#at + turnLength
  }

  /** A value without brackets or an empty one, or that there is a long string; nothing where a bracket was opened and a value is to follow. */
  #beginValue(): Json | typeof longString | undefined {
    this.#skipSpace()
    if (++this.#values > this.#limits.values)
      throw new CountersignError('LIMIT_EXCEEDED', `${this.#what}: want JSON of at most ${this.#limits.values} values`)
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x22:
        return this.#string() ?? longString
      case 0x5b: // [
        return this.#beginArray()
      case 0x7b: // {
        return this.#beginObject()
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #beginArray(): Json | undefined {
    this.#enter()
    if (this.#take(0x5d)) return []
    this.#open.push({ kind: 'array', items: [] })
    return undefined
  }

  #beginObject(): Json | undefined {
    this.#enter()
    if (this.#take(0x7d)) return {}
    this.#open.push({ kind: 'object', members: {}, name: this.#name({}) })
    return undefined
  }

  #enter(): void {
    if (this.#open.length >= this.#limits.depth)
      throw new CountersignError('LIMIT_EXCEEDED', `${this.#what}: want JSON at most ${this.#limits.depth} levels deep`)
    this.#at++
    this.#skipSpace()
  }

  /** Puts a value where it belongs, and closes brackets behind it. The document, where it was the last. */
  async #endValue(first: Json): Promise<Json | undefined> {
    let value = first
    for (;;) {
      if (this.#at >= this.#turnEnd) await this.#takeTurn()
      this.#skipSpace()
      const open = this.#open.at(-1)
      if (!open) {
        if (this.#at < this.#text.length) throw this.#unexpected('the end')
        return value
      }
      if (open.kind === 'array') open.items.push(value)
      else setMember(open.members, open.name, value)
      if (this.#take(0x2c)) {
        if (open.kind === 'object') open.name = this.#name(open.members)
        return undefined
      }
      if (!this.#take(open.kind === 'array' ? 0x5d : 0x7d)) throw this.#unexpected(open.kind === 'array' ? '"," or "]"' : '"," or "}"')
      this.#open.pop()
      value = open.kind === 'array' ? open.items : open.members
    }
  }

  /** The name of the next member, with its colon. */
  #name(members: Record<string, Json>): string {
    this.#skipSpace()
    if (this.#text.charCodeAt(this.#at) !== 0x22) throw this.#unexpected('a string')
    const name = this.#string()
    if (name === undefined) throw new CountersignError('LIMIT_EXCEEDED', `${this.#what}: want names of at most ${turnLength} characters`)
    if (Object.hasOwn(members, name)) throw this.#malformed(`member ${quote(name)} appears twice`)
    this.#skipSpace()
    if (!this.#take(0x3a)) throw this.#unexpected('":"')
    return name
  }

  /** A string whose end is near; nothing, and nothing is read, where it is not. */
  #string(): string | undefined {
    const start = this.#at
    this.#at++
    const piece = this.#piece()
    if (piece !== undefined && this.#take(0x22)) {
      if (!piece.isWellFormed()) throw this.#halfPair()
      return piece
    }
    this.#at = start
    return undefined
  }

  async #longString(): Promise<string> {
    const pieces: string[] = []
    this.#at++
    while (!this.#take(0x22)) {
      await this.#takeTurn()
      pieces.push(this.#piece())
    }
    const text = pieces.join('')
    if (!text.isWellFormed()) throw this.#halfPair()
    return text
  }

  /** What a string says up to its closing quote, or about as much of it as fits into a turn. */
  #piece(): string {
    const text = this.#text
    const start = this.#at
    const end = Math.min(start + turnLength, text.length)
    let at = start
    let isPlain = true
    for (; at < end; at++) {
      const unit = text.charCodeAt(at)
      if (unit === 0x22) break
      if (unit < 0x20) {
        this.#at = at
        throw this.#unexpected('the rest of a string')
      }
      if (unit !== 0x5c) continue
      isPlain = false
      at += text.charCodeAt(at + 1) === 0x75 ? 5 : 1 // an escape is not torn apart
    }
    this.#at = at
    if (at >= text.length) throw this.#unexpected('the rest of a string')
    const piece = text.slice(start, at)
    if (isPlain) return piece
    try {
      return JSON.parse(`"${piece}"`) as string
    } catch {
      throw this.#malformed('not JSON: a string holds an escape that is none')
    }
  }

  #number(): number {
    let end = this.#at
    while (end - this.#at <= maxNumberLength && isOfNumber(this.#text.charCodeAt(end))) end++
    const token = this.#text.slice(this.#at, end)
    if (token.length > maxNumberLength)
      throw new CountersignError('LIMIT_EXCEEDED', `${this.#what}: want numbers of at most ${maxNumberLength} characters`)
    if (!/^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(token)) throw this.#unexpected('a value')
    this.#at = end
    return Number(token)
  }

  #word<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected(quote(word))
    this.#at += word.length
    return value
  }

  #take(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.#at++
    }
  }

  #unexpected(wanted: string): CountersignError {
    const got = this.#at < this.#text.length ? quote(this.#text.slice(this.#at, this.#at + 1)) : 'the end'
    return this.#malformed(`not JSON: at character ${this.#at}: want ${wanted}, got ${got}`)
  }

  #halfPair(): CountersignError {
    return this.#malformed('a string holds half a surrogate pair')
  }

  #malformed(detail: string): CountersignError {
    return new CountersignError('JSON_MALFORMED', `${this.#what}: ${detail}`)
  }
}

/** In place of a string whose end is not near. */
const longString = Symbol('a long string')

/** Digits, signs, dot and exponent. */
function isOfNumber(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || unit === 0x2d || unit === 0x2e || unit === 0x2b || unit === 0x65 || unit === 0x45
}
