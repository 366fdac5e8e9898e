import { decodeBase64 } from '../../codec/base64.ts'
import { encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { type Json, type JsonObject, readAs, readObject, readSafeInteger, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { keyOid } from '../../crypto/algorithm-identifier.ts'
import type { HashName } from '../../crypto/digest.ts'
import { encodeSpki, type PublicKey, parsePublicKeyDer, parsePublicKeyPem } from '../../crypto/public-key.ts'
import { parseTime } from '../../formats/rfc3339.ts'
import type { KeyVersion, SigningVersion } from '../remote/remote-key.ts'

/** A key as the transit secrets engine describes it, of a type that we sign with. */
export type TransitKey = {
  readonly type: TransitType
  readonly latest: number
  /** Versions below it verify and do not sign. */
  readonly firstThatSigns: number
  readonly isDeleted: boolean // softly: it may come back
  /** Newest first; those that are hidden without a public key. */
  readonly versions: readonly (KeyVersion & { readonly number: number })[]
}

type TransitType = {
  readonly algorithm: PublicKey['algorithm']
  readonly bits: number
  readonly scheme: SigningVersion['scheme']
  readonly hash: HashName | undefined
  readonly hashInPath: string | undefined // as the interface names it
}

/** Types of keys that sign what Sigstore allows, each with the hash that cosign uses with such keys. Formats-and-flows §1.2. */
const types: ReadonlyMap<string, TransitType> = new Map([
  ['ecdsa-p256', { algorithm: 'ecdsa-p256', bits: 256, scheme: 'ecdsa', hash: 'sha256', hashInPath: 'sha2-256' }],
  ['ecdsa-p384', { algorithm: 'ecdsa-p384', bits: 384, scheme: 'ecdsa', hash: 'sha384', hashInPath: 'sha2-384' }],
  ['ecdsa-p521', { algorithm: 'ecdsa-p521', bits: 521, scheme: 'ecdsa', hash: 'sha512', hashInPath: 'sha2-512' }],
  ['rsa-2048', { algorithm: 'rsa', bits: 2048, scheme: 'rsa-pkcs1v15', hash: 'sha256', hashInPath: 'sha2-256' }],
  ['rsa-3072', { algorithm: 'rsa', bits: 3072, scheme: 'rsa-pkcs1v15', hash: 'sha256', hashInPath: 'sha2-256' }],
  ['rsa-4096', { algorithm: 'rsa', bits: 4096, scheme: 'rsa-pkcs1v15', hash: 'sha256', hashInPath: 'sha2-256' }],
  ['ed25519', { algorithm: 'ed25519', bits: 256, scheme: 'ed25519', hash: undefined, hashInPath: undefined }],
] as const)

const versionsLimit = 1000

/**
 * Reads `data` of what `GET /ENGINE/keys/NAME` answers. Versions below `min_decryption_version`, which neither sign nor verify, are listed
 * as disabled, those that were trimmed as destroyed, a thousand versions at most.
 *
 * @param what - begins messages
 * @throws CountersignError `KEY_UNSUPPORTED` for types and uses that we refuse, `KMS_RESPONSE_MALFORMED`
 * @see the documentation of the transit secrets engine, "Read key"
 */
export function readTransitKey(data: JsonObject, what: string): TransitKey {
  return readAs('KMS_RESPONSE_MALFORMED', what, () => {
    const typeName = readString(data['type'], `${what}: type`)
    const type = types.get(typeName)
    if (!type) throw unsupported(what, `want a key of type ${[...types.keys()].join(', ')}, got ${quote(typeName)}`)
    if (readFlag(data, 'derived', what))
      throw unsupported(what, 'it is derived: each context has a key of its own, so there is none to verify with')
    const latest = readSafeInteger(data['latest_version'], `${what}: latest_version`)
    const firstShown = readSafeInteger(data['min_decryption_version'] ?? 1, `${what}: min_decryption_version`)
    const firstKept = readSafeInteger(data['min_available_version'] ?? 0, `${what}: min_available_version`)
    const firstThatSigns = readSafeInteger(data['min_encryption_version'] ?? 0, `${what}: min_encryption_version`)
    const isDeleted = readFlag(data, 'soft_deleted', what)
    const shown = readShown(data['keys'], type, latest, isDeleted, what)
    const hidden: TransitKey['versions'][number][] = []
    for (let number = Math.min(firstShown - 1, latest); number >= 1 && shown.length + hidden.length < versionsLimit; number--)
      hidden.push({ number, id: String(number), state: number < firstKept ? 'destroyed' : 'disabled' })
    const all = [...shown, ...hidden.filter(({ number }) => !shown.some(one => one.number === number))]
    if (all[0]?.number !== latest) throw malformed(what, `want its latest version ${latest} among its versions`)
    return { type, latest, firstThatSigns, isDeleted, versions: all }
  })
}

function readShown(value: Json | undefined, type: TransitType, latest: number, isDeleted: boolean, what: string): TransitKey['versions'] {
  const members = Object.entries(readObject(value, `${what}: keys`))
  if (members.length > versionsLimit) throw malformed(what, `want at most ${versionsLimit} versions, got ${members.length}`)
  return members
    .map(([id, member]) => {
      if (!/^[1-9][0-9]{0,8}$/.test(id) || Number(id) > latest) throw malformed(what, `want versions from 1 to ${latest}, got ${quote(id)}`)
      const at = `${what}, version ${id}`
      const version = readObject(member, at)
      return {
        number: Number(id),
        id,
        state: isDeleted ? ('disabled' as const) : ('enabled' as const),
        createdAt: readTime(version['creation_time'], at),
        publicKey: readPublicKey(readString(version['public_key'], `${at}: public_key`), type, at),
      }
    })
    .sort((a, b) => b.number - a.number)
}

/** PEM, but of Ed25519 its 32 bytes in base64. */
function readPublicKey(text: string, type: TransitType, at: string): PublicKey {
  const key = parseAnswered(at, () =>
    type.algorithm === 'ed25519'
      ? parsePublicKeyDer(encodeSpki(encodeDerSequence(encodeDerOid(keyOid.ed25519)), decodeBase64(text, at)), at)
      : parsePublicKeyPem(encodeUtf8(text), at),
  )
  if (key.algorithm !== type.algorithm || key.bits !== type.bits)
    throw malformed(at, `want a public key of its type, ${type.algorithm} of ${type.bits} bits, got ${key.algorithm} of ${key.bits} bits`)
  return key
}

/** A key that breaks its format is the server's fault, not that of a file. */
function parseAnswered(at: string, parse: () => PublicKey): PublicKey {
  try {
    return parse()
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'KEY_MALFORMED')
      throw malformed(at, cause.message.replace(`${at}: `, ''), cause)
    throw cause
  }
}

/** Servers write their own time zone. */
function readTime(value: Json | undefined, at: string): Date {
  const text = readString(value, `${at}: creation_time`)
  const time = parseTime(text)
  if (!time) throw malformed(at, `creation_time: want an RFC 3339 time, got ${quote(text)}`)
  return time
}

function readFlag(data: JsonObject, name: string, what: string): boolean {
  const value = data[name] ?? false // older servers know fewer of them
  if (typeof value !== 'boolean') throw malformed(what, `${name}: want true or false, got ${quote(JSON.stringify(value))}`)
  return value
}

function malformed(what: string, words: string, cause?: unknown): CountersignError {
  return new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: ${words}`, { cause })
}

function unsupported(what: string, words: string): CountersignError {
  return new CountersignError('KEY_UNSUPPORTED', `${what}: ${words}`)
}
