import { compareBytes } from './bytes.ts'
import { CountersignError, type ErrorCode } from './error.ts'
import { encodeHex } from './hex.ts'
import { decodeUtf8, quote } from './text.ts'

/** Identifier octets of the universal types this project meets, X.680 §8.6; constructed ones carry their 0x20 bit. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const

/** Identifier octet of `[number]`, `constructed` when it wraps other values (EXPLICIT, or IMPLICIT over a SEQUENCE or SET). */
export function contextTag(number: number, form: 'primitive' | 'constructed'): number {
  if (number < 0 || number > 30) throw new RangeError(`context tag ${number} takes more than one octet`)
  return (form === 'constructed' ? 0xa0 : 0x80) | number
}

const maxDepth = 32

/**
 * Reads one DER value that fills `bytes`. Strict, X.690 §10 and §11: definite lengths in the fewest octets, minimal integers, canonical
 * booleans, tags of one octet, at most 32 levels, nothing after the value and nothing unread inside it. One value has one encoding.
 *
 * @param what - begins every message
 * @param read - takes the value from the reader; whatever it leaves is an error
 * @param code - what broken encoding is called here: the code of the format around it
 * @throws CountersignError `code`, `DER_MALFORMED` unless told
 */
export function parseDer<T>(bytes: Uint8Array, what: string, read: (der: DerReader) => T, code: ErrorCode = 'DER_MALFORMED'): T {
  const der = new DerReader({ bytes, what, code }, 0, 0, bytes.length)
  const value = read(der)
  der.end()
  return value
}

/** One value as it lies in the input: views, not copies. */
export type DerElement = {
  readonly tag: number // identifier octet
  readonly content: Uint8Array
  readonly bytes: Uint8Array // identifier, length and content
}

/** What every reader of one parse shares. */
type DerInput = { readonly bytes: Uint8Array; readonly what: string; readonly code: ErrorCode }

/** A cursor over DER values that follow one another. Made by `parseDer`; constructed types hand a new one to their callback. */
export class DerReader {
  readonly #input: DerInput
  readonly #bytes: Uint8Array
  readonly #depth: number
  readonly #end: number
  #at: number

  constructor(input: DerInput, depth: number, at: number, end: number) {
    this.#input = input
    this.#bytes = input.bytes
    this.#depth = depth
    this.#at = at
    this.#end = end
    if (depth > maxDepth) throw this.malformed(`nested more than ${maxDepth} levels deep`)
  }

  /** Identifier octet of the next value, nothing at the end: how optional fields and choices are told apart. */
  get next(): number | undefined {
    return this.#at < this.#end ? this.#bytes[this.#at] : undefined
  }

