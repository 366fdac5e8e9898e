import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'

/** A value of a configuration file, and where it stands. Maps by name, for names come from outside. */
export type ConfigNode = {
  readonly value: string | number | boolean | null | readonly ConfigNode[] | ReadonlyMap<string, ConfigNode>
  readonly at: string // its path: oidc-issuers["https://issuer.example"].type
  readonly line: number | undefined // from 1
}

const limitCharacters = 1 << 20
const maxAliases = 100

/** `*name:` at the head of a line: the YAML of Go ends the alias at the colon, YAML 1.2 takes it for part of the name. Public files have it. */
const keyByAlias = /^([ \t]*\*[A-Za-z0-9_-]+):(?=[ \t\r\n])/gm

/**
 * Reads the text of a configuration: YAML 1.2 of one document, with anchors and merge keys. JSON is YAML too.
 *
 * @param what - begins every message: the name of the file
 * @throws CountersignError `CONFIGURATION_MALFORMED`, with the line where YAML is broken, `LIMIT_EXCEEDED` past 2^20 characters
 */
export async function parseConfigText(text: string, what: string): Promise<ConfigNode> {
  if (text.length > limitCharacters)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitCharacters} characters, got ${text.length}`)
  const { LineCounter, parseDocument } = await import('yaml')
  const lineCounter = new LineCounter()
  const document = parseDocument(text.replace(keyByAlias, '$1 :'), { lineCounter, merge: true, logLevel: 'silent' })
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem) {
    const line = problem.linePos?.[0].line
    throw new CountersignError(
      'CONFIGURATION_MALFORMED',
      `${what}: line ${line ?? 1}: no YAML: ${quote(problem.message.replace(/ at line[\s\S]*$/, ''))}`,
    )
  }
  const value = readValue(() => document.toJS({ maxAliasCount: maxAliases, mapAsMap: true }), what)
  const lineOf = (path: readonly (string | number)[]): number | undefined => {
    const node = document.getIn(path, true) as { readonly range?: readonly [number, number, number] | null } | undefined
    return node?.range ? lineCounter.linePos(node.range[0]).line : undefined
  }
  return nodeOf(value, what, lineOf)
}

function readValue(read: () => unknown, what: string): unknown {
  try {
    return read()
  } catch (cause) {
    throw new CountersignError('CONFIGURATION_MALFORMED', `${what}: no YAML: ${quote((cause as Error).message)}`, { cause })
  }
}

type LineOf = (path: readonly (string | number)[]) => number | undefined

const maxDepth = 16

function nodeOf(value: unknown, at: string, lineOf: LineOf, path: readonly (string | number)[] = [], above?: number): ConfigNode {
  const line = lineOf(path) ?? above // what an alias stands for is at the alias
  if (path.length > maxDepth) throw new CountersignError('LIMIT_EXCEEDED', `${at}: want at most ${maxDepth} levels`)
  if (Array.isArray(value))
    return { value: value.map((item, index) => nodeOf(item, `${at}[${index}]`, lineOf, [...path, index], line)), at, line }
  if (typeof value === 'object' && value !== null) {
    const members = new Map<string, ConfigNode>()
    for (const [name, member] of value instanceof Map ? value : Object.entries(value)) {
      if (typeof name !== 'string') throw malformedAt({ at, line }, `want names that are text, got ${quote(String(name))}`)
      members.set(name, nodeOf(member, placeOf(at, path.length === 0, name), lineOf, [...path, name], line))
    }
    return { value: members, at, line }
  }
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return { value: value as string, at, line }
  throw malformedAt({ at, line }, 'want a text, a number, a list or a map')
}

function placeOf(at: string, isRoot: boolean, name: string): string {
  const step = /^[A-Za-z0-9_-]+$/.test(name) ? name : `[${quote(name)}]`
  return `${at}${isRoot ? ': ' : step.startsWith('[') ? '' : '.'}${step}`
}

/** A configuration that is refused at one place. */
export function malformedAt({ at, line }: Pick<ConfigNode, 'at' | 'line'>, problem: string): CountersignError {
  return new CountersignError('CONFIGURATION_MALFORMED', `${at}${line === undefined ? '' : ` (line ${line})`}: ${problem}`)
}

/** The members of a map. */
export function mapOf(node: ConfigNode): ReadonlyMap<string, ConfigNode> {
  if (!(node.value instanceof Map)) throw malformedAt(node, 'want a map')
  return node.value
}

/** A text that is not empty. */
export function textOf(node: ConfigNode): string {
  if (typeof node.value !== 'string' || node.value === '') throw malformedAt(node, `want a text that is not empty, got ${shown(node)}`)
  return node.value
}

/** A text; numbers and truth values stand for their spelling, as YAML's readers in Go have it. */
export function scalarOf(node: ConfigNode): string {
  const { value } = node
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw malformedAt(node, `want a text, got ${shown(node)}`)
}

/** True or false. */
export function booleanOf(node: ConfigNode): boolean {
  if (typeof node.value !== 'boolean') throw malformedAt(node, `want true or false, got ${shown(node)}`)
  return node.value
}

function shown({ value }: ConfigNode): string {
  if (value instanceof Map) return 'a map'
  return Array.isArray(value) ? 'a list' : quote(String(value))
}

/**
 * The members of a map by their names in YAML: `client-id`, which JSON calls `ClientID`, in whatever case, as Go reads it.
 *
 * @param names - in kebab case; others are refused
 */
export function fieldsOf<Name extends string>(node: ConfigNode, names: readonly Name[]): ReadonlyMap<Name, ConfigNode> {
  const fields = new Map<Name, ConfigNode>()
  for (const [spelling, member] of mapOf(node)) {
    const name = names.find(known => known === spelling || known.replaceAll('-', '') === spelling.toLowerCase())
    if (name === undefined) throw malformedAt(member, 'no such field')
    if (fields.has(name)) throw malformedAt(member, `the same as ${quote(name)}, which is there already`)
    if (member.value !== null) fields.set(name, member)
  }
  return fields
}
