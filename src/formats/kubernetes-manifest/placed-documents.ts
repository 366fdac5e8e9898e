import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, Parser, type Scalar } from 'yaml'
import { CountersignError } from '../../codec/error.ts'
import type { Json } from '../../codec/json.ts'
import { isList, isYamlMap, parseYamlDocuments, type YamlValue } from './yaml-documents.ts'

/** The way to a value: keys of maps, and positions in lists. */
export type YamlPlace = readonly (string | number)[]

/** Where something stands in a text: UTF-16 units from its begin, and the line and column of the first, from one. */
export type TextSpot = { readonly start: number; readonly end: number; readonly line: number; readonly column: number }

/** A text value as it is written. */
export type WrittenText = TextSpot & { readonly style: 'plain' | 'single' | 'double' | 'block' }

/** A document of a file, and where in the file its values stand. */
export type PlacedDocument = {
  readonly value: YamlValue
  /** Where a value stands; of one that is not written there, the nearest value around it. */
  readonly spotAt: (place: YamlPlace) => TextSpot
  /** The text value at a place, by way of aliases and merges; nothing where there is none. */
  readonly textAt: (place: YamlPlace) => WrittenText | undefined
}

/**
 * Reads the documents of a file as `parseYamlDocuments` does, and keeps where their values stand, so that they can be told of and replaced.
 *
 * @throws CountersignError as `parseYamlDocuments`
 */
export function parsePlacedDocuments(text: string): readonly PlacedDocument[] {
  const values = parseYamlDocuments(text)
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, stringKeys: true, prettyErrors: false })
  const documents = [...composer.compose(tokensOf(text))]
  const lines = lineStarts(text)
  return values.map((value, index) => {
    const document = documents[index]
    if (!document) throw new CountersignError('DOCUMENT_MALFORMED', `document ${index + 1}: it is not there when it is read again`)
    return {
      value,
      spotAt: place => spotOf(lines, nodesOn(document, place).findLast(isPlaced)?.range ?? document.range),
      textAt: place => {
        const found = nodesOn(document, place)
        const last = found.length === place.length + 1 ? found.at(-1) : undefined
        if (!isScalar(last) || typeof last.value !== 'string' || !isPlaced(last)) return undefined
        return { ...spotOf(lines, last.range), style: styleOf(last) }
      },
    }
  })
}

function* tokensOf(text: string) {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) yield* parser.next(lexeme)
  yield* parser.end()
}

/** The node at each step of a place, from the root on, aliases followed; it ends where the place leads no further. */
function nodesOn(document: Document.Parsed, place: YamlPlace): readonly unknown[] {
  const follow = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node)
  const nodes: unknown[] = [follow(document.contents)]
  for (const part of place) {
    const next = follow(memberOf(nodes.at(-1), part, follow))
    if (next === undefined || next === null) break
    nodes.push(next)
  }
  return nodes
}

function memberOf(node: unknown, part: string | number, follow: (node: unknown) => unknown): unknown {
  if (isSeq(node)) return typeof part === 'number' ? node.items[part] : undefined
  if (!isMap(node)) return undefined
  const memberNamed = (name: string) => node.items.find(({ key }) => isScalar(key) && key.value === name)?.value
  const own = memberNamed(String(part))
  if (own !== undefined) return own
  const merged = follow(memberNamed('<<'))
  for (const other of isSeq(merged) ? merged.items : [merged]) {
    const found = other === undefined ? undefined : memberOf(follow(other), part, follow)
    if (found !== undefined) return found
  }
  return undefined
}

type Range = readonly [start: number, valueEnd: number, nodeEnd: number]

function isPlaced(node: unknown): node is { readonly range: Range } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
}

function styleOf({ type }: Scalar): WrittenText['style'] {
  switch (type) {
    case 'PLAIN':
      return 'plain'
    case 'QUOTE_SINGLE':
      return 'single'
    case 'QUOTE_DOUBLE':
      return 'double'
    default:
      return 'block'
  }
}

function lineStarts(text: string): readonly number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)]
}

function spotOf(lines: readonly number[], [start, end]: Range): TextSpot {
  let [low, high] = [0, lines.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (lines[middle]! <= start) low = middle
    else high = middle - 1
  }
  return { start, end, line: low + 1, column: start - lines[low]! + 1 }
}

/** A value as JSON has it: maps become objects, and what aliases share stays shared. Whole numbers past 2^53 lose digits, as in JSON. */
export function jsonOfYaml(value: YamlValue, made = new Map<YamlValue, Json>()): Json {
  if (typeof value === 'bigint') return Number(value)
  if (!isList(value) && !isYamlMap(value)) return value
  const known = made.get(value)
  if (known !== undefined) return known
  const json: Json = isList(value)
    ? value.map(item => jsonOfYaml(item, made))
    : Object.fromEntries([...value].map(([key, member]) => [key, jsonOfYaml(member, made)]))
  made.set(value, json)
  return json
}
