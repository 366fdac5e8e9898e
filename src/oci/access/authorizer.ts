import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { basicAuthorization, type CredentialSource, type Credentials } from '../credentials/credentials.ts'
import { createSingleFlight } from '../transport/single-flight.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import { checkRealm, type Realm } from './realm.ts'
import { coversScope, parseScope, type Scope, scopeParameters, unionOfScopes } from './scope.ts'
import { fetchToken, type Token } from './token.ts'

/** Makes the `Authorization` fields for one registry host, and remembers how that host wants to be asked. */
export type Authorizer = {
  /** Nothing before the host has asked for anything, and nothing when there is nothing to show. */
  readonly authorize: (scope: Scope, signal: AbortSignal) => Promise<string | undefined>
  /**
   * Learns from a 401 of the registry itself, never of a host it redirected to.
   *
   * @param registry - origin the answer came from
   * @param sent - the `Authorization` that was refused
   * @returns whether asking again can help
   * @throws CountersignError `CREDENTIALS_WITHHELD` when it asks for credentials it must not have
   */
  readonly learn: (header: string, registry: URL, scope: Scope, sent: string | undefined) => Promise<boolean>
  readonly credentials: () => Promise<Credentials>
}

/** How the host wants to be asked: with what we have as it is, or with tokens made of it. */
type Method = { readonly kind: 'basic' } | { readonly kind: 'bearer'; readonly realm: Realm; readonly service: string | undefined }

const tokenLimit = 1000 // remembered per host; the oldest goes first

/** An authorizer for one host. `mayCarry` says whether credentials may cross a connection to it: not over plain http, but where it is safe or allowed. */
export function createAuthorizer(
  world: Pick<World, 'fetch' | 'now' | 'randomBytes' | 'sleep'>,
  host: string,
  source: CredentialSource,
  mayCarry: (registry: URL) => boolean,
): Authorizer {
  let method: Method | undefined
  let found: Promise<Credentials> | undefined
  const tokens = new Map<string, { readonly scope: Scope; readonly token: Token }>()
  const share = createSingleFlight<Token>()
  const widened = new Map<string, Scope>() // what the registry said it wants beyond what we asked for, by what we asked for

  const credentials = (): Promise<Credentials> => {
    const asked = found ?? source(host)
    found = asked
    asked.catch(() => {
      if (found === asked) found = undefined // the next request may ask again
    })
    return asked
  }

  const tokenFor = async (asked: Scope, { realm, service }: Extract<Method, { kind: 'bearer' }>, signal: AbortSignal): Promise<Token> => {
    const scope = unionOfScopes(asked, widened.get(scopeKey(asked)) ?? new Map())
    const now = world.now().getTime()
    for (const [key, known] of tokens)
      if (known.token.expiresAtMs <= now) tokens.delete(key)
      else if (coversScope(known.scope, scope)) return known.token
    return share(scopeKey(scope), signal, async inner => {
      const shown = await credentials()
      if (shown.kind === 'registry-token') throw new TypeError('a registry token is not exchanged')
      if (shown.kind !== 'anonymous' && !realm.mayHaveCredentials)
        throw new CountersignError(
          'CREDENTIALS_WITHHELD',
          `registry ${host}: asks to have its credentials sent to ${quote(realm.url.host)}, a host of another domain`,
        )
      const token = await fetchToken(world, { realm: realm.url, service, registry: host }, scopeParameters(scope), shown, inner)
      for (const oldest of tokens.keys()) if (tokens.size >= tokenLimit) tokens.delete(oldest)
      tokens.set(scopeKey(scope), { scope, token })
      return token
    })
  }

  return {
    credentials,

    async authorize(scope, signal) {
      if (method === undefined) return undefined
      const shown = await credentials()
      if (shown.kind === 'registry-token') return `Bearer ${shown.token}`
      if (method.kind === 'bearer') return `Bearer ${(await tokenFor(scope, method, signal)).value}`
      return shown.kind === 'basic' ? basicAuthorization(shown) : undefined
    },

    async learn(header, registry, scope, sent) {
      const shown = await credentials()
      const challenge = chooseChallenge(parseChallenges(header, `registry ${host}`), shown)
      if (!challenge) return false
      if (shown.kind !== 'anonymous' && !mayCarry(registry))
        throw new CountersignError(
          'CREDENTIALS_WITHHELD',
          `registry ${host}: asks for credentials over plain http, which others on the network can read and which no flag allows`,
        )
      const before = method?.kind
      method = shown.kind === 'registry-token' ? { kind: 'basic' } : toMethod(challenge, registry)
      if (shown.kind === 'registry-token') return sent === undefined // there is no other
      if (method.kind === 'basic') return shown.kind === 'basic' && (sent === undefined || before === 'bearer')
      for (const [key, { token }] of tokens) if (sent === `Bearer ${token.value}`) tokens.delete(key)
      if (sent !== undefined && widened.size < tokenLimit) widened.set(scopeKey(scope), parseScope(challenge.parameters.get('scope') ?? ''))
      return true
    },
  }
}

function scopeKey(scope: Scope): string {
  return scopeParameters(scope).join(' ')
}

/** The first challenge that the credentials can answer, else the first of a kind we know: registries also offer Negotiate and the like. */
function chooseChallenge(challenges: readonly Challenge[], shown: Credentials): Challenge | undefined {
  const known = challenges.filter(({ scheme }) => scheme === 'basic' || scheme === 'bearer')
  const answerable = shown.kind === 'anonymous' || shown.kind === 'identity-token' ? 'bearer' : undefined
  return known.find(({ scheme }) => answerable === undefined || scheme === answerable) ?? known[0]
}

function toMethod({ scheme, parameters }: Challenge, registry: URL): Method {
  if (scheme === 'basic') return { kind: 'basic' }
  return { kind: 'bearer', realm: checkRealm(parameters.get('realm'), registry), service: parameters.get('service') }
}
