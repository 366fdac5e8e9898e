import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Fetch, World } from '../../codec/world.ts'
import { parseIdToken, type VerifiedIdToken, verifyIdToken } from '../../identity/id-token.ts'
import { fetchedIssuerKeys, type IssuerKeyLimits, type IssuerKeys } from '../../identity/issuer-keys.ts'
import { ServiceRefusal } from '../service.ts'
import { type FulcioConfig, findIssuer } from './configuration/fulcio-config.ts'
import type { IssuerConfig } from './configuration/issuer-config.ts'
import type { Principal } from './principals/principal.ts'
import { principalOfToken } from './principals/principal-of-token.ts'

/** Whom a genuine token is for, and who says so. */
export type Authenticated = { readonly token: VerifiedIdToken; readonly issuer: IssuerConfig; readonly principal: Principal }

export type AuthenticationOptions = {
  readonly config: FulcioConfig
  readonly world: Pick<World, 'now' | 'fetch'>
  /** A client that trusts these authorities too, PEM: for issuers that have `ca-cert`. */
  readonly fetchTrusting: ((caCertificates: string) => Fetch) | undefined
  /** Keys of issuers that are not asked for them, by URL. */
  readonly localKeys: ReadonlyMap<string, IssuerKeys>
  /** Values of the Authorization header for issuers that tell their keys to nobody else, by URL. */
  readonly issuerAuthorization: ReadonlyMap<string, () => Promise<string>>
  readonly keyLimits: IssuerKeyLimits
  readonly keptIssuers: number // of meta issuers, whose keys are kept
  readonly askedAtOnce: number // requests to meta issuers: anybody can name many
}

const message = 'There was an error processing the identity token'

/**
 * Makes the function that says whom a token is for. Only issuers of the configuration are ever asked for keys.
 *
 * It throws ServiceRefusal: 400 for whatever is wrong with the token; 503 where its issuer could not be asked, for then nobody knows.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED` where an issuer needs authorities that no client is there for
 * @see services.md §1.2, step 1
 */
export function createAuthentication(options: AuthenticationOptions): (compact: string) => Promise<Authenticated> {
  const { config, world } = options
  const keysOf = createKeyring(options)
  const authenticate = async (compact: string): Promise<Authenticated> => {
    const parsed = parseIdToken(compact)
    const issuer = findIssuer(config, parsed.issuer)
    if (!issuer) throw new CountersignError('TOKEN_INVALID', `ID token: issuer ${quote(parsed.issuer)} is not one of the configuration`)
    const demands = { issuer: parsed.issuer, audience: issuer.clientId, keys: keysOf(parsed.issuer, issuer), now: world.now() }
    const token = await verifyIdToken(parsed, demands)
    return { token, issuer, principal: principalOfToken(token, issuer.kind) }
  }
  return async compact => {
    try {
      return await authenticate(compact)
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      const isIssuers = cause.kind === 'unavailable' || cause.code === 'SERVICE_RESPONSE_MALFORMED'
      throw new ServiceRefusal(isIssuers ? 503 : 400, message, { cause, ...(isIssuers && { headers: { 'retry-after': '10' } }) })
    }
  }
}

/** Keys by issuer. Those of meta issuers are as many as their tokens name, so the ones not wanted for longest are forgotten. */
function createKeyring(options: AuthenticationOptions): (url: string, issuer: IssuerConfig) => IssuerKeys {
  const { config, localKeys, world, fetchTrusting, issuerAuthorization, keyLimits, keptIssuers, askedAtOnce } = options
  const inBounds = createBound(askedAtOnce)
  const make = (url: string, { caCertificates, pattern }: IssuerConfig): IssuerKeys => {
    const direct = caCertificates === undefined ? world.fetch : fetchTrusting?.(caCertificates)
    const fetch = direct && pattern ? inBounds(direct) : direct
    if (!fetch) throw new CountersignError('CONFIGURATION_MALFORMED', `issuer ${url}: ca-cert is not supported here`)
    return fetchedIssuerKeys(url, { now: world.now, fetch }, keyLimits, issuerAuthorization.get(url), pattern !== undefined)
  }
  const fixed = new Map(config.issuers.map(issuer => [issuer.url, localKeys.get(issuer.url) ?? make(issuer.url, issuer)]))
  for (const issuer of config.metaIssuers) make(issuer.url, issuer) // so that what is missing is missed now
  const kept = new Map<string, IssuerKeys>() // in the order in which they were last wanted
  return (url, issuer) => {
    if (!issuer.pattern) return fixed.get(url)!
    const keys = kept.get(url) ?? make(url, issuer)
    kept.delete(url)
    kept.set(url, keys)
    const [oldest] = kept.keys()
    if (kept.size > keptIssuers && oldest !== undefined) kept.delete(oldest)
    return keys
  }
}

/** Makes clients that together have no more requests under way than a limit; what is more fails at once. */
function createBound(limit: number): (fetch: Fetch) => Fetch {
  let underWay = 0
  return fetch => async (url, init) => {
    if (underWay >= limit) throw new CountersignError('SERVICE_UNAVAILABLE', `more than ${limit} issuers are asked at once`)
    underWay++
    try {
      return await fetch(url, init)
    } finally {
      underWay--
    }
  }
}
