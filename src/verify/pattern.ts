import { RE2JS } from 're2js'
import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'

/** A pattern from outside, matched in time linear in the text. It is not anchored: it matches where any part of the text does. */
export type Pattern = {
  readonly source: string
  readonly size: number // instructions it is compiled to: each may be taken once for each character of a text
  readonly matches: (text: string) => boolean
}

/** Characters of a pattern at most: a repetition is unrolled when it is compiled. */
const limitCharacters = 4096

/**
 * Compiles a pattern in the syntax of RE2, as cosign's flags take it.
 *
 * @param what - begins the message: the flag or the place in a policy
 * @throws CountersignError `PATTERN_MALFORMED`, `LIMIT_EXCEEDED`
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function parsePattern(source: string, what: string): Pattern {
  if (source.length > limitCharacters)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want a pattern of at most ${limitCharacters} characters, got ${source.length}`)
  try {
    const compiled = RE2JS.compile(source)
    return { source, size: compiled.programSize(), matches: text => compiled.matcher(text).find() }
  } catch (cause) {
    throw new CountersignError(
      'PATTERN_MALFORMED',
      `${what}: want a pattern of RE2, got ${quote(source)}: ${quote(String((cause as Error).message))}`,
    )
  }
}

/**
 * Somebody else whom a pattern admits too, where one is easily found: the text inside another address, its owner or host another's.
 * It shows what a pattern without anchors lets in; nothing is returned for one that admits none of these.
 *
 * @param text - an identity or issuer that the pattern is meant for
 */
export function otherAdmitted({ matches }: Pattern, text: string): string | undefined {
  return others(text, matches).find(matches)
}

function others(text: string, matches: Pattern['matches']): readonly string[] {
  const [, scheme, host, path = ''] = /^(https?:\/\/)([^/]+)(\/.*)?$/.exec(text) ?? []
  if (scheme && host) {
    const [, owner, rest] = /^\/([^/]+)(\/.+)$/.exec(path) ?? []
    const elsewhere = [`https://attacker.example/?${text}`, `${scheme}${host}.attacker.example${path}`]
    return owner
      ? [...elsewhere, ...['attacker', `${owner}-attacker`, `attacker-${owner}`].map(name => `${scheme}${host}/${name}${rest}`)]
      : elsewhere
  }
  const domain = /@(.+)$/.exec(text)?.[1]
  const isAnybody = domain !== undefined && matches(`x9@${domain}`) // a pattern for a whole domain means all who are in it
  return [`${text}.attacker.example`, ...(isAnybody ? [] : [`attacker${text}`])]
}
