import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { licenseIds } from './license-ids.ts'

/** A license as somebody stated it: one, or several by `AND` and `OR`. Source: SPDX 2.3, Annex D. */
export type LicenseExpression =
  /** `id` as `canonicalLicenseId` makes it; not known where it is on no list, and nobody can tell what it means. */
  | { readonly kind: 'license'; readonly id: string; readonly isKnown: boolean }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly LicenseExpression[] }

const maxLength = 20_000 // a distribution's package has some hundreds of licenses at most
const maxDepth = 100

/**
 * Parses an SPDX license expression. Ids are compared without regard to case, operators are written in capitals or small letters. What
 * `WITH` adds to a license is checked and left out: the license binds all the same.
 *
 * @returns nothing for text that is no expression: `Apache License 2.0`
 */
export function parseLicenseExpression(text: string): LicenseExpression | undefined {
  const tokens = text.length <= maxLength ? text.match(/[()]|[^\s()]+/g) : undefined
  if (!tokens) return undefined
  try {
    const reader = { tokens, at: 0 }
    const expression = readAlternatives(reader, 0)
    return reader.at === tokens.length ? expression : undefined
  } catch (error) {
    if (error === notAnExpression) return undefined
    throw error
  }
}

const notAnExpression = new Error('not an expression')

type Reader = { readonly tokens: readonly string[]; at: number }

function readAlternatives(reader: Reader, depth: number): LicenseExpression {
  return readOperands(reader, 'or', () => readOperands(reader, 'and', () => readLicense(reader, depth)))
}

function readOperands(reader: Reader, kind: 'and' | 'or', readOperand: () => LicenseExpression): LicenseExpression {
  const operands = [readOperand()]
  while (isWord(reader.tokens[reader.at], kind)) {
    reader.at++
    operands.push(readOperand())
  }
  return operands.length === 1 ? operands[0]! : { kind, operands }
}

function readLicense(reader: Reader, depth: number): LicenseExpression {
  const token = reader.tokens[reader.at++]
  if (token === '(' && depth < maxDepth) {
    const inner = readAlternatives(reader, depth + 1)
    if (reader.tokens[reader.at++] !== ')') throw notAnExpression
    return inner
  }
  if (token === undefined || isOperator(token)) throw notAnExpression
  const license = licenseOf(token)
  if (!license) throw notAnExpression
  if (!isWord(reader.tokens[reader.at], 'with')) return license
  const exception = reader.tokens[reader.at + 1]
  if (exception === undefined || isOperator(exception) || !/^[A-Za-z0-9.-]+$/.test(exception)) throw notAnExpression
  reader.at += 2
  return license
}

function isWord(token: string | undefined, word: string): boolean {
  return token === word || token === word.toUpperCase()
}

function isOperator(token: string): boolean {
  return token === '(' || token === ')' || ['and', 'or', 'with'].some(word => isWord(token, word))
}

/** One license; nothing for what cannot be an id. A `LicenseRef-` is known: it says that it is on no list. */
function licenseOf(token: string): LicenseExpression | undefined {
  if (/^(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+$/i.test(token))
    return { kind: 'license', id: canonicalLicenseId(token), isKnown: true }
  if (!/^[A-Za-z0-9.-]+\+?$/.test(token)) return undefined
  const listed = token.toLowerCase().replace(/\+$/, '')
  return { kind: 'license', id: canonicalLicenseId(token), isKnown: licenseIds.has(listed) || licenseIds.has(`${listed}+`) }
}

/**
 * An id as ids are compared: in small letters, and the GNU licenses by the names they have since version 3 of the list, for `GPL-2.0` is
 * `GPL-2.0-only`, `GPL-2.0+` is `GPL-2.0-or-later`, and `GPL-2.0-with-classpath-exception` is the former with an exception.
 */
export function canonicalLicenseId(id: string): string {
  const lower = id.toLowerCase()
  const gnu = /^((?:a|l)?gpl|gfdl)(-\d+(?:\.\d+)*)((?:-no)?-invariants)?(-only|-or-later|-with-[a-z-]+)?(\+)?$/.exec(lower)
  if (!gnu) return lower
  const [, family, version, invariants = '', ending, plus] = gnu
  return `${family}${version}${invariants}${plus || ending === '-or-later' ? '-or-later' : '-only'}`
}

/**
 * An id that somebody asks for: one of the list, or a `LicenseRef-`.
 *
 * @param what - begins the message
 * @throws CountersignError `USAGE`: what is on no list would be looked for in vain
 */
export function parseLicenseId(text: string, what: string): string {
  const license = licenseOf(text)
  if (license?.kind === 'license' && license.isKnown) return license.id
  throw new CountersignError('USAGE', `${what}: want an id of the SPDX License List or a LicenseRef-, got ${quote(text)}`)
}
