import { decodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import { type JsonObject, parseJson, readAs, readObject, readSafeInteger, readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'

/**
 * What an ID token says, as far as a client needs it to ask for a certificate. Read, not verified: the authority verifies it, and a client
 * that lied to itself would gain nothing. The token is a secret as long as it lasts.
 */
export type IdentityToken = {
  readonly literal: string // compact JWS
  readonly issuer: string
  readonly subject: string
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly expires: Date
  /** What CI systems say of the job, text and whole numbers as text: `repository`, `job_workflow_ref`, `project_path` and the like. */
  readonly claims: ReadonlyMap<string, string>
}

const tokenLimit = 64 << 10
const what = 'identity token'

/** Whether text is meant as a token rather than as the name of a file that holds one. */
export function looksLikeToken(text: string): boolean {
  return /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(text)
}

/**
 * Reads the claims of a token. No message holds any of it but the names and values that are wrong.
 *
 * @throws CountersignError `TOKEN_MALFORMED`, `LIMIT_EXCEEDED` past 64 KiB
 * @see RFC 7519 §3, OpenID Connect Core §2
 */
export function parseIdentityToken(text: string): IdentityToken {
  const literal = text.trim()
  if (literal.length > tokenLimit)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${tokenLimit} characters, got ${literal.length}`)
  if (!looksLikeToken(literal))
    throw new CountersignError('TOKEN_MALFORMED', `${what}: want three parts of base64url, the first of a JSON object`)
  return readAs('TOKEN_MALFORMED', what, () => {
    const claims = parseClaims(literal.split('.')[1]!)
    return {
      literal,
      issuer: readString(claims['iss'], `${what}: iss`),
      subject: claims['sub'] === undefined ? '' : readString(claims['sub'], `${what}: sub`),
      email: claims['email'] === undefined ? undefined : readString(claims['email'], `${what}: email`),
      emailVerified: claims['email_verified'] === true || claims['email_verified'] === 'true',
      expires: new Date(readSafeInteger(claims['exp'], `${what}: exp`) * 1000),
      claims: new Map(Object.entries(claims).flatMap(([name, value]) => (isWord(value) ? [[name, String(value)] as const] : []))),
    }
  })
}

/** GitLab writes the id of a runner as a number, and all other ids as text. */
function isWord(value: unknown): boolean {
  return typeof value === 'string' || (Number.isSafeInteger(value) && (value as number) >= 0)
}

/**
 * Refuses a token that the authority would refuse, with less to go by.
 *
 * @throws CountersignError `TOKEN_INVALID`
 */
export function checkUsable({ expires, email, emailVerified, subject }: IdentityToken, now: Date): void {
  if (Number.isNaN(expires.getTime()) || expires.getTime() <= now.getTime())
    throw new CountersignError(
      'TOKEN_INVALID',
      `${what}: it has expired${Number.isNaN(expires.getTime()) ? '' : ` at ${expires.toISOString()}, and it is ${now.toISOString()}`}`,
    )
  if (email !== undefined && !emailVerified)
    throw new CountersignError('TOKEN_INVALID', `${what}: its issuer has not verified the e-mail address ${quote(email)}`)
  if (email === undefined && subject === '') throw new CountersignError('TOKEN_INVALID', `${what}: it names nobody: want sub or email`)
}

/** What a key signs to prove to the authority that it is held: the e-mail address where the token has one, else the subject. services.md §6. */
export function challengeOf({ email, subject }: IdentityToken): string {
  return email ?? subject
}

function parseClaims(part: string): JsonObject {
  const base64 = part.replaceAll('-', '+').replaceAll('_', '/')
  let bytes: Uint8Array
  try {
    bytes = decodeBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '='), what)
  } catch {
    throw new CountersignError('TOKEN_MALFORMED', `${what}: its claims are not base64url`) // no cause: it quotes the token
  }
  try {
    return readObject(parseJson(bytes, `${what}: claims`, { bytes: tokenLimit }), `${what}: claims`)
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'LIMIT_EXCEEDED') throw cause
    throw new CountersignError('TOKEN_MALFORMED', `${what}: its claims are no JSON object`) // the same
  }
}
