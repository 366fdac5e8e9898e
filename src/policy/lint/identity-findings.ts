import { quoteUpTo } from '../../codec/text.ts'
import type { IdentityMatcher, TextMatcher } from '../../verify/identity.ts'
import { otherAdmitted, type Pattern } from '../../verify/pattern.ts'
import type { FoundAt } from './lint-finding.ts'

/** Texts that have nothing in common: what matches them all matches whatever there is. */
const anybody = ['', 'x', 'mallory@attacker.example', 'https://attacker.example/a/b@refs/heads/main']

/** What patterns of identities admit besides those that they are meant for. `path` is that of the list. */
export function identityFindings(identities: readonly IdentityMatcher[], path: string): readonly FoundAt[] {
  return identities.flatMap(({ issuer, subject }, index) => [
    ...patternFindings(issuer, `${path}[${index}].issuerRegExp`),
    ...patternFindings(subject, `${path}[${index}].subjectRegExp`),
  ])
}

function patternFindings(matcher: TextMatcher | undefined, path: string): readonly FoundAt[] {
  if (!matcher?.pattern || matcher.exact !== undefined) return []
  const { pattern } = matcher
  const shown = quoteUpTo(pattern.source, 400)
  if (anybody.every(pattern.matches)) return [{ code: 'IDENTITY_ANYBODY', path, message: `${shown} admits whoever there is` }]
  const meant = exampleOf(pattern)
  const other = meant === undefined ? undefined : otherAdmitted(pattern, meant)
  const also = other === undefined ? '' : `, and admits ${quoteUpTo(other, 400)}`
  const isAnchored = /^(\^|\\A)/.test(pattern.source) && /(\$|\\z)$/.test(pattern.source)
  if (!isAnchored)
    return [
      {
        code: 'IDENTITY_UNANCHORED',
        path,
        message: `${shown} matches anywhere in the text unless it begins with ^ and ends with $${also}`,
      },
    ]
  if (other !== undefined) return [{ code: 'IDENTITY_BROAD', path, message: `${shown} also admits ${quoteUpTo(other, 400)}` }]
  const confused = meant === undefined ? undefined : dotConfused(pattern, meant)
  if (confused === undefined) return []
  return [
    { code: 'IDENTITY_DOT', path, message: `${shown} also admits ${quoteUpTo(confused, 400)}: a dot is any character unless it is \\.` },
  ]
}

/** Somebody whom a pattern is meant for, where that can be read off it: runs give way to letters, what is escaped stands for itself. */
function exampleOf(pattern: Pattern): string | undefined {
  const bare = pattern.source.replace(/^(\^|\\A)/, '').replace(/(\$|\\z)$/, '')
  const run = bare.startsWith('http') ? 'x/x' : 'x' // of a path: somebody's, and what is theirs
  const text = bare
    .replace(/(?<!\\)\.[*+]\??/g, run)
    .replace(/(?<!\\)\[[^\]]{0,40}\][*+]\??/g, 'x')
    .replace(/\\([^A-Za-z0-9])/g, '$1')
  return text !== '' && pattern.matches(text) ? text : undefined
}

/** The same host with a letter in place of a dot that the pattern leaves open. */
function dotConfused({ matches }: Pattern, meant: string): string | undefined {
  const dots = [...meant.matchAll(/\./g)].slice(0, 50).map(({ index }) => `${meant.slice(0, index)}x${meant.slice(index + 1)}`)
  return dots.find(matches)
}
