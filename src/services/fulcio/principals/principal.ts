import { CountersignError } from '../../../codec/error.ts'
import { encodeUtf8, quote } from '../../../codec/text.ts'
import type { NewGeneralName } from '../../../formats/x509/extension-writer.ts'
import type { FulcioExtensionName } from '../../../formats/x509/fulcio-extensions.ts'
import type { VerifiedIdToken } from '../../../identity/id-token.ts'

/** Whom a token is for. */
export type Principal = {
  /** What its client signs to prove that it holds the key. */
  readonly challenge: string
  /**
   * What a certificate says of it. Asked for once the client has proven that.
   *
   * @throws CountersignError `TOKEN_INVALID`, `LIMIT_EXCEEDED`: its text is for the client
   */
  readonly certify: () => Certified
}

export type Certified = {
  readonly name: NewGeneralName
  readonly extensions: ReadonlyMap<FulcioExtensionName, string>
}

/** Values of extensions; empty ones are left out of certificates. */
export type ExtensionValues = Readonly<Partial<Record<FulcioExtensionName, string>>>

/** A principal all of which is known from its token. The issuer and the subject of the token are certified of everybody. */
export function principalOf(
  token: VerifiedIdToken,
  name: NewGeneralName,
  values: ExtensionValues = {},
  challenge: string = token.subject,
): Principal {
  const certified = certifiedOf(token, name, Object.entries(values) as [FulcioExtensionName, string][])
  return { challenge, certify: () => certified }
}

const limitBytes = 24_576 // of all extensions together: a log takes certificates of 65,536, which may hold the subject twice

/** The same as what a certificate says. @throws CountersignError `LIMIT_EXCEEDED` where it says more than a certificate can hold */
export function certifiedOf(
  { issuer, subject }: VerifiedIdToken,
  name: NewGeneralName,
  values: Iterable<readonly [FulcioExtensionName, string]>,
): Certified {
  const all = new Map<FulcioExtensionName, string>([['issuer', issuer], ...values, ['token-subject', subject]])
  const bytes = [...all.values()].reduce((sum, value) => sum + encodeUtf8(value).length, 0)
  if (bytes > limitBytes)
    throw new CountersignError(
      'LIMIT_EXCEEDED',
      `ID token: want claims that come to at most ${limitBytes} bytes of extensions, got ${bytes}`,
    )
  return { name, extensions: new Map([...all].filter(([, value]) => value !== '')) }
}

/** A claim that must be text and not empty. @throws CountersignError `TOKEN_INVALID` */
export function claimOf({ claims }: VerifiedIdToken, name: string): string {
  const value = claims.get(name)
  if (typeof value !== 'string' || value === '') throw tokenInvalid(`missing ${name} claim in ID token`)
  return value
}

/** A claim that must be text where it is there, else empty. @throws CountersignError `TOKEN_INVALID` */
export function claimOrEmpty({ claims }: VerifiedIdToken, name: string): string {
  const value = claims.get(name) ?? ''
  if (typeof value !== 'string') throw tokenInvalid(`${name} claim in ID token is no text`)
  return value
}

const limitCharacters = 2048

/**
 * A URI for a certificate. As Go writes URIs, what may not stand in one is percent-encoded; what is there already stays.
 *
 * @throws CountersignError `TOKEN_INVALID` for text that is no URI with scheme and host, or past 2048 characters
 * @see RFC 3986 §2.1
 */
export function uriName(text: string): NewGeneralName {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\s]/.test(text) || /[\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})/.test(text))
    throw tokenInvalid(`the subject is no URI: ${quote(text)}`)
  const value = text.replace(/[^!-~]|["<>\\^`{|}]/gu, encodeURIComponent)
  if (value.length > limitCharacters) throw tokenInvalid(`the subject is longer than ${limitCharacters} characters`)
  return { kind: 'uri', value }
}

/** Whether text is an e-mail address as issuers give them: one @, printable ASCII without what quoting would need, a dot in the domain. */
export function isEmail(text: string): boolean {
  return text.length <= 320 && /^[^\s@<>()[\]\\,;:"]+@[^\s@<>()[\]\\,;:"]+\.[^\s@<>()[\]\\,;:".]+$/.test(text) && /^[!-~]+$/.test(text)
}

/** A token that is genuine, and says what cannot be certified. */
export function tokenInvalid(problem: string): CountersignError {
  return new CountersignError('TOKEN_INVALID', problem)
}
