import { encodeHex } from '../../../codec/hex.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'

/**
 * A text that is the same for the same content: of plain data, with bytes, dates, maps, sets, URLs, certificates (by their DER) and patterns
 * (by their source) in it. It is a SHA-256 in hex.
 *
 * @throws TypeError for anything else, a function above all: what cannot be compared must not count as equal
 */
export function contentKey(value: unknown): string {
  return encodeHex(sha256(encodeUtf8(JSON.stringify(describe(value)))))
}

/** Each kind of value under a name of its own, so that no two kinds have one text. */
function describe(value: unknown): unknown {
  if (value === undefined) return { absent: true }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : { number: String(value) }
  if (typeof value === 'bigint') return { whole: String(value) }
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} has no content to compare`)
  if (value instanceof Uint8Array) return { bytes: encodeHex(value) }
  if (value instanceof Date) return { time: value.getTime() }
  if (value instanceof URL) return { url: value.href }
  if (value instanceof Map) return { map: [...value].map(([name, member]) => [describe(name), describe(member)]).sort(byText) }
  if (value instanceof Set) return { set: [...value].map(describe).sort(byText) }
  if (Array.isArray(value)) return { list: value.map(describe) }
  if ('der' in value && value.der instanceof Uint8Array) return { der: encodeHex(value.der) }
  if ('source' in value && 'matches' in value && typeof value.source === 'string') return { pattern: value.source }
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return { members: members.map(([name, member]) => [name, describe(member)]).sort(byText) }
}

function byText(one: unknown, other: unknown): number {
  const [first, second] = [JSON.stringify(one), JSON.stringify(other)]
  return first < second ? -1 : first > second ? 1 : 0
}
