import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { parseJson } from '../../../codec/json.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import type { EntryDigest } from '../kinds/entry-digest.ts'

/** What a log takes for one entry. */
const maxKeys = 64

const maxKeyLength = 512 // nobody searches for a longer name

/** Keys as a log takes them: lower case, each once, the first 64; longer ones than 512 characters are left out. */
export function boundSearchKeys(keys: readonly string[]): readonly string[] {
  return [...new Set(keys.filter(key => key.length <= maxKeyLength).map(key => key.toLowerCase()))].slice(0, maxKeys)
}

/** `sha256:HEX`. */
export function digestKey({ hash, digest }: EntryDigest): string {
  return `${hash}:${encodeHex(digest)}`
}

/** The names of a certificate that entries are searched by: all that are text. services §3.3 */
export function nameKeys(names: readonly GeneralName[]): readonly string[] {
  return names.flatMap(name => (name.kind === 'unsupported' || name.kind === 'directory-name' ? [] : [name.value]))
}

const statementLimit = { bytes: 32 << 20, depth: 128, values: 2_000_000 }

/**
 * Digests of the subjects of an in-toto statement and of the materials of its predicate. A payload that is no such statement has none: it is
 * logged for what it is, and only its signature is checked. services §3.3
 */
export function statementKeys(payload: Uint8Array): readonly string[] {
  try {
    const statement = parseJson(payload, 'statement', statementLimit)
    return [...digestsOf(memberOf(statement, 'subject')), ...digestsOf(memberOf(memberOf(statement, 'predicate'), 'materials'))]
  } catch (cause) {
    if (cause instanceof CountersignError) return []
    throw cause
  }
}

function digestsOf(items: unknown): readonly string[] {
  if (!Array.isArray(items)) return []
  return items.slice(0, maxKeys).flatMap((item: unknown) => {
    const digest = memberOf(item, 'digest')
    if (typeof digest !== 'object' || digest === null) return []
    return Object.entries(digest).flatMap(([algorithm, value]) => (typeof value === 'string' ? [`${algorithm}:${value}`] : []))
  })
}

function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, name)
  return isObject ? (value as { readonly [member: string]: unknown })[name] : undefined
}
