import { CountersignError } from '../../codec/error.ts'

/** How a registry asks for credentials. Parameter names are in lower case; values are as sent, untrusted. */
export type Challenge = { readonly scheme: string; readonly parameters: ReadonlyMap<string, string> }

const headerLimit = 16 << 10
const challengeLimit = 16
const parameterLimit = 16

// sticky patterns: each is matched where reading stands; a token is RFC 9110 §5.6.2
const schemePattern = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?=[ ,]|$)/y
const parameterPattern = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-][^ ,]*))/y
const parameterAhead = /[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=(?![=,]|[ \t]*$)/y
const token68Pattern = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y
const blankPattern = /[ \t]*/y
const separatorPattern = /[ \t]*,[ \t,]*/y

/**
 * Parses the WWW-Authenticate fields of an answer, joined by commas as fetch joins them: several challenges, each with
 * `name=value` parameters, quoted or not, or one opaque token68.
 *
 * @throws CountersignError `REGISTRY_RESPONSE_MALFORMED`; a parameter given twice is refused, as readers would differ on which counts
 * @see RFC 9110 §11.6.1
 */
export function parseChallenges(header: string, what: string): Challenge[] {
  const wrong = (want: string): CountersignError =>
    new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: WWW-Authenticate: want ${want}`)
  if (header.length > headerLimit) throw wrong(`at most ${headerLimit} characters`)
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(header)
    if (match) at += match[0].length
    return match
  }
  take(/[ \t,]*/y)
  while (at < header.length) {
    const scheme = take(schemePattern)?.[1]
    if (scheme === undefined) throw wrong('an authentication scheme')
    if (challenges.length === challengeLimit) throw wrong(`at most ${challengeLimit} challenges`)
    const parameters = new Map<string, string>()
    challenges.push({ scheme: scheme.toLowerCase(), parameters })
    take(blankPattern)
    if (!startsParameter(header, at)) take(token68Pattern)
    while (startsParameter(header, at)) {
      const [, name, quoted, plain] = take(parameterPattern) ?? []
      if (name === undefined) throw wrong('a parameter with a value')
      if (parameters.has(name.toLowerCase())) throw wrong(`parameter ${name} once`)
      if (parameters.size === parameterLimit) throw wrong(`at most ${parameterLimit} parameters`)
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain!)
      if (!take(separatorPattern)) break
    }
    take(/[ \t,]*/y)
  }
  return challenges
}

/** Whether a parameter follows, not the scheme of the next challenge: its name is followed by `=`. */
function startsParameter(header: string, at: number): boolean {
  parameterAhead.lastIndex = at
  return parameterAhead.test(header)
}
