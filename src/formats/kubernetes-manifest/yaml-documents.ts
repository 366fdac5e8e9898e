import { Composer, type CST, type Document, isAlias, isMap, isScalar, isSeq, Lexer, Parser, type Scalar } from 'yaml'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/** A value of a YAML document. Aliases share the value of their anchor, so a value can stand in many places. */
export type YamlValue = string | number | boolean | bigint | null | readonly YamlValue[] | YamlMap
export type YamlMap = ReadonlyMap<string, YamlValue>

const maxLexemes = 1_000_000 // blanks and line ends counted; each becomes a hundred times its size
const maxDepth = 100 // of collections in collections
const maxMerged = 100_000 // keys that `<<` adds: a map of many keys can be merged many times

/**
 * Reads the documents of a YAML or JSON file, as strictly as YAML 1.2 and Kubernetes together: no duplicate keys, no
 * directives, no tags but those of JSON's types, and every line and document begins where both say so. What Kubernetes, which
 * reads YAML 1.1, would take for another value (a merge behind the key it sets, an anchor on a key) is refused.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED` with the line, `LIMIT_EXCEEDED` past 100 levels or a million lexemes
 */
export function parseYamlDocuments(text: string): readonly YamlValue[] {
  checkLineEnds(text)
  checkSeparators(text)
  const tokens = [...readTokens(text)]
  for (const token of tokens) {
    if (token.type === 'directive') throw malformed(text, token.offset, 'want no directive, got one')
    checkDepth(token, text)
  }
  // duplicate keys are looked for below: the composer compares each key with each other
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    stringKeys: true,
    resolveKnownTags: false,
    prettyErrors: false,
  })
  const documents = [...composer.compose(tokens)]
  return documents.map(document => {
    const [problem] = [...document.errors, ...document.warnings]
    if (problem) throw malformed(text, problem.pos[0], `want YAML, got ${problem.code.toLowerCase().replaceAll('_', ' ')}`)
    return new DocumentReader(document, text).read()
  })
}

function* readTokens(text: string): Generator<CST.Token> {
  const parser = new Parser()
  let lexemes = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > maxLexemes)
      throw new CountersignError('LIMIT_EXCEEDED', `manifest: want at most ${maxLexemes} words and marks, got more`)
    yield* parser.next(lexeme)
  }
  yield* parser.end()
}

/** YAML 1.1 ends a line, and with it a comment, at characters that YAML 1.2 reads as text, and passes over byte order marks. */
function checkLineEnds(text: string): void {
  const found = /\r(?!\n)|[\u0085\u2028\u2029]|(?<!^)\uFEFF/.exec(text)
  if (found) throw malformed(text, found.index, `want lines that end with LF or CR LF, got ${quote(found[0])}`)
}

