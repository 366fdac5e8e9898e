import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { splitWords } from './words.ts'

/** One instruction with its continued lines joined, comments and here-documents left out. */
export type Instruction = {
  readonly line: number // of its first line, from 1
  readonly keyword: string // in capitals: `FROM`
  readonly rest: string // what follows the keyword, trimmed
}

export type Dockerfile = {
  readonly escapeMark: string // a backslash, or a backtick where `# escape=` says so
  readonly syntax?: string // image of the builder's frontend, `# syntax=`
  readonly instructions: readonly Instruction[]
}

const known = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
)
const withHereDocuments = new Set(['ADD', 'COPY', 'RUN'])

/**
 * Splits a Dockerfile into instructions by the rules of BuildKit's parser. Where a line can be read as an instruction or as
 * part of a here-document, it is an instruction: what is looked at too much is refused, what is passed over is built.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED` with the line, also for an instruction that there is not
 * @see Dockerfile reference: Format, Parser directives, Here-documents
 */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  const strange = lines.findIndex(line => /\r(?!$)/.test(line)) // some builders take all of several off the end, some one
  if (strange >= 0) throw malformed(strange + 1, 'want lines that end with LF or CR LF, got CR alone')
  const directives = readDirectives(lines)
  const escapeMark = directives.get('escape') ?? '\\'
  if (escapeMark !== '\\' && escapeMark !== '`') throw malformed(1, `escape: want \\ or \`, got ${quote(escapeMark)}`)
  const syntax = directives.get('syntax')
  const instructions: Instruction[] = []
  for (let next = 0; next < lines.length; ) {
    const line = next + 1
    const joined = joinContinued(lines, next, escapeMark)
    next = joined.next
    if (joined.text === '') continue
    const instruction = readInstruction(joined.text, line)
    instructions.push(instruction)
    for (const hereDocument of hereDocuments(instruction)) {
      while (next < lines.length && !endsHereDocument(lines[next]!, hereDocument)) next++
      if (next === lines.length)
        throw malformed(line, `here-document: want a line ${quote(hereDocument.terminator)} that ends it, got none`)
      next++
    }
  }
  return { escapeMark, ...(syntax !== undefined && { syntax }), instructions }
}

/** Reads one instruction, as it stands in a file or after ONBUILD. @throws CountersignError `DOCUMENT_MALFORMED` */
export function readInstruction(text: string, line: number): Instruction {
  const [word = ''] = /^[^ \t\v\f\r]*/.exec(text) ?? []
  const keyword = word.toUpperCase()
  if (!known.has(keyword)) throw malformed(line, `want an instruction of a Dockerfile, got ${quote(word)}`)
  return { line, keyword, rest: trimBlanks(text.slice(word.length)) }
}

/** What is wrong with a Dockerfile, and where. */
export function malformed(line: number, problem: string): CountersignError {
  return new CountersignError('DOCUMENT_MALFORMED', `Dockerfile: line ${line}: ${problem}`)
}

const directivePattern = /^#[ \t\f\r]*([a-zA-Z][a-zA-Z0-9]*)[ \t\f\r]*=[ \t\f\r]*(?=[^ \t\f\r])/

/**
 * `# name=value` lines at the very top; anything else, be it a comment, ends them. An escape below a line that only some
 * builders know as a directive would be in force for some and not for others.
 */
function readDirectives(lines: readonly string[]): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  let isDoubtful = false
  for (const [at, line] of lines.entries()) {
    if (at === 0 && line.startsWith('#!')) {
      isDoubtful = true
      continue
    }
    const text = trimBlanks(line)
    const [head, spelled] = directivePattern.exec(text) ?? []
    if (head === undefined || spelled === undefined) break
    const name = spelled.toLowerCase()
    if (name === 'escape' && isDoubtful) throw malformed(at + 1, 'escape: want it in the first line, or below syntax alone')
    if (directives.has(name)) throw malformed(at + 1, `${name}: want it once, got it again`)
    if (name === 'escape' || name === 'syntax') directives.set(name, text.slice(head.length))
    else isDoubtful = true
  }
  return directives
}

/** Joins a line with those that continue it; comments and empty lines between them are passed over. */
function joinContinued(lines: readonly string[], start: number, escapeMark: string): { readonly text: string; readonly next: number } {
  const parts: string[] = []
  let next = start
  for (let continued = true; continued && next < lines.length; next++) {
    const raw = lines[next]!
    const trimmed = trimBlanks(raw)
    if (trimmed === '' || trimmed.startsWith('#')) {
      if (next === start) return { text: '', next: next + 1 }
      continue
    }
    const line = next === start ? raw.slice(raw.indexOf(trimmed)) : raw
    const end = endOfContinued(line, escapeMark)
    continued = end !== undefined
    parts.push(line.slice(0, end))
  }
  return { text: trimBlanks(parts.join('')), next }
}

/** Where the escape stands that continues the line: last but for blanks, and not itself escaped. */
function endOfContinued(line: string, escapeMark: string): number | undefined {
  let end = line.length
  while (line[end - 1] === '\r') end--
  while (line[end - 1] === ' ' || line[end - 1] === '\t') end--
  return line[end - 1] === escapeMark && line[end - 2] !== escapeMark ? end - 1 : undefined
}

type HereDocument = { readonly terminator: string; readonly stripsTabs: boolean }

/**
 * The here-documents that an instruction begins. Doubtful ones are none, so that their lines are read as instructions; so are
 * those that end like an instruction, which a builder that knows no here-documents would take for a file like any other.
 */
function hereDocuments({ keyword, rest, line }: Instruction): readonly HereDocument[] {
  if (!rest.includes('<<')) return []
  if (keyword === 'ONBUILD') return hereDocuments(readInstruction(rest, line))
  if (!withHereDocuments.has(keyword) || rest.startsWith('[') || rest.includes('${')) return []
  const { words, closed } = splitWords(rest, '\\')
  if (!closed) return []
  return words.flatMap(word => {
    const [, dash, name = ''] = /^[0-9]{0,9}<<(-?)(["']?[A-Za-z0-9_.-]+["']?)$/.exec(word) ?? []
    const terminator = name.replace(/^(["'])(.*)\1$/, '$2')
    const doubtful = terminator === '' || /["']/.test(terminator) || known.has(terminator.toUpperCase())
    return doubtful ? [] : [{ terminator, stripsTabs: dash === '-' }]
  })
}

function endsHereDocument(line: string, { terminator, stripsTabs }: HereDocument): boolean {
  let [start, end] = [0, line.length]
  while (line[end - 1] === '\r') end--
  while (stripsTabs && line[start] === '\t') start++
  return line.slice(start, end) === terminator
}

/** Without blanks at either end; only what the builder takes for blanks, for a space of Unicode must not hide a line. */
function trimBlanks(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && ' \t\v\f\r'.includes(text[start]!)) start++
  while (end > start && ' \t\v\f\r'.includes(text[end - 1]!)) end--
  return text.slice(start, end)
}
