import { quote } from '../../codec/text.ts'

/**
 * Splits a line into words at blanks outside quotes. Quotes and escapes are kept, as `expandWord` wants them.
 *
 * @returns `closed` is false when a quote is open at the end: its word goes on to the end of the line
 */
export function splitWords(line: string, escapeMark: string): { readonly words: readonly string[]; readonly closed: boolean } {
  const words: string[] = []
  let start = -1 // of the word we are in
  let open = ''
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!
    if (open === '' && ' \t\v\f\r'.includes(character)) {
      if (start >= 0) words.push(line.slice(start, at))
      start = -1
      continue
    }
    if (start < 0) start = at
    if (character === escapeMark && open !== "'") at++
    else if (open !== '') open = character === open ? '' : open
    else if (character === '"' || character === "'") open = character
  }
  if (start >= 0) words.push(line.slice(start))
  return { words, closed: open === '' }
}

/** How variables of a word become text. */
export type Expansion = {
  readonly escapeMark: string
  /** Value of a variable, empty where it is set to nothing; undefined where nobody sets it. */
  readonly lookup: (name: string) => string | undefined
  /** What to throw for a variable that nobody sets. */
  readonly missing: (name: string, hint?: string) => Error
  /** What to throw for a word that cannot be read, or whose value grows past all bounds. */
  readonly malformed: (problem: string) => Error
}

const maxLength = 4096 // of a value; an image name has at most 1,024 characters
const maxDepth = 16 // of `${A:-${B:-…}}`

/**
 * Value of a word: quotes and escapes taken away, `$A`, `${A}`, `${A:-word}`, `${A-word}`, `${A:+word}`, `${A+word}`,
 * `${A:?hint}` and `${A?hint}` replaced. A variable that nobody sets is an error, where a build would take it for empty.
 *
 * @see Dockerfile reference: Environment replacement
 */
export function expandWord(word: string, expansion: Expansion): string {
  return new WordReader(word, expansion).read()
}

/** Reads a word from left to right, each character once. */
class WordReader {
  readonly #word: string
  readonly #expansion: Expansion
  #at = 0
  #length = 0

  constructor(word: string, expansion: Expansion) {
    this.#word = word
    this.#expansion = expansion
  }

  read(): string {
    return this.#readUntil('', 0, true)
  }

  /** Reads up to `end`, which is passed over: a quote, a brace, or nothing for the end of the word. Where not `live`, nothing is looked up. */
  #readUntil(end: '' | '"' | '}', depth: number, live: boolean): string {
    const { escapeMark, malformed } = this.#expansion
    const parts: string[] = []
    for (;;) {
      const character = this.#word[this.#at]
      if (character === undefined) {
        if (end === '') return parts.join('')
        throw malformed(`want ${end} to end what began, got the end of ${quote(this.#word)}`)
      }
      this.#at++
      if (character === end) return parts.join('')
      if (character === escapeMark) parts.push(this.#readEscaped(end === '"'))
      else if (character === '$') parts.push(this.#readVariable(depth, live))
      else if (character === '"') parts.push(this.#readUntil('"', this.#deeper(depth), live))
      else if (character === "'" && end !== '"') parts.push(this.#readSingleQuoted())
      else parts.push(this.#bounded(character))
    }
  }

  /** Inside double quotes only a quote, a dollar and the escape itself can be escaped; before others it stands for itself. */
  #readEscaped(quoted: boolean): string {
    const { escapeMark } = this.#expansion
    const next = this.#word[this.#at++] ?? ''
    return quoted && next !== '"' && next !== '$' && next !== escapeMark ? `${escapeMark}${next}` : next
  }

  #readSingleQuoted(): string {
    const end = this.#word.indexOf("'", this.#at)
    if (end < 0) throw this.#expansion.malformed(`want ' to end what began, got the end of ${quote(this.#word)}`)
    const text = this.#word.slice(this.#at, end)
    this.#at = end + 1
    return this.#bounded(text)
  }

  #readVariable(depth: number, live: boolean): string {
    const { lookup, missing, malformed } = this.#expansion
    const braced = this.#word[this.#at] === '{'
    if (braced) this.#at++
    const name = this.#readName()
    if (name === '') throw malformed(`want the name of a variable after $, got ${quote(this.#word)}`)
    const value = live ? lookup(name) : ''
    if (!braced || this.#word[this.#at] === '}') {
      if (braced) this.#at++
      if (value === undefined) throw missing(name)
      return this.#bounded(value)
    }
    const colon = this.#word[this.#at] === ':'
    if (colon) this.#at++
    const operator = this.#word[this.#at++] ?? ''
    const isSet = value !== undefined && !(colon && value === '')
    if (operator === '-') {
      const word = this.#readUntil('}', this.#deeper(depth), live && !isSet)
      return isSet ? this.#bounded(value) : word
    }
    if (operator === '+') {
      const word = this.#readUntil('}', this.#deeper(depth), live && isSet)
      return isSet ? word : ''
    }
    if (operator !== '?') throw malformed(`want } or one of :- - :+ + :? ? after \${${name}, got ${quote(this.#word)}`)
    const hint = this.#readUntil('}', this.#deeper(depth), live && !isSet)
    if (live && !isSet) throw missing(name, hint)
    return this.#bounded(value ?? '')
  }

  #readName(): string {
    const start = this.#at
    while (/[A-Za-z0-9_]/.test(this.#word[this.#at] ?? '')) this.#at++
    const name = this.#word.slice(start, this.#at)
    return /^[0-9]/.test(name) ? '' : name
  }

  #deeper(depth: number): number {
    if (depth === maxDepth) throw this.#expansion.malformed(`want at most ${maxDepth} levels of quotes and braces`)
    return depth + 1
  }

  /** Variables made of variables double with every line; an image name does not. */
  #bounded(text: string): string {
    this.#length += text.length
    if (this.#length > maxLength) throw this.#expansion.malformed(`want a value of at most ${maxLength} characters`)
    return text
  }
}