/** Kubernetes ends a document at any line that begins with `---` and drops the rest of that line, which YAML reads. */
function checkSeparators(text: string): void {
  for (const { index, 0: line } of text.matchAll(/^---.*/gm))
    if (!/^---[ \t\r]*(#|$)/.test(line)) throw malformed(text, index, `want nothing but a comment after ---, got ${quote(line)}`)
}

/** Refuses nesting that would exhaust the stack of the composer. */
function checkDepth(token: CST.Token, text: string): void {
  const waiting: { readonly token: CST.Token; readonly depth: number }[] = [{ token, depth: 0 }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { token, depth } = next
    if (depth > maxDepth)
      throw new CountersignError(
        'LIMIT_EXCEEDED',
        `${place(text, token.offset)}: want at most ${maxDepth} levels of lists and maps, got more`,
      )
    if (token.type === 'document' && token.value) waiting.push({ token: token.value, depth })
    if (!('items' in token)) continue
    for (const { key, value } of token.items) for (const inner of [key, value]) if (inner) waiting.push({ token: inner, depth: depth + 1 })
  }
}

/** Turns the nodes of one document into values, in order, so that an anchor is known before its aliases. */
class DocumentReader {
  readonly #document: Document.Parsed
  readonly #text: string
  readonly #anchors = new Map<string, YamlValue | undefined>() // undefined: we are inside it
  #merged = 0

  constructor(document: Document.Parsed, text: string) {
    this.#document = document
    this.#text = text
  }

  read(): YamlValue {
    return this.#valueOf(this.#document.contents)
  }

  #valueOf(node: unknown): YamlValue {
    if (node === null) return null
    if (isAlias(node)) {
      const value = this.#anchors.get(node.source)
      if (value === undefined) throw this.#malformed(node, `want an alias of an anchor that is complete, got ${quote(node.source)}`)
      return value
    }
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) throw this.#malformed({}, 'want a value, got something else')
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, undefined)
    const value = isMap(node)
      ? this.#mapOf(node.items)
      : isSeq(node)
        ? node.items.map(item => this.#valueOf(item))
        : this.#scalarOf(node.value, node)
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, value)
    return value
  }

  #scalarOf(value: unknown, node: Positioned): YamlValue {
    if (value === null) return null
    switch (typeof value) {
      case 'string':
      case 'number':
      case 'boolean':
      case 'bigint':
        return value
      default:
        throw this.#malformed(node, 'want text, a number, true, false or null, got something else')
    }
  }

  /**
   * `<<` merges: keys of the map itself win, then those of earlier maps in the list. Kubernetes lets the later of both win, so
   * that `<<` has to stand ahead of what it could set.
   */
  #mapOf(pairs: readonly { readonly key: unknown; readonly value: unknown }[]): YamlMap {
    const map = new Map<string, YamlValue>()
    let merged: readonly YamlMap[] | undefined
    for (const { key: node, value } of pairs) {
      const key = isScalar(node) ? node.value : undefined
      if (!isScalar(node) || typeof key !== 'string') throw this.#malformed(node, 'want text as a key, got something else')
      if (node.anchor !== undefined) throw this.#malformed(node, `want no anchor on a key, got ${quote(node.anchor)}`)
      if (map.has(key) || (key === '<<' && merged)) throw this.#malformed(node, `want each key once, got ${quote(key)} again`)
      if (key === '<<') merged = this.#mergedMaps(node, value, map)
      else map.set(key, this.#valueOf(value))
    }
    for (const other of merged ?? []) {
      this.#merged += other.size
      if (this.#merged > maxMerged)
        throw new CountersignError('LIMIT_EXCEEDED', `manifest: want at most ${maxMerged} keys merged by <<, got more`)
      for (const [key, value] of other) if (!map.has(key)) map.set(key, value)
    }
    return map
  }

  #mergedMaps(mark: Scalar, node: unknown, before: YamlMap): readonly YamlMap[] {
    const value = this.#valueOf(node)
    const maps = isList(value) ? value : [value]
    if (mark.type !== 'PLAIN') throw this.#malformed(mark, 'want << without quotes, got it with them')
    if (!maps.every(isYamlMap)) throw this.#malformed(node, 'want a map to merge by <<, got something else')
    const twice = [...before.keys()].find(key => maps.some(map => map.has(key)))
    if (twice !== undefined) throw this.#malformed(mark, `want << ahead of what it merges, got ${quote(twice)} before it`)
    return maps
  }

  #malformed(node: unknown, problem: string): CountersignError {
    return malformed(this.#text, (node as Positioned | null)?.range?.[0] ?? 0, problem)
  }
}

type Positioned = { readonly range?: readonly [number, number, number] | null | undefined }

/** Whether a value is a map. */
export function isYamlMap(value: YamlValue | undefined): value is YamlMap {
  return value instanceof Map
}

/** Whether a value is a list. */
export function isList(value: YamlValue | undefined): value is readonly YamlValue[] {
  return Array.isArray(value)
}

function malformed(text: string, offset: number, problem: string): CountersignError {
  return new CountersignError('DOCUMENT_MALFORMED', `${place(text, offset)}: ${problem}`)
}

function place(text: string, offset: number): string {
  return `manifest: line ${text.slice(0, offset).split('\n').length}`
}
