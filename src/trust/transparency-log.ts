import { encodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import { readBase64, readObjectOf, readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import { encodeRsaAlgorithm } from '../crypto/algorithm-identifier.ts'
import { fitsKey, keyDetailsFor, keyDetailsOf } from '../crypto/key-details.ts'
import { encodeSpki, type PublicKey, parsePublicKeyDer } from '../crypto/public-key.ts'
import type { VerifiedScheme } from '../crypto/verify-signature.ts'
import type { LogKey } from '../formats/log/log-key.ts'
import { isLogId } from './log-id.ts'
import { encodeValidity, readValidity, type Validity } from './validity.ts'

/** A transparency log or certificate transparency log that is trusted, and while which entries of it count. */
export type TransparencyLog = LogKey & {
  readonly validFor: Validity // tests the time of the entry
  readonly operator: string // empty where the file names none
}

/** A log that a trusted root lists with a key we cannot verify with. */
export type UnusableKey = {
  readonly at: string // its place in the file: `tlogs[2]`
  readonly baseUrl: string
  readonly reason: string
}

const logMembers = ['baseUrl', 'hashAlgorithm', 'publicKey', 'logId', 'checkpointKeyId', 'operator']

/**
 * Reads a `TransparencyLogInstance`. `at` is its path in the file.
 *
 * @returns the log, or why its key cannot be used: another hash than SHA-256, or a key of a kind or strength we refuse
 * @throws CountersignError `JSON_MALFORMED` or `TRUSTED_ROOT_MALFORMED`; also for an id that is not this key's, for entries are matched
 *   with keys by it
 */
export function readLog(value: unknown, at: string): TransparencyLog | UnusableKey {
  const log = readObjectOf(value, at, logMembers)
  const publicKey = readObjectOf(log['publicKey'], `${at}.publicKey`, ['rawBytes', 'keyDetails', 'validFor'])
  const baseUrl = readString(log['baseUrl'] ?? '', `${at}.baseUrl`)
  const rawBytes = readBase64(publicKey['rawBytes'], `${at}.publicKey.rawBytes`)
  const details = readString(publicKey['keyDetails'], `${at}.publicKey.keyDetails`)
  const logId = readKeyId(log['logId'], `${at}.logId`)
  const checkpointKeyId = log['checkpointKeyId'] === undefined ? logId : readKeyId(log['checkpointKeyId'], `${at}.checkpointKeyId`)
  const facts = {
    validFor: readValidity(publicKey['validFor'], `${at}.publicKey.validFor`),
    operator: readString(log['operator'] ?? '', `${at}.operator`),
  }
  const hash = readString(log['hashAlgorithm'], `${at}.hashAlgorithm`)
  if (hash !== 'SHA2_256') return { at, baseUrl, reason: `hashAlgorithm: want SHA2_256, got ${quote(hash)}` }
  const known = readLogKey(rawBytes, details, `${at}.publicKey`)
  if (typeof known === 'string') return { at, baseUrl, reason: known }
  for (const [name, id] of [
    ['logId', logId],
    ['checkpointKeyId', checkpointKeyId],
  ] as const)
    if (!isLogId(id, known.key, baseUrl))
      throw malformed(`${at}.${name}: ${quote(encodeBase64(id))} is not an id of the public key beside it`)
  return { ...known, logId, baseUrl, ...facts }
}

/** Whether what was read is a log that can be used. */
export function isUsable(log: TransparencyLog | UnusableKey): log is TransparencyLog {
  return !('reason' in log)
}

/** A log as JSON, its id in the one member that every client reads. @throws TypeError for a key that signs in a way which has no name in the protobuf: none that was read does */
export function encodeLog({ key, scheme, logId, baseUrl, validFor, operator }: TransparencyLog) {
  const details = keyDetailsFor(key, scheme)
  if (!details) throw new TypeError(`no name for ${key.algorithm} keys that sign ${scheme.scheme}`)
  return {
    ...(baseUrl !== '' && { baseUrl }),
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: encodeBase64(key.spki), keyDetails: details.name, validFor: encodeValidity(validFor) },
    logId: { keyId: encodeBase64(logId) },
    ...(operator !== '' && { operator }),
  }
}

function malformed(message: string): CountersignError {
  return new CountersignError('TRUSTED_ROOT_MALFORMED', `trusted root: ${message}`)
}

function readKeyId(value: unknown, at: string): Uint8Array {
  return readBase64(readObjectOf(value, at, ['keyId'])['keyId'], `${at}.keyId`)
}

/** Names from before each told the size of the modulus. Real roots still use the first, whose key is PKCS#1 without an SPKI around it. */
const olderNames: ReadonlyMap<string, { readonly scheme: 'rsa-pkcs1v15' | 'rsa-pss'; readonly isPkcs1: boolean }> = new Map([
  ['PKCS1_RSA_PKCS1V5', { scheme: 'rsa-pkcs1v15', isPkcs1: true }],
  ['PKCS1_RSA_PSS', { scheme: 'rsa-pss', isPkcs1: true }],
  ['PKIX_RSA_PKCS1V5', { scheme: 'rsa-pkcs1v15', isPkcs1: false }],
  ['PKIX_RSA_PSS', { scheme: 'rsa-pss', isPkcs1: false }],
])

/** The key with the one way it signs, or in words why we cannot verify with it. */
function readLogKey(rawBytes: Uint8Array, name: string, at: string): Pick<LogKey, 'key' | 'scheme'> | string {
  const older = olderNames.get(name)
  const details = keyDetailsOf(name)
  if (!older && !details) return `keyDetails: keys of kind ${quote(name)} are not supported`
  const spki = older?.isPkcs1 ? encodeSpki(encodeRsaAlgorithm(), rawBytes) : rawBytes
  const key = parseKey(spki, `${at}.rawBytes`)
  if (typeof key === 'string') return key
  const fits = details ? fitsKey(details, key) : key.algorithm === 'rsa'
  if (!fits) throw malformed(`${at}.keyDetails: ${quote(name)} is not what an ${key.algorithm} key of ${key.bits} bits is`)
  const scheme: VerifiedScheme = details ? { scheme: details.scheme, hash: details.hash } : { scheme: older!.scheme, hash: 'sha256' }
  return { key, scheme }
}

function parseKey(spki: Uint8Array, what: string): PublicKey | string {
  try {
    return parsePublicKeyDer(spki, what)
  } catch (cause) {
    if (!(cause instanceof CountersignError) || cause.code === 'LIMIT_EXCEEDED') throw cause
    if (cause.code === 'KEY_UNSUPPORTED') return cause.message
    throw new CountersignError('TRUSTED_ROOT_MALFORMED', `trusted root: ${cause.message}`, { cause })
  }
}
