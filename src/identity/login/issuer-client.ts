import type { Configuration } from 'openid-client'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { describeFailure } from '../../oci/transport/failure.ts'
import { readAtMost } from '../../oci/transport/read-body.ts'

/** Whom somebody logs in at, and as which client. */
export type LoginOptions = {
  readonly issuer: URL // https, or http on this machine
  readonly clientId: string
  readonly clientSecret: string | undefined // public clients have none
}

/** What logging in touches, beside a browser. */
export type LoginEffects = {
  readonly world: Pick<World, 'fetch' | 'sleep'>
  readonly signal: AbortSignal
  /** One line for the person at the terminal. */
  readonly tell: (line: string) => void
}

/** An issuer that was asked what it can do. */
export type IssuerClient = {
  readonly library: typeof import('openid-client')
  readonly configuration: Configuration
  readonly issuer: URL
}

/** What a token is asked for: whom it is about, by an e-mail address where there is one. */
export const scope = 'openid email'

const answerLimitBytes = 256 << 10

/**
 * Asks an issuer for its endpoints.
 *
 * @throws CountersignError `USAGE` for http to another machine, `SERVICE_UNAVAILABLE`, `SERVICE_REFUSED`, `SERVICE_RESPONSE_MALFORMED`; the
 *   signal's own reason
 * @see OpenID Connect Discovery §4
 */
export async function connectIssuer({ issuer, clientId, clientSecret }: LoginOptions, effects: LoginEffects): Promise<IssuerClient> {
  const isHere = issuer.protocol === 'http:' && isLoopback(issuer)
  if (issuer.protocol !== 'https:' && !isHere)
    throw new CountersignError('USAGE', `issuer ${quote(issuer.href)}: want https, or http on this machine`)
  const library = await import('openid-client')
  const authentication = clientSecret === undefined ? library.None() : library.ClientSecretPost(clientSecret)
  const configuration = await answering(issuer, effects, () =>
    library.discovery(issuer, clientId, {}, authentication, {
      [library.customFetch]: boundedFetch(effects),
      execute: isHere ? [library.allowInsecureRequests] : [],
    }),
  )
  return { library, configuration, issuer }
}

/** Whether a URL leads to this machine. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

/**
 * Runs one exchange with an issuer, and says in our words what went wrong. The library's own errors hold the answer, tokens included, so
 * they are not passed on.
 */
export async function answering<T>(issuer: URL, { signal }: Pick<LoginEffects, 'signal'>, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    signal.throwIfAborted()
    throw failureOf(issuer, cause)
  }
}

/** `error` of an answer, OAuth's own word for why: `authorization_pending`. Nothing where there was no such answer. */
export function oauthError(cause: unknown): string | undefined {
  return cause instanceof LoginRefused ? cause.reason : undefined
}

/** An issuer said no, by one of OAuth's words. */
export class LoginRefused extends CountersignError {
  readonly reason: string
  constructor(issuer: URL, reason: string, description: string) {
    super('SERVICE_REFUSED', `${issuer.origin}: ${quote(reason)}${description === '' ? '' : `: ${quote(description)}`}`)
    this.reason = reason
  }
}

/** The ID token of an answer. @throws CountersignError `TOKEN_UNAVAILABLE` */
export function idTokenOf(issuer: URL, { id_token: token }: { readonly id_token?: string }): string {
  if (token === undefined) throw new CountersignError('TOKEN_UNAVAILABLE', `${issuer.origin}: it gave a token, and no ID token`)
  return token
}

function failureOf(issuer: URL, cause: unknown): Error {
  for (let error = cause; error instanceof Error; error = error.cause) if (error instanceof CountersignError) return error
  if (!(cause instanceof Error)) return new TypeError('an issuer client threw what is no error')
  const { error, error_description: description } = cause as Error & { readonly [name: string]: unknown }
  if (typeof error === 'string') return new LoginRefused(issuer, error, typeof description === 'string' ? description : '')
  return new CountersignError('SERVICE_RESPONSE_MALFORMED', `${issuer.origin}: ${quote(innermost(cause).message)}`)
}

/** The library wraps what it found wrong in words that fit everything. */
function innermost(error: Error): Error {
  return error.cause instanceof Error ? innermost(error.cause) : error
}

/** The transport that everything else takes, with a limit on what an issuer may answer. */
function boundedFetch({ world, signal }: LoginEffects) {
  return async (
    url: string,
    init: { readonly method: string; readonly headers: object; readonly body?: unknown; readonly signal?: AbortSignal },
  ) => {
    const { method, headers, body } = init
    const what = `${method} ${new URL(url).origin}${new URL(url).pathname}`
    const exchange = world.fetch(url, {
      method,
      headers: Object.fromEntries(new Headers(headers as Record<string, string>)),
      redirect: 'manual',
      signal: init.signal ? AbortSignal.any([signal, init.signal]) : signal,
      ...(body !== undefined && body !== null && { body: encodeUtf8(String(body)).slice() }),
    })
    const response = await exchange.catch((cause: unknown) => {
      signal.throwIfAborted() // the caller's own reason passes through unchanged
      if (cause instanceof CountersignError) throw cause
      const reason = init.signal?.aborted ? 'no answer in time' : describeFailure(cause).words
      throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${reason}`, { cause })
    })
    const bytes = await readAtMost(response, answerLimitBytes, what, signal)
    const hasBody = ![204, 205, 304].includes(response.status)
    return new Response(hasBody ? bytes.slice() : null, { status: response.status, headers: [...response.headers] })
  }
}
