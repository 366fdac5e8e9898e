import type { ByteSource } from '../codec/byte-source.ts'
import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import type { World } from '../codec/world.ts'
import { type Authorizer, createAuthorizer } from './access/authorizer.ts'
import { type Decision, decideScheme, type Ping, ping } from './access/decide-scheme.ts'
import { mayCarryCredentials } from './access/schemes.ts'
import { repositoryScope, type Scope, unionOfScopes } from './access/scope.ts'
import { guardSecrets, readComplaint } from './complaint.ts'
import { type CredentialSource, type Credentials, secretsOf } from './credentials/credentials.ts'
import { describeFailure } from './transport/failure.ts'
import { discard } from './transport/read-body.ts'
import { fetchFollowing, isRedirect } from './transport/redirects.ts'
import { withRetries } from './transport/retry.ts'
import { createSingleFlight } from './transport/single-flight.ts'

/** One request to a registry about one repository. */
export type RegistryRequest = {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  /** `https://HOST/v2/...`; the host is the registry, whose credentials may be used. The scheme is replaced by the one that works. */
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | ByteSource
  readonly repository: string
  readonly actions: readonly ('pull' | 'push' | 'delete')[]
  readonly signal: AbortSignal
  /** May be done twice without harm, so that it is also repeated after a lost answer. GET and HEAD always may. */
  readonly idempotent?: boolean
}

export type RegistryFetch = (request: RegistryRequest) => Promise<Response>

export type RegistryFetchOptions = {
  readonly credentials: CredentialSource
  /** Hosts that may be spoken to over plain http although they are not local: `--allow-http-registry` and its kin. */
  readonly allowHttp?: (host: string) => boolean
}

/** What is remembered of a registry host, for as long as the `RegistryFetch` lives. */
type Host = { readonly authorizer: Authorizer; decision?: Decision; ping?: Ping | undefined }

/** Rounds of one request: as nobody, with a token, with a wider or fresh token. */
const rounds = 3
const hostLimit = 1000 // remembered; the oldest goes first

/**
 * An authorised way to registries. It finds out for each host which scheme works and how it wants to be asked (not at all,
 * Basic, Bearer), gets and keeps tokens per host and scope, repeats what failed in passing, and follows redirects of reads.
 *
 * Credentials of a host go to that host and to the token server its own challenge names, if `checkRealm` finds that fit;
 * never along a redirect to another origin, never over plain http but to loopback or where `allowHttp` says so.
 *
 * Answers come back as they are, but for those that mean no access:
 *
 * @throws (rejects) CountersignError
 *   `REGISTRY_UNAUTHORIZED` (401: it does not know us) and `REGISTRY_DENIED` (403, or a token that does not suffice), naming
 *   repository, missing permission, status and what the registry says;
 *   `CREDENTIALS_WITHHELD` when another host asks for the registry's credentials, or would see them;
 *   `REGISTRY_UNAVAILABLE` for no connection (with host, port and reason), and for 429 and 5xx that last;
 *   `REGISTRY_RESPONSE_MALFORMED` for redirects in a circle, of a write, or to no place, and for broken challenges.
 *   When the signal ends the wait, its own reason
 */
export function createRegistryFetch(
  world: Pick<World, 'fetch' | 'now' | 'randomBytes' | 'sleep'>,
  options: RegistryFetchOptions,
): RegistryFetch {
  const allowHttp = options.allowHttp ?? (() => false)
  const hosts = new Map<string, Host>()
  const shareDecision = createSingleFlight<Decision>()

  const hostOf = (name: string): Host => {
    const known = hosts.get(name)
    if (known) return known
    const authorizer = createAuthorizer(world, name, options.credentials, registry => mayCarryCredentials(registry, allowHttp))
    const host: Host = { authorizer }
    for (const oldest of hosts.keys()) if (hosts.size >= hostLimit) hosts.delete(oldest)
    hosts.set(name, host)
    return host
  }

  return async request => {
    request.signal.throwIfAborted()
    const host = hostOf(request.url.host)
    const name = request.url.host
    host.decision ??= await shareDecision(name, request.signal, signal => decideScheme(world, name, allowHttp, signal))
    const url = new URL(request.url)
    url.protocol = `${host.decision.scheme}:`
    const scope = scopeOf(request)
    for (let round = 1; ; round++) {
      const authorization = await host.authorizer.authorize(scope, request.signal)
      const response = await send(world, request, url, authorization)
      const mayKnowMore = response.status === 401 || (authorization === undefined && (response.status === 403 || response.status === 404))
      if (!mayKnowMore || round === rounds) return settle(response, request, host.authorizer, authorization)
      const header = await challengeOf(world, host, response, url, request.signal)
      if (header === undefined || !(await host.authorizer.learn(header, new URL(url.origin), scope, authorization)))
        return settle(response, request, host.authorizer, authorization)
      await discard(response)
    }
  }
}

/** What the request needs; a mount also reads from another repository. */
function scopeOf({ repository, actions, url, method }: RegistryRequest): Scope {
  const from = method === 'POST' && url.searchParams.has('mount') ? url.searchParams.get('from') : null
  const scope = repositoryScope(repository, actions)
  return from === null ? scope : unionOfScopes(scope, repositoryScope(from, ['pull']))
}

