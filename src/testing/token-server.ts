import type { Fetch } from '../codec/world.ts'

/** One request as it reached a host. */
export type SeenRequest = {
  readonly method: string
  readonly url: string
  readonly authorization: string | null
  readonly body: string
}

/** What one registry product does differently from another, as seen from a client. Observed of the real ones, 2026. */
export type RegistryHabits = {
  readonly host: string
  readonly challenge: 'Basic' | 'Bearer'
  readonly realm: string
  readonly service: string
  readonly answer: (token: string) => object // of the token server
  readonly refusedLogin: { readonly status: number; readonly body: object }
  readonly takesGrant?: boolean // OAuth 2 POST with a refresh token
  readonly anonymousTokens?: 'public' | 'none' // 'public': everybody may pull what is public
}

/** Docker Hub: token server on another host of the domain, both names of the token, anonymous pulls, grants by POST. */
export const dockerHubHabits: RegistryHabits = {
  host: 'index.docker.io',
  challenge: 'Bearer',
  realm: 'https://auth.docker.io/token',
  service: 'registry.docker.io',
  answer: token => ({ token, access_token: token, expires_in: 300, issued_at: '2026-01-01T00:00:00.123456789Z' }),
  refusedLogin: { status: 401, body: { details: 'incorrect username or password' } },
  takesGrant: true,
  anonymousTokens: 'public',
}

/** GitHub: only `token`, no validity; a bad personal access token is 403. */
export const ghcrHabits: RegistryHabits = {
  host: 'ghcr.io',
  challenge: 'Bearer',
  realm: 'https://ghcr.io/token',
  service: 'ghcr.io',
  answer: token => ({ token }),
  refusedLogin: { status: 403, body: { errors: [{ code: 'DENIED', message: 'denied' }] } },
  anonymousTokens: 'public',
}

/** Google Artifact Registry: token server below `/v2/` of the same host, validity of hours. */
export const artifactRegistryHabits: RegistryHabits = {
  host: 'europe-docker.pkg.dev',
  challenge: 'Bearer',
  realm: 'https://europe-docker.pkg.dev/v2/token',
  service: 'europe-docker.pkg.dev',
  answer: token => ({ expires_in: 43_200, issued_at: '2026-01-01T00:00:00+00:00', token }),
  refusedLogin: { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'authentication failed' }] } },
  anonymousTokens: 'public',
}

/** Amazon ECR: no tokens, the password of `aws ecr get-login-password` goes with every request. */
export const ecrHabits: RegistryHabits = {
  host: '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  challenge: 'Basic',
  realm: 'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/',
  service: 'ecr.amazonaws.com',
  answer: () => ({}),
  refusedLogin: {
    status: 403,
    body: { errors: [{ code: 'DENIED', message: 'Your authorization token has expired. Reauthenticate and try again.' }] },
  },
}

