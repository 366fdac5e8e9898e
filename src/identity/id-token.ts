import { decodeBase64 } from '../codec/base64.ts'
import type { Branded } from '../codec/branded.ts'
import { CountersignError } from '../codec/error.ts'
import { type Json, parseJson, readAs, readObject, readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import { type IssuerKey, type IssuerKeySet, type IssuerKeys, publicKeyAlgorithms } from './issuer-keys.ts'
import { isTokenSignedBy } from './token-signature.ts'

/** Claims by name. A map, because names come from outside. */
export type Claims = ReadonlyMap<string, Json>

/** An ID token as it states itself: it says who is to be asked about it, and proves nothing. */
export type IdToken = {
  readonly compact: string // the token itself: a secret
  readonly algorithm: string // of its header
  readonly keyId: string | undefined // of its header
  readonly issuer: string // `iss`, as it stands
  readonly claims: Claims
}

/** A token that its issuer made for this audience and that holds now. Only `verifyIdToken` makes one. */
export type VerifiedIdToken = Branded<IdToken & { readonly subject: string }, 'Verified'>

const tokenLimitBytes = 65_536
const leewaySeconds = 300

/**
 * Reads a token: the compact form of a JWS whose payload is a JSON object. Dots are counted before anything is made of the text
 * (GHSA-f83f-xpx7-ffpw). No message holds any of the token but its issuer and algorithm.
 *
 * @throws CountersignError `TOKEN_MALFORMED`, `LIMIT_EXCEEDED` past 64 KiB
 * @see RFC 7515 §3.1, RFC 7519 §7.2
 */
export function parseIdToken(compact: string): IdToken {
  if (compact.length > tokenLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `ID token: want at most ${tokenLimitBytes} characters, got ${compact.length}`)
  const [first, last] = [compact.indexOf('.'), compact.lastIndexOf('.')]
  if (first === -1 || first === last || compact.indexOf('.', first + 1) !== last) throw malformed('want three parts separated by dots')
  return readAs('TOKEN_MALFORMED', 'ID token', () => {
    const header = readPart(compact.slice(0, first), 'header')
    const claims = readPart(compact.slice(first + 1, last), 'payload')
    if (header.has('crit')) throw malformed('its header demands extensions that are not known')
    const keyId = header.get('kid')
    return {
      compact,
      algorithm: readString(header.get('alg'), 'ID token: alg'),
      keyId: keyId === undefined ? undefined : readString(keyId, 'ID token: kid'),
      issuer: readString(claims.get('iss'), 'ID token: iss'),
      claims,
    }
  })
}

/** What a token must be besides well formed. */
export type IdTokenDemands = {
  readonly issuer: string // compared with `iss` exactly
  readonly audience: string // one of `aud`
  readonly keys: IssuerKeys
  readonly now: Date
}

/**
 * Proves that an issuer made a token, for this audience, and that it holds now. What the token says is checked before its issuer is
 * asked for keys, so a token that cannot hold causes no request.
 *
 * As go-oidc does it: `exp` without leeway, `nbf` with five minutes; `iat` with five minutes too. The algorithm must be one that the
 * issuer announces: never `none`, never one with a shared secret. Keys are asked for anew, as often as `keys` allows, where none fits.
 *
 * @throws CountersignError `TOKEN_INVALID`, `TOKEN_MALFORMED` for claims of the wrong type; what `keys` throws
 * @see OpenID Connect Core 1.0 §3.1.3.7
 */
export async function verifyIdToken(token: IdToken, { issuer, audience, keys, now }: IdTokenDemands): Promise<VerifiedIdToken> {
  if (token.issuer !== issuer) throw invalid(`want issuer ${quote(issuer)}, got ${quote(token.issuer)}`)
  checkAudience(token.claims.get('aud'), audience)
  checkTimes(token.claims, now)
  if (!publicKeyAlgorithms.includes(token.algorithm)) throw invalid(`want an algorithm with a public key, got ${quote(token.algorithm)}`)
  const subject = token.claims.get('sub')
  if (typeof subject !== 'string' || subject === '') throw malformed('sub: want text that is not empty')

  const set = await keys.current()
  if (!(await isSignedBy(token, set))) {
    const newer = await keys.newerThan(set)
    if (!newer || !(await isSignedBy(token, newer))) throw invalid(`no key of ${quote(issuer)} verifies its signature`)
  }
  return { ...token, subject } as VerifiedIdToken
}

function checkAudience(aud: Json | undefined, wanted: string): void {
  const audiences = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : undefined
  if (!audiences?.every(audience => typeof audience === 'string')) throw malformed('aud: want text or a list of texts')
  if (!audiences.includes(wanted)) throw invalid(`want audience ${quote(wanted)}, got ${quote(audiences.join(', '))}`)
}

function checkTimes(claims: Claims, now: Date): void {
  const seconds = now.getTime() / 1000
  const [exp, nbf, iat] = ['exp', 'nbf', 'iat'].map(name => readTime(claims.get(name), name))
  if (exp === undefined) throw malformed('exp: want a time, got nothing')
  if (seconds >= exp) throw invalid(`it expired at ${isoOf(exp)}`)
  if (nbf !== undefined && seconds + leewaySeconds < nbf) throw invalid(`it is not valid before ${isoOf(nbf)}`)
  if (iat !== undefined && seconds + leewaySeconds < iat) throw invalid(`it was issued in the future, at ${isoOf(iat)}`)
}

/** Seconds since 1970, RFC 7519 §2 NumericDate; fractions are allowed. */
function readTime(value: Json | undefined, name: string): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number' || Math.abs(value) > 8.64e12) throw malformed(`${name}: want seconds since 1970`)
  return value
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}

async function isSignedBy(token: IdToken, { algorithms, keys }: IssuerKeySet): Promise<boolean> {
  if (!algorithms.has(token.algorithm)) throw invalid(`want an algorithm of ${[...algorithms].join(', ')}, got ${quote(token.algorithm)}`)
  for (const key of keys) if (mayHaveSigned(key, token) && (await isTokenSignedBy(token.compact, token.algorithm, key))) return true
  return false // by another key of the issuer, or by nobody
}

/** A key says what it is for; a token without a key id may be by any of its kind. RFC 7517 §4. */
function mayHaveSigned(key: IssuerKey, { algorithm, keyId }: IdToken): boolean {
  return (keyId === undefined || key.keyId === keyId) && key.algorithms.includes(algorithm)
}

function readPart(text: string, name: string): Claims {
  const at = `ID token: ${name}`
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw malformed(`${name}: want base64url without padding`)
  const padded = text
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .padEnd(Math.ceil(text.length / 4) * 4, '=')
  let bytes: Uint8Array
  try {
    bytes = decodeBase64(padded, at)
  } catch {
    throw malformed(`${name}: want base64url without padding`) // no cause: it quotes the token
  }
  return new Map(Object.entries(readJsonObject(bytes, at)))
}

function readJsonObject(bytes: Uint8Array, at: string) {
  try {
    return readObject(parseJson(bytes, at, { bytes: tokenLimitBytes, depth: 16, values: 4096 }), at)
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'LIMIT_EXCEEDED') throw cause
    throw malformed(`${at.slice('ID token: '.length)}: want a JSON object`) // no cause: it quotes the token
  }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('TOKEN_MALFORMED', `ID token: ${problem}`)
}

function invalid(problem: string): CountersignError {
  return new CountersignError('TOKEN_INVALID', `ID token: ${problem}`)
}