/** Sends once (with the repetitions that are safe) and follows redirects of reads. Only the registry's own answer may be a 401. */
async function send(
  world: Pick<World, 'fetch' | 'now' | 'randomBytes' | 'sleep'>,
  request: RegistryRequest,
  url: URL,
  authorization: string | undefined,
) {
  const { method, signal } = request
  const what = `registry ${url.host}`
  const length = request.body && !(request.body instanceof Uint8Array) ? { 'content-length': String(request.body.size) } : {}
  const headers = { ...request.headers, ...length, ...(authorization !== undefined && { authorization }) }
  const isRead = method === 'GET' || method === 'HEAD'
  const exchange = async (): Promise<Response> => {
    if (!isRead) return world.fetch(url, { method, signal, redirect: 'manual', headers, ...bodyOf(request) })
    const { response, url: answered } = await fetchFollowing(world.fetch, { method, url, headers, signal }, what)
    if (response.status !== 401 || answered.origin === url.origin) return response
    await discard(response)
    throw new CountersignError(
      'CREDENTIALS_WITHHELD',
      `${what}: redirects to ${quote(answered.host)}, which asks for credentials: it gets none of this registry`,
    )
  }
  const response = await withRetries(world, isRead || request.idempotent === true, signal, exchange).catch(cause => {
    signal.throwIfAborted()
    throw unavailable(cause, what)
  })
  if (!isRead && isRedirect(response.status)) {
    await discard(response)
    throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: redirects a ${method}, which is not sent anywhere else`)
  }
  return response
}

/** A body for one attempt: a source is opened anew each time. Its length is in the headers, so that it is sent as it is and not in HTTP chunks. */
function bodyOf({ body }: RegistryRequest): RequestInit {
  if (body === undefined || body instanceof Uint8Array) return { ...(body && { body }) }
  return { body: body.open(), duplex: 'half' } as RequestInit
}

function unavailable(cause: unknown, what: string): unknown {
  if (!(cause instanceof CountersignError))
    return new CountersignError('REGISTRY_UNAVAILABLE', `${what}: ${describeFailure(cause).words}`, { cause })
  return cause.code === 'SERVICE_UNAVAILABLE' ? new CountersignError('REGISTRY_UNAVAILABLE', `${what}: ${cause.message}`, { cause }) : cause
}

/**
 * How the registry wants to be asked: its 401 says so. Some refuse strangers with 403 or 404 and no word, so then `/v2/` is
 * asked, once; only if that says 401, our credentials are looked up at all.
 */
async function challengeOf(
  world: Pick<World, 'fetch'>,
  host: Host,
  response: Response,
  url: URL,
  signal: AbortSignal,
): Promise<string | undefined> {
  const header = response.status === 401 ? response.headers.get('www-authenticate') : null
  if (header !== null) return header
  host.ping ??= host.decision?.ping
  host.ping ??= await ping(world, url.origin, signal).catch(cause => {
    signal.throwIfAborted()
    throw unavailable(cause, `registry ${url.host}`)
  })
  return host.ping.status === 401 ? host.ping.challenge : undefined
}

/** Passes an answer on, or throws what its status means when that is no access. */
async function settle(
  response: Response,
  request: RegistryRequest,
  authorizer: Authorizer,
  authorization: string | undefined,
): Promise<Response> {
  const { status } = response
  if (status < 400) return response
  const credentials: Credentials = authorization === undefined && status !== 401 ? { kind: 'anonymous' } : await authorizer.credentials()
  guardSecrets(response, [...secretsOf(credentials), ...(authorization === undefined ? [] : [authorization.replace(/^\w+ /, '')])])
  const isOverloaded = status === 429 || [500, 502, 503, 504].includes(status)
  if (status !== 401 && status !== 403 && !isOverloaded) return response
  const { host } = request.url
  const needed = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : request.method === 'DELETE' ? 'delete' : 'push'
  const challenge = response.headers.get('www-authenticate') ?? ''
  const said = await readComplaint(response)
  if (isOverloaded)
    throw new CountersignError('REGISTRY_UNAVAILABLE', `registry ${host}: ${request.method} ${request.repository}: status ${status}${said}`)
  const place = `${host}/${request.repository}`
  const isKnown = authorization !== undefined && credentials.kind !== 'anonymous'
  const shown = isKnown ? `as ${describeCredentials(credentials)}` : `without credentials: none for ${host} were found`
  const message = `want permission to ${needed} ${place}, asked ${shown}, got status ${status}${said}`
  const isDenied = status === 403 || (isKnown && /\berror="?insufficient_scope\b/.test(challenge))
  throw new CountersignError(isDenied ? 'REGISTRY_DENIED' : 'REGISTRY_UNAUTHORIZED', message)
}

function describeCredentials(credentials: Credentials): string {
  switch (credentials.kind) {
    case 'anonymous':
      return 'nobody'
    case 'basic':
      return `user ${quote(credentials.username)}`
    case 'identity-token':
      return 'the holder of an identity token'
    case 'registry-token':
      return 'the holder of a registry token'
    default:
      throw new TypeError(`unhandled credentials ${credentials satisfies never}`)
  }
}
