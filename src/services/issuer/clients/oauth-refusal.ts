/** Errors of RFC 6749 §5.2, RFC 8628 §3.5 and RFC 8693 §2.2.2 that are given before the provider is asked. */
export type OAuthError = 'invalid_request' | 'invalid_client' | 'invalid_grant' | 'invalid_target' | 'slow_down' | 'expired_token'

/** A request that is refused in the words of OAuth. The door makes the answer of it. */
export class OAuthRefusal extends Error {
  override readonly name = 'OAuthRefusal'
  readonly error: OAuthError
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(error: OAuthError, description: string, status = 400, headers: Readonly<Record<string, string>> = {}) {
    super(description)
    this.error = error
    this.status = status
    this.headers = headers
  }
}

/** @see RFC 6749 §5.2 */
export function oauthAnswer({ error, message, status, headers }: OAuthRefusal): Response {
  const fixed = { 'cache-control': 'no-store', pragma: 'no-cache' }
  return Response.json({ error, error_description: message }, { status, headers: { ...fixed, ...headers } })
}