/** Azure: identity tokens from `az acr login`, exchanged by POST for `access_token` alone. */
export const acrHabits: RegistryHabits = {
  host: 'example.azurecr.io',
  challenge: 'Bearer',
  realm: 'https://example.azurecr.io/oauth2/token',
  service: 'example.azurecr.io',
  answer: token => ({ access_token: token }),
  refusedLogin: {
    status: 401,
    body: { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required, visit https://aka.ms/acr/authorization' }] },
  },
  takesGrant: true,
}

export type TestAccount = {
  readonly username?: string
  readonly password?: string
  readonly identityToken?: string
  /** Actions per repository: `{ 'team/app': ['pull', 'push'] }`. */
  readonly rights: Readonly<Record<string, readonly string[]>>
}

export type TestRegistry = {
  readonly fetch: Fetch
  readonly seen: SeenRequest[]
  /** Forgets every token given out, as if their time were over. */
  readonly expireTokens: () => void
}

/**
 * A registry and its token server in memory, behaving as `habits` say: it gives tokens for what an account may do of what was
 * asked for, and refuses what a token does not cover. Every request to any host is noted; hosts it does not know do not answer.
 *
 * @param hosts - answers of further hosts, by origin; they get every request that is for them
 */
export function createTestRegistry(
  habits: RegistryHabits,
  accounts: readonly TestAccount[],
  publicRepositories: readonly string[] = [],
  hosts: Readonly<Record<string, (request: SeenRequest) => Response>> = {},
): TestRegistry {
  const seen: SeenRequest[] = []
  const granted = new Map<string, ReadonlySet<string>>() // token -> 'repository:action'
  const realm = new URL(habits.realm)

  const allowed = (account: TestAccount | undefined, scopes: readonly string[]): Set<string> => {
    const rights = new Set<string>()
    for (const scope of scopes) {
      const [, repository = '', actions = ''] = /^repository:(.+):([a-z,]+)$/.exec(scope) ?? []
      for (const action of actions.split(','))
        if (account?.rights[repository]?.includes(action) || (action === 'pull' && publicRepositories.includes(repository)))
          rights.add(`${repository}:${action}`)
    }
    return rights
  }
  const give = (account: TestAccount | undefined, scopes: readonly string[]): Response => {
    const token = `token-${granted.size + 1}-of-${habits.host}`
    granted.set(token, allowed(account, scopes))
    return Response.json(habits.answer(token))
  }
  const refuseLogin = (): Response => Response.json(habits.refusedLogin.body, { status: habits.refusedLogin.status })

  const answerToken = ({ method, url, authorization, body }: SeenRequest): Response => {
    if (method === 'POST') {
      const form = new URLSearchParams(body)
      if (!habits.takesGrant || form.get('grant_type') !== 'refresh_token' || form.get('service') !== habits.service)
        return new Response(null, { status: 404 })
      const account = accounts.find(({ identityToken }) => identityToken !== undefined && identityToken === form.get('refresh_token'))
      return account ? give(account, (form.get('scope') ?? '').split(' ')) : refuseLogin()
    }
    const query = new URL(url).searchParams
    if (query.get('service') !== habits.service) return new Response('no such service', { status: 400 })
    if (authorization === null) return habits.anonymousTokens === 'public' ? give(undefined, query.getAll('scope')) : refuseLogin()
    const account = accounts.find(candidate => authorization === basic(candidate))
    return account ? give(account, query.getAll('scope')) : refuseLogin()
  }

  const answerRegistry = ({ method, url, authorization }: SeenRequest): Response => {
    const [, repository] = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(new URL(url).pathname) ?? []
    const action = method === 'GET' || method === 'HEAD' ? 'pull' : method === 'DELETE' ? 'delete' : 'push'
    const scope = repository === undefined ? undefined : `repository:${repository}:${action === 'push' ? 'pull,push' : action}`
    if (habits.challenge === 'Basic') {
      if (authorization === null) return refuse(401, `Basic realm="${habits.realm}",service="${habits.service}"`)
      const account = accounts.find(candidate => authorization === basic(candidate))
      if (!account) return refuseLogin()
      return repository === undefined || account.rights[repository]?.includes(action) ? new Response('ok') : refuse(403)
    }
    const challenge = `Bearer realm="${habits.realm}",service="${habits.service}"${scope === undefined ? '' : `,scope="${scope}"`}`
    const rights = granted.get(authorization?.replace(/^Bearer /, '') ?? '')
    if (!rights) return refuse(401, authorization === null ? challenge : `${challenge},error="invalid_token"`)
    return repository === undefined || rights.has(`${repository}:${action}`)
      ? new Response('ok')
      : refuse(401, `${challenge},error="insufficient_scope"`)
  }

  const fetch: Fetch = async (input, init = {}) => {
    const url = new URL(input)
    const headers = new Headers(init.headers)
    const body = init.body === undefined || init.body === null ? '' : await new Response(init.body).text()
    const request: SeenRequest = { method: init.method ?? 'GET', url: url.href, authorization: headers.get('authorization'), body }
    init.signal?.throwIfAborted()
    seen.push(request)
    const other = hosts[url.origin]
    if (other) return other(request)
    if (url.origin === realm.origin && url.pathname === realm.pathname && habits.challenge === 'Bearer') return answerToken(request)
    if (url.origin === `https://${habits.host}` && url.pathname.startsWith('/v2/')) return answerRegistry(request)
    throw Object.assign(new Error(`no host ${url.host} in this test`), { code: 'ENOTFOUND' })
  }
  return { fetch, seen, expireTokens: () => granted.clear() }
}

function refuse(status: 401 | 403, challenge?: string): Response {
  const code = status === 401 ? 'UNAUTHORIZED' : 'DENIED'
  const headers = challenge === undefined ? {} : { 'www-authenticate': challenge }
  return Response.json({ errors: [{ code, message: 'requested access to the resource is denied' }] }, { status, headers })
}

function basic({ username, password }: TestAccount): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
