import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { parseJson, readArray, readAs, readObject, readObjectOf, readString } from '../codec/json.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { type PublicKey, parsePublicKeyPem, publicKeyOctets } from '../crypto/public-key.ts'
import { formatTime, readTime } from '../formats/rfc3339.ts'
import { openValidity, type Validity } from './validity.ts'

/** A key that is trusted as it is: always, or for what was signed while it was valid. */
export type TrustedKey = PublicKey & {
  readonly validFor?: Validity
  readonly name?: string // what a key set calls it, for people
}

/** One entry of a key set: a key, or where keys are kept. */
export type KeySetEntry = {
  readonly name: string | undefined
  readonly validFor: Validity | undefined
} & ({ readonly kind: 'key'; readonly key: PublicKey } | { readonly kind: 'reference'; readonly reference: string })

/** Keys that follow one another, each with the time in which its signatures were made. Our own format: docs/kms/rotation.md. */
export type KeySet = readonly [KeySetEntry, ...KeySetEntry[]]

export const keySetMediaType = 'application/vnd.countersign.keyset.v1+json'

const keySetLimitBytes = 64 << 10
const maxKeys = 100
const maxTextLength = 2_048
const entryMembers = ['name', 'publicKey', 'ref', 'validFor']

/** Whether the bytes of a key are a key set's: JSON, which no PEM file begins as. */
export function looksLikeKeySet(bytes: Uint8Array): boolean {
  const first = bytes.find(byte => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)
  return first === 0x7b
}

/**
 * Parses a key set: 1 to 100 entries, at most 64 KiB. Unknown members are refused, and so is a key that is in it twice: of two times
 * nobody could tell which holds.
 *
 * @param what - begins every message: `key "release-keys.json"`
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED`, `MATERIAL_UNSUPPORTED` or `LIMIT_EXCEEDED`
 */
export function parseKeySet(bytes: Uint8Array, what: string): KeySet {
  return readAs('KEY_MALFORMED', what, () => {
    const json = parseJson(bytes, what, { bytes: keySetLimitBytes })
    const { mediaType } = readObject(json, what)
    if (mediaType !== keySetMediaType)
      throw new CountersignError(
        'KEY_MALFORMED',
        `${what}: want a PEM public key or a key set with mediaType ${quote(keySetMediaType)}, got JSON with ${typeof mediaType === 'string' ? quote(mediaType) : 'none'}`,
      )
    const set = readObjectOf(json, what, ['mediaType', 'keys'])
    const [first, ...others] = readArray(set['keys'], `${what}: keys`, maxKeys, readEntry)
    if (!first) throw new CountersignError('KEY_MALFORMED', `${what}: keys: want at least one key, got none`)
    const keys: KeySet = [first, ...others]
    checkDistinct(
      keys.map(entry => (entry.kind === 'key' ? [entry.key] : [])),
      what,
    )
    return keys
  })
}

/**
 * Demands that no key belongs to two entries of a key set.
 *
 * @param entries - the keys of each
 * @throws CountersignError `KEY_MALFORMED`
 */
export function checkDistinct(entries: readonly (readonly PublicKey[])[], what: string): void {
  const seen = new Map<string, number>()
  for (const [index, keys] of entries.entries())
    for (const key of keys) {
      const name = encodeHex(publicKeyOctets(key)) // and not its id: an RSA key has another one for PSS alone
      const earlier = seen.get(name)
      if (earlier !== undefined && earlier !== index)
        throw new CountersignError('KEY_MALFORMED', `${what}: want each key once, but keys[${earlier}] and keys[${index}] are the same key`)
      seen.set(name, index)
    }
}

function readEntry(value: unknown, at: string): KeySetEntry {
  const entry = readObjectOf(value, at, entryMembers)
  const { publicKey, ref } = entry
  if ((publicKey === undefined) === (ref === undefined))
    throw new CountersignError('KEY_MALFORMED', `${at}: want one of publicKey and ref, got ${ref === undefined ? 'neither' : 'both'}`)
  const facts = {
    name: entry['name'] === undefined ? undefined : readText(entry['name'], `${at}.name`),
    validFor: entry['validFor'] === undefined ? undefined : readKeyValidity(entry['validFor'], `${at}.validFor`),
  }
  if (publicKey === undefined) return { ...facts, kind: 'reference', reference: readText(ref, `${at}.ref`) }
  return { ...facts, kind: 'key', key: parsePublicKeyPem(encodeUtf8(readString(publicKey, `${at}.publicKey`)), `${at}.publicKey`) }
}

function readText(value: unknown, at: string): string {
  const text = readString(value, at)
  if (text === '') throw new CountersignError('KEY_MALFORMED', `${at}: want a text, got an empty one`)
  if (text.length > maxTextLength)
    throw new CountersignError('LIMIT_EXCEEDED', `${at}: want at most ${maxTextLength} characters, got ${text.length}`)
  return text
}

/** Unlike what an authority is trusted for, a key may have an end alone: whoever retires one seldom knows when it was made. */
function readKeyValidity(value: unknown, at: string): Validity {
  const { start, end } = readObjectOf(value, at, ['start', 'end'])
  if (start === undefined && end === undefined)
    throw new CountersignError(
      'KEY_MALFORMED',
      `${at}: want a start, an end or both, got neither; a key that is always valid has no validFor`,
    )
  const validity = {
    start: start === undefined ? openValidity.start : readTime(start, `${at}.start`),
    end: end === undefined ? undefined : readTime(end, `${at}.end`),
  }
  if (validity.end && validity.end < validity.start)
    throw new CountersignError(
      'KEY_MALFORMED',
      `${at}: want an end after the start, got ${formatTime(validity.start)} to ${formatTime(validity.end)}`,
    )
  return validity
}
