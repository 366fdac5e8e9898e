import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'

/** A word of an action. `text` of a string is what it stands for. */
export type Token = { readonly kind: 'field' | 'word' | 'string' | 'mark'; readonly text: string }

/** A template cut at its braces: text, or the words of an action. */
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly source: string }

/**
 * Cuts a template at `{{` and `}}`. `{{- ` and ` -}}` trim the white space around, comments vanish.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED`; `what` begins the message
 * @see Go text/template, "Text and spaces", "Actions"
 */
export function cutTemplate(source: string, what: string): readonly Segment[] {
  const segments: Segment[] = []
  let [rest, trimsStart] = [source, false]
  for (;;) {
    const open = rest.indexOf('{{')
    const text = open === -1 ? rest : rest.slice(0, open)
    const trimsEnd = open !== -1 && /^\{\{-[ \t\r\n]/.test(rest.slice(open, open + 4))
    const trimmed = trim(text, trimsStart, trimsEnd)
    if (trimmed !== '') segments.push({ kind: 'text', text: trimmed })
    if (open === -1) return segments
    const action = cutAction(rest.slice(open + (trimsEnd ? 3 : 2)), what)
    if (action.tokens.length > 0) segments.push({ kind: 'action', tokens: action.tokens, source: action.source })
    else if (!action.isComment) throw malformed(what, 'an action is empty')
    ;[rest, trimsStart] = [action.rest, action.trims]
  }
}

function trim(text: string, start: boolean, end: boolean): string {
  const withoutStart = start ? text.replace(/^[ \t\r\n]+/, '') : text
  return end ? withoutStart.slice(0, withoutStart.length - trailingSpaces(withoutStart)) : withoutStart
}

function trailingSpaces(text: string): number {
  let count = 0
  while (count < text.length && ' \t\r\n'.includes(text[text.length - 1 - count]!)) count++
  return count
}

type Action = {
  readonly tokens: readonly Token[]
  readonly isComment: boolean
  readonly source: string
  readonly rest: string
  readonly trims: boolean
}

const patterns: readonly (readonly [Token['kind'] | 'space' | 'end' | 'comment', RegExp])[] = [
  ['end', /[ \t\r\n]+-\}\}|\}\}/y],
  ['comment', /\/\*[\s\S]*?\*\//y],
  ['space', /[ \t\r\n]+/y],
  ['string', /"(?:[^"\\\r\n]|\\.)*"|`[^`]*`/y],
  ['field', /\.[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_.])/y],
  ['word', /[A-Za-z][A-Za-z0-9_]*/y],
  ['mark', /[().](?![A-Za-z0-9_])|[()]/y],
]

/** Reads from behind `{{` to behind `}}`. */
function cutAction(text: string, what: string): Action {
  const tokens: Token[] = []
  let [at, isComment] = [0, false]
  for (;;) {
    const found = nextOf(text, at)
    if (!found) {
      if (at === text.length) throw malformed(what, 'an action is not closed by }}')
      throw malformed(what, `${quote(text.slice(at, at + 20))} is nothing that templates may hold here`)
    }
    const [kind, matched] = found
    if (kind === 'end')
      return {
        tokens,
        isComment,
        source: text.slice(0, at).trim(),
        rest: text.slice(at + matched.length),
        trims: matched.length > 2,
      }
    if (kind === 'comment') {
      if (tokens.length > 0) throw malformed(what, 'a comment stands beside something else')
      isComment = true
    } else if (kind === 'string') tokens.push({ kind, text: unquote(matched, what) })
    else if (kind !== 'space') tokens.push({ kind, text: matched })
    if (isComment && tokens.length > 0) throw malformed(what, 'a comment stands beside something else')
    at += matched.length
  }
}

function nextOf(text: string, at: number) {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at
    const matched = pattern.exec(text)?.[0]
    if (matched !== undefined) return [kind, matched] as const
  }
  return undefined
}

/** Go's escapes are more than JSON's; those that are not both are refused. */
function unquote(literal: string, what: string): string {
  if (literal.startsWith('`')) return literal.slice(1, -1)
  try {
    return String(JSON.parse(literal))
  } catch {
    throw malformed(what, `${quote(literal)} is no text`)
  }
}

/** A template that is refused. `what` begins the message. */
export function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('CONFIGURATION_MALFORMED', `${what}: template: ${problem}`)
}
