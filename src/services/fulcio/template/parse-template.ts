import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { type Expression, type FunctionName, type TemplatePart, templateFunctions } from './expression.ts'
import { cutTemplate, malformed, type Segment, type Token } from './tokens.ts'

const limitCharacters = 4096
const maxDepth = 32

/**
 * Reads a template: the part of Go's text/template that certificates need. `{{ .claim }}`, `{{ index . "claim" }}`, constants, `if`, `else
 * if`, `else`, `end`, comments, and the functions eq, ne, and, or, not and printf. Everything else is refused here, so that nothing of a
 * configuration is found wanting when a token comes: variables, loops, pipelines, definitions, other functions.
 *
 * @param what - begins every message: the place in the configuration
 * @throws CountersignError `CONFIGURATION_MALFORMED`, `LIMIT_EXCEEDED` past 4096 characters
 * @see services.md §1.3
 */
export function parseTemplate(source: string, what: string): readonly TemplatePart[] {
  if (source.length > limitCharacters)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want a template of at most ${limitCharacters} characters, got ${source.length}`)
  const segments = new SegmentReader(cutTemplate(source, what), what)
  const { parts, closedBy } = segments.parts(0)
  if (closedBy) throw malformed(what, `${quote(closedBy.source)} closes nothing`)
  return parts
}

type ActionSegment = Extract<Segment, { kind: 'action' }>

class SegmentReader {
  readonly #segments: readonly Segment[]
  readonly #what: string
  #at = 0

  constructor(segments: readonly Segment[], what: string) {
    this.#segments = segments
    this.#what = what
  }

  /** Parts up to an `else` or `end`, which is given back, or to the end. */
  parts(depth: number): { readonly parts: readonly TemplatePart[]; readonly closedBy: ActionSegment | undefined } {
    if (depth > maxDepth) throw malformed(this.#what, `nested more than ${maxDepth} levels deep`)
    const parts: TemplatePart[] = []
    for (let segment = this.#next(); segment; segment = this.#next()) {
      if (segment.kind === 'text') {
        parts.push(segment)
        continue
      }
      const [first, ...rest] = segment.tokens
      if (first?.kind === 'word' && (first.text === 'else' || first.text === 'end')) return { parts, closedBy: segment }
      parts.push(
        first?.kind === 'word' && first.text === 'if'
          ? this.#conditional(rest, depth)
          : { kind: 'output', expression: parseExpression(segment.tokens, this.#what) },
      )
    }
    return { parts, closedBy: undefined }
  }

  #conditional(tokens: readonly Token[], depth: number): TemplatePart {
    const condition = parseExpression(tokens, this.#what)
    const { parts: consequent, closedBy } = this.parts(depth + 1)
    return { kind: 'if', condition, consequent, otherwise: this.#otherwise(closedBy, depth) }
  }

  #otherwise(closedBy: ActionSegment | undefined, depth: number): readonly TemplatePart[] {
    if (!closedBy) throw malformed(this.#what, 'an if has no end')
    const [word, ...rest] = closedBy.tokens
    if (word?.text === 'end') {
      if (rest.length > 0) throw malformed(this.#what, `${quote(closedBy.source)}: want nothing behind end`)
      return []
    }
    if (rest[0]?.kind === 'word' && rest[0].text === 'if') return [this.#conditional(rest.slice(1), depth + 1)] // one end closes both
    if (rest.length > 0) throw malformed(this.#what, `${quote(closedBy.source)}: want nothing or if behind else`)
    const { parts, closedBy: last } = this.parts(depth + 1)
    if (last?.tokens[0]?.text !== 'end' || last.tokens.length > 1) throw malformed(this.#what, 'an else has no end')
    return parts
  }

  #next(): Segment | undefined {
    return this.#segments[this.#at++]
  }
}

function parseExpression(tokens: readonly Token[], what: string): Expression {
  const reader = new TokenReader(tokens, what)
  const expression = reader.expression(0)
  reader.end()
  return expression
}

class TokenReader {
  readonly #tokens: readonly Token[]
  readonly #what: string
  #at = 0

  constructor(tokens: readonly Token[], what: string) {
    this.#tokens = tokens
    this.#what = what
  }

  end(): void {
    const rest = this.#tokens[this.#at]
    if (rest) throw malformed(this.#what, `${quote(rest.text)} is one operand too many`)
  }

  /** A call with its operands, or one operand. */
  expression(depth: number): Expression {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'word' || token.text === 'true' || token.text === 'false') return this.#operand(depth)
    this.#at++
    if (token.text === 'index') return this.#index()
    if (!isFunction(token.text)) throw malformed(this.#what, `${quote(token.text)} is no function that templates may call`)
    const operands: Expression[] = []
    while (this.#at < this.#tokens.length && !this.#isMark(')')) operands.push(this.#operand(depth))
    const [least, most] = templateFunctions[token.text]
    if (operands.length < least || operands.length > most)
      throw malformed(this.#what, `${token.text} wants ${least === most ? least : `${least} to ${most}`} operands, got ${operands.length}`)
    if (token.text === 'printf') checkFormat(operands, this.#what)
    return { kind: 'call', name: token.text, operands }
  }

  #operand(depth: number): Expression {
    if (depth > maxDepth) throw malformed(this.#what, `nested more than ${maxDepth} levels deep`)
    if (this.#isMark('(')) {
      this.#at++
      const inner = this.expression(depth + 1)
      if (!this.#isMark(')')) throw malformed(this.#what, 'a parenthesis is not closed')
      this.#at++
      return inner
    }
    const token = this.#tokens[this.#at++]
    switch (token?.kind) {
      case 'field':
        return { kind: 'field', name: token.text.slice(1) }
      case 'string':
        return { kind: 'constant', value: token.text }
      case 'word':
        if (token.text === 'true' || token.text === 'false') return { kind: 'constant', value: token.text === 'true' }
        throw malformed(this.#what, `${quote(token.text)}: want parentheses around a call among operands`)
      case 'mark':
        throw malformed(this.#what, `${quote(token.text)} cannot stand here`)
      default:
        throw malformed(this.#what, 'want a claim, a text or a call')
    }
  }

  /** `index . "name"`: claims are flat, so there is nothing else to look into. */
  #index(): Expression {
    const isDot = this.#isMark('.')
    const name = this.#tokens[this.#at + 1]
    if (!isDot || name?.kind !== 'string') throw malformed(this.#what, 'index: want . and the name of a claim in quotes')
    this.#at += 2
    return { kind: 'index', name: name.text }
  }

  #isMark(text: string): boolean {
    const token = this.#tokens[this.#at]
    return token?.kind === 'mark' && token.text === text
  }
}

function isFunction(name: string): name is FunctionName {
  return Object.hasOwn(templateFunctions, name)
}

/** Only %s, %v and %% are rendered, and as many of them as there are operands. */
function checkFormat([format, ...operands]: readonly Expression[], what: string): void {
  if (format?.kind !== 'constant' || typeof format.value !== 'string') throw malformed(what, 'printf: want its format in quotes')
  const verbs = format.value.match(/%.?/gs) ?? []
  const other = verbs.find(verb => !['%s', '%v', '%%'].includes(verb))
  if (other !== undefined) throw malformed(what, `printf: want %s, %v or %%, got ${quote(other)}`)
  const wanted = verbs.filter(verb => verb !== '%%').length
  if (wanted !== operands.length) throw malformed(what, `printf: want ${wanted} operands behind the format, got ${operands.length}`)
}
