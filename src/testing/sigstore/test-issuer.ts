import { createHash } from 'node:crypto'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Handler } from '../../services/listen.ts'

/** What an issuer of the tests does otherwise than it should, and what its tokens say. */
export type IssuerOptions = {
  readonly url: string
  /** When its tokens are issued. The library of clients looks at the machine's clock, so this has to be that. */
  readonly now: () => Date
  readonly claims?: Readonly<Record<string, unknown>>
  /** Answers of the token endpoint before the token: `authorization_pending`, `slow_down`, `access_denied`. */
  readonly refusals?: readonly string[]
  readonly interval?: number
  readonly withoutIdToken?: true
  readonly nonce?: string // in place of the one that was asked for
}

/** An issuer in memory: it has endpoints and no keys, for clients do not look at who signed a token that they were given. */
export type TestIssuer = {
  readonly handler: Handler
  /** Requests to the token endpoint, as they came. */
  readonly asked: readonly URLSearchParams[]
  /** What somebody does in a browser: gives the address that it is sent to. */
  readonly visit: (authorization: URL) => URL
}

/** Makes one. */
export function createTestIssuer(options: IssuerOptions): TestIssuer {
  const { url, now, claims = {}, refusals = [], interval = 1 } = options
  const asked: URLSearchParams[] = []
  let [challenge, nonce]: [string | undefined, string | undefined] = [undefined, undefined]
  const part = (value: unknown) =>
    encodeBase64(encodeUtf8(JSON.stringify(value)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '')
  const token = () => {
    const iat = Math.floor(now().getTime() / 1000)
    const payload = { iss: url, sub: 'someone', aud: 'sigstore', iat, exp: iat + 600, email: 'dev@example.com', email_verified: true }
    return `${part({ alg: 'RS256' })}.${part({ ...payload, ...(nonce !== undefined && { nonce: options.nonce ?? nonce }), ...claims })}.c2ln`
  }
  const answerToken = (form: URLSearchParams): Response => {
    const refusal = refusals[asked.length]
    asked.push(form)
    if (refusal !== undefined) return Response.json({ error: refusal, error_description: 'said the issuer' }, { status: 400 })
    const verifier = form.get('code_verifier')
    if (
      challenge !== undefined &&
      createHash('sha256')
        .update(verifier ?? '')
        .digest('base64url') !== challenge
    )
      return Response.json({ error: 'invalid_grant', error_description: 'PKCE' }, { status: 400 })
    return Response.json({ access_token: 'a', token_type: 'bearer', ...(!options.withoutIdToken && { id_token: token() }) })
  }
  const handler: Handler = async request => {
    const { pathname } = new URL(request.url)
    const form = async () => new URLSearchParams(await request.text())
    switch (pathname.slice(new URL(url).pathname.replace(/\/$/, '').length)) {
      case '/.well-known/openid-configuration':
        return Response.json({
          issuer: url,
          authorization_endpoint: `${url}/authorize`,
          token_endpoint: `${url}/token`,
          device_authorization_endpoint: `${url}/device`,
          jwks_uri: `${url}/keys`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
          code_challenge_methods_supported: ['S256'],
        })
      case '/device': {
        const device = await form()
        challenge = device.get('code_challenge') ?? undefined
        return Response.json({
          device_code: 'device',
          user_code: 'ABCD-EFGH',
          verification_uri: `${url}/enter`,
          verification_uri_complete: `${url}/enter?code=ABCD-EFGH`,
          interval,
          expires_in: 30,
        })
      }
      case '/token':
        return answerToken(await form())
      default:
        return new Response(null, { status: 404 })
    }
  }
  const visit = (authorization: URL): URL => {
    const { searchParams } = authorization
    challenge = searchParams.get('code_challenge') ?? undefined
    nonce = searchParams.get('nonce') ?? undefined
    const back = new URL(searchParams.get('redirect_uri') ?? '')
    back.search = new URLSearchParams({ code: 'code', state: searchParams.get('state') ?? '' }).toString()
    return back
  }
  return { handler, asked, visit }
}
