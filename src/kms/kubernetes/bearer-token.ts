import { CountersignError } from '../../codec/error.ts'

/**
 * A token that a header can hold, of at most 64 KiB.
 *
 * @param what - begins messages, which never hold the token
 * @throws CountersignError `CREDENTIALS_MALFORMED`
 */
export function checkBearerToken(token: string, what: string): string {
  if (token.length <= 65_536 && /^[\x21-\x7e]+$/.test(token)) return token
  throw new CountersignError('CREDENTIALS_MALFORMED', `${what}: want a token, got text that no header can hold`)
}