  /** An error of this reader's code and place, for values that are well encoded but wrong. */
  malformed(problem: string): CountersignError {
    return new CountersignError(this.#input.code, `${this.#input.what}: ${problem}`)
  }

  /** Demands that nothing follows. */
  end(): void {
    const rest = this.#end - this.#at
    if (rest > 0) throw this.malformed(`${rest} bytes after the end of a DER value`)
  }

  /** Any value, its nested values checked for strict encoding too. */
  any(): DerElement {
    const start = this.#at
    return this.#elementOf(start, this.#skip())
  }

  /** A value of this tag whose inside is not looked into: for what is signed or compared as bytes, and read in a second pass. */
  whole(tag: number): DerElement {
    this.#want(tag)
    return this.#element()
  }

  sequence<T>(read: (der: DerReader) => T): T {
    return this.constructed(derTag.sequence, read)
  }

  /** A SET of values that `read` takes; their DER order is checked (X.690 §11.6). */
  set<T>(read: (der: DerReader) => T): T {
    return this.constructed(derTag.set, members => {
      const first = members.#at
      for (let previous: Uint8Array | undefined; members.next !== undefined; ) {
        const { bytes } = members.any()
        if (previous && compareBytes(previous, bytes) > 0) throw this.malformed('members of a SET are not in order')
        previous = bytes
      }
      members.#at = first
      return read(members)
    })
  }

  /** The contents of a value of this constructed tag, `[0]` EXPLICIT for one. */
  constructed<T>(tag: number, read: (der: DerReader) => T): T {
    this.#want(tag)
    const inner = this.#inside(this.#open())
    const value = read(inner)
    inner.end()
    return value
  }

  /** The contents of a value of this primitive tag, for IMPLICIT context tags. */
  primitive(tag: number): Uint8Array {
    return this.#content(tag)
  }

  integer(): bigint {
    const content = this.#integerContent()
    const magnitude = BigInt(`0x${encodeHex(content)}`)
    return content[0]! < 0x80 ? magnitude : magnitude - (1n << BigInt(8 * content.length))
  }

  boolean(): boolean {
    const content = this.#content(derTag.boolean)
    if (content.length !== 1 || (content[0] !== 0x00 && content[0] !== 0xff)) throw this.malformed('a BOOLEAN is neither 00 nor ff')
    return content[0] === 0xff
  }

  /** A `BOOLEAN DEFAULT FALSE`: false where it is left out, and never written so, X.690 §11.5. `name` is that of the field. */
  booleanOrFalse(name: string): boolean {
    if (this.next !== derTag.boolean) return false
    if (!this.boolean()) throw this.malformed(`states the default of "${name}"`)
    return true
  }

  null(): void {
    if (this.#content(derTag.null).length !== 0) throw this.malformed('a NULL has content')
  }

  octetString(): Uint8Array {
    return this.#content(derTag.octetString)
  }

  /** A BIT STRING of whole octets, the only kind that carries keys and signatures. `tag` is for IMPLICIT ones. */
  bitString(tag: number = derTag.bitString): Uint8Array {
    const content = this.#content(tag)
    if (content[0] !== 0) throw this.malformed('a BIT STRING is not made of whole octets')
    return content.subarray(1)
  }

  /** The numbers of the bits that are set in a BIT STRING of named bits, ascending; trailing zeros are left out, X.690 §11.2.2. */
  namedBits(): readonly number[] {
    const content = this.#content(derTag.bitString)
    const [unused, last] = [content[0], content.at(-1)!]
    const isCanonical = content.length === 1 ? unused === 0 : unused !== undefined && unused < 8 && (last & -last) === 1 << unused
    if (!isCanonical) throw this.malformed('a BIT STRING of named bits has bits that are not counted, or zeros at its end')
    return Array.from({ length: 8 * (content.length - 1) }, (_, bit) => bit).filter(bit => content[1 + (bit >> 3)]! & (0x80 >> (bit & 7)))
  }

  /** An OBJECT IDENTIFIER in dotted decimal: `1.2.840.10045.2.1`. */
  oid(): string {
    const content = this.#content(derTag.oid)
    let text = ''
    let [arc, begins] = [0, true]
    for (const octet of content) {
      if (begins && octet === 0x80) throw this.malformed('an OBJECT IDENTIFIER has a padded arc')
      if (arc > 2 ** 45) return this.#oidOfLongArcs(content)
      arc = arc * 128 + (octet & 0x7f)
      begins = octet < 0x80
      if (!begins) continue
      text = text === '' ? rootArcs(arc) : `${text}.${arc}`
      arc = 0
    }
    if (!begins || text === '') throw this.malformed('an OBJECT IDENTIFIER is cut off')
    return text
  }

  /** A UTF8String, PrintableString or IA5String, each held to its own alphabet. */
  text(): string {
    const { tag, content } = this.#element()
    const alphabet = alphabets.get(tag)
    if (!alphabet) throw this.malformed(`want a string, got tag ${hexOctet(tag)}`)
    const text = decodeUtf8(content, this.#input.what, this.#input.code)
    if (!alphabet.pattern.test(text)) throw this.malformed(`${quote(text)} is no ${alphabet.name}`)
    return text
  }

  /**
   * A UTCTime `YYMMDDHHMMSSZ`, whose years are 1950 to 2049, or a GeneralizedTime `YYYYMMDDHHMMSSZ`. RFC 5280 §4.1.2.5: always with
   * seconds, always Z. A GeneralizedTime with a fraction is refused: only timestamps have one, `timeWithFraction`.
   */
  time(): Date {
    const { tag, text } = this.#timeText()
    if (tag === derTag.generalizedTime && /^\d{14}Z$/.test(text)) return this.#calendarTime(text, '')
    if (tag === derTag.utcTime && /^\d{12}Z$/.test(text))
      return this.#calendarTime(`${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`, '')
    throw this.malformed(`want a time as YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ, got ${quote(text)}`)
  }

  /** A GeneralizedTime that may have a fraction without trailing zeros, RFC 3161 §2.4.2; what is below a millisecond is dropped. */
  timeWithFraction(): Date {
    const { tag, text } = this.#timeText()
    const [, whole, fraction = ''] = /^(\d{14})(?:\.(\d{0,8}[1-9]))?Z$/.exec(text) ?? []
    if (tag !== derTag.generalizedTime || whole === undefined)
      throw this.malformed(`want a GeneralizedTime YYYYMMDDHHMMSS[.s]Z, got ${quote(text)}`)
    return this.#calendarTime(`${whole}Z`, fraction)
  }

  /** The same where an arc is past exact numbers, as those made of UUIDs are (2.25): up to 128 bits. */
  #oidOfLongArcs(content: Uint8Array): string {
    const arcs: bigint[] = []
    let [arc, begins] = [0n, true]
    for (const octet of content) {
      if (begins && octet === 0x80) throw this.malformed('an OBJECT IDENTIFIER has a padded arc')
      arc = (arc << 7n) | BigInt(octet & 0x7f)
      if (arc >> 128n !== 0n) throw this.malformed('an OBJECT IDENTIFIER has an arc above 128 bits')
      begins = octet < 0x80
      if (!begins) continue
      arcs.push(arc)
      arc = 0n
    }
    if (!begins) throw this.malformed('an OBJECT IDENTIFIER is cut off')
    const [first, ...rest] = arcs
    return [first! < 80n ? rootArcs(Number(first)) : `2.${first! - 80n}`, ...rest].join('.')
  }

  #timeText(): { readonly tag: number; readonly text: string } {
    const { tag, content } = this.#element()
    if (tag !== derTag.utcTime && tag !== derTag.generalizedTime) throw this.malformed(`want a time, got tag ${hexOctet(tag)}`)
    return { tag, text: decodeUtf8(content.subarray(0, 40), this.#input.what, this.#input.code) }
  }

  #calendarTime(digits: string, fraction: string): Date {
    const [date, clock] = [`${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6, 8)}`, digits.slice(8, 14)]
    const ofDay = `${clock.slice(0, 2)}:${clock.slice(2, 4)}:${clock.slice(4)}`
    const iso = `${date}T${ofDay}.${fraction.padEnd(3, '0').slice(0, 3)}Z`
    const time = new Date(iso)
    if (Number.isNaN(time.getTime()) || time.toISOString() !== iso) throw this.malformed(`${quote(digits)} is no date of the calendar`)
    return time
  }

  #integerContent(): Uint8Array {
    const content = this.#content(derTag.integer)
    const [first, second = 0] = content
    if (first === undefined) throw this.malformed('an INTEGER is empty')
    if (content.length > 1 && ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80)))
      throw this.malformed('an INTEGER is padded')
    return content
  }

  #content(tag: number): Uint8Array {
    this.#want(tag)
    const end = this.#open()
    const content = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return content
  }

  #want(tag: number): void {
    if (this.next === undefined) throw this.malformed(`want tag ${hexOctet(tag)}, got the end`)
    if (this.next !== tag) throw this.malformed(`want tag ${hexOctet(tag)}, got ${hexOctet(this.next)}`)
  }

  #element(): DerElement {
    const start = this.#at
    const end = this.#open()
    const content = this.#at
    this.#at = end
    return this.#elementOf(start, content)
  }

  /** The value from `start` to here. */
  #elementOf(start: number, content: number): DerElement {
    return { tag: this.#bytes[start]!, content: this.#bytes.subarray(content, this.#at), bytes: this.#bytes.subarray(start, this.#at) }
  }

  /** Goes past a value and checks all that is nested in it. Returns where its content begins. */
  #skip(): number {
    const isConstructed = ((this.next ?? 0) & 0x20) !== 0
    const end = this.#open()
    const content = this.#at
    const inner = isConstructed ? this.#inside(end) : undefined
    while (inner?.next !== undefined) inner.#skip()
    this.#at = end
    return content
  }

  /** A reader of the content that begins here, past which this one goes on. */
  #inside(end: number): DerReader {
    const inner = new DerReader(this.#input, this.#depth + 1, this.#at, end)
    this.#at = end
    return inner
  }

  /** Reads identifier and length, so that the content begins here. Returns where it ends. */
  #open(): number {
    const tag = this.#octet()
    if ((tag & 0x1f) === 0x1f) throw this.malformed('a tag takes more than one octet')
    const length = this.#length()
    const end = this.#at + length
    if (end > this.#end) throw this.malformed(`a value of ${length} bytes is cut off`)
    return end
  }

  #length(): number {
    const first = this.#octet()
    if (first < 0x80) return first
    if (first === 0x80) throw this.malformed('a length is indefinite')
    if (first > 0x84) throw this.malformed('a length takes more than four octets')
    let length = 0
    for (let octets = first & 0x7f; octets > 0; octets--) length = length * 256 + this.#octet()
    if (length < 0x80 || length < 256 ** ((first & 0x7f) - 1)) throw this.malformed('a length is padded')
    return length
  }

  #octet(): number {
    const octet = this.next
    if (octet === undefined) throw this.malformed('DER is cut off')
    this.#at++
    return octet
  }
}

const alphabets: ReadonlyMap<number, { readonly name: string; readonly pattern: RegExp }> = new Map([
  [derTag.utf8String, { name: 'UTF8String', pattern: /^/ }],
  [derTag.printableString, { name: 'PrintableString', pattern: /^[A-Za-z0-9 '()+,\-./:=?]*$/ }],
  [derTag.ia5String, { name: 'IA5String', pattern: /^[\x00-\x7f]*$/ }],
])

/** The first two arcs, which share one number. X.690 §8.19.4. */
function rootArcs(first: number): string {
  const root = Math.min(Math.floor(first / 40), 2)
  return `${root}.${first - root * 40}`
}

function hexOctet(octet: number): string {
  return `0x${octet.toString(16).padStart(2, '0')}`
}
