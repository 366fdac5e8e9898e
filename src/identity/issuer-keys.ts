import type { JWK } from 'jose'
import { collectBytes } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { type Json, type JsonObject, parseJson, readArray, readAs, readObject, readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import type { World } from '../codec/world.ts'
import { reachOf } from '../oci/transport/host.ts'

/** A public key with which an issuer signs tokens. Only `readIssuerKeySet` makes one. */
export type IssuerKey = {
  readonly keyId: string | undefined
  readonly algorithms: readonly string[] // JWS names of the signatures that it makes
  readonly jwk: JWK // of its public members alone
}

/** The keys of an issuer at one time, and the algorithms it announces. */
export type IssuerKeySet = { readonly algorithms: ReadonlySet<string>; readonly keys: readonly IssuerKey[] }

/** Where the keys of one issuer are had. */
export type IssuerKeys = {
  readonly current: () => Promise<IssuerKeySet>
  /** A set that is newer than the one at hand, which did not have a key that was looked for; nothing where there is none to be had yet. */
  readonly newerThan: (known: IssuerKeySet) => Promise<IssuerKeySet | undefined>
}

/** What asking an issuer for its keys may cost, and for how long its answer counts. */
export type IssuerKeyLimits = {
  readonly timeoutMs: number // for discovery and keys together
  readonly bodyBytes: number // of each document
  readonly freshMs: number // keys are asked for again after so long
  readonly staleMs: number // an issuer that does not answer is believed on its last keys for so long
  readonly renewMs: number // between two requests for the sake of an unknown key, and between two that failed
}

/** Limits where none are told. Of discovery services.md §1.2 has the time. */
export const defaultIssuerKeyLimits: IssuerKeyLimits = {
  timeoutMs: 10_000,
  bodyBytes: 1 << 20,
  freshMs: 300_000,
  staleMs: 3_600_000,
  renewMs: 10_000,
}

/** JWS algorithms with a public key, of which an issuer announces those that it signs with. RFC 7518 §3.1, RFC 8037 §3.1. */
export const publicKeyAlgorithms: readonly string[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]

const maxKeys = 100

/**
 * Keys of an issuer that lives in this process.
 *
 * @param read - its JWK set as it is now
 * @param algorithms - that it signs with; RS256 unless told
 */
export function localIssuerKeys(read: () => unknown, algorithms: readonly string[] = ['RS256']): IssuerKeys {
  return {
    current: async () => readIssuerKeySet(read(), algorithms, 'keys'),
    newerThan: async () => undefined,
  }
}

/**
 * Keys of an issuer that is asked by OpenID Connect discovery, when they are first wanted. They are kept, asked for again when they are old or
 * when a token names a key that is not among them, though not more often than the limits say, and by one request for all who wait.
 *
 * Only the issuer's own URL is asked, and the `jwks_uri` of its document. That may be on another host, as OpenID Connect allows and Google
 * does it, but by https alone, or on this machine where the issuer is. No redirect is followed (GHSA-f5mr-q85p-6hh6). An issuer that is known
 * by a pattern alone may be anybody on a host that fits it, and does not say which other hosts are asked.
 *
 * @param issuer - URL, one that the configuration names
 * @param isOfPattern - whether it is not itself what the configuration names: its keys must be on its own origin
 * @param authorization - value of a header for issuers that want one, clusters of Kubernetes; it goes to the issuer's own origin alone
 * @see OpenID Connect Discovery 1.0 §4
 */
export function fetchedIssuerKeys(
  issuer: string,
  world: Pick<World, 'fetch' | 'now'>,
  limits: IssuerKeyLimits = defaultIssuerKeyLimits,
  authorization?: () => Promise<string>,
  isOfPattern = false,
): IssuerKeys {
  const now = () => world.now().getTime()
  let known: { readonly set: IssuerKeySet; readonly at: number } | undefined
  let failure: { readonly error: unknown; readonly at: number } | undefined
  let underWay: Promise<IssuerKeySet> | undefined

  const isRecent = (at: number | undefined, ms: number) => at !== undefined && Math.abs(now() - at) < ms
  const ask = (): Promise<IssuerKeySet> => {
    if (failure && isRecent(failure.at, limits.renewMs)) return Promise.reject(failure.error as Error)
    underWay ??= discover(issuer, world.fetch, limits, authorization, isOfPattern)
      .then(
        set => {
          ;[known, failure] = [{ set, at: now() }, undefined]
          return set
        },
        (error: unknown) => {
          failure = { error, at: now() }
          throw error
        },
      )
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }
  return {
    current: async () => {
      if (known && isRecent(known.at, limits.freshMs)) return known.set
      try {
        return await ask()
      } catch (error) {
        if (known && isRecent(known.at, limits.staleMs)) return known.set
        throw error
      }
    },
    newerThan: async set => {
      if (known && known.set !== set) return known.set
      return isRecent(known?.at, limits.renewMs) ? undefined : await ask()
    },
  }
}

/**
 * Reads a JWK set. Keys that sign nothing we verify are left out: those to encrypt with, of other kinds, and with a shared secret.
 *
 * @param what - begins every message
 * @throws CountersignError `SERVICE_RESPONSE_MALFORMED`, `LIMIT_EXCEEDED` past 100 keys
 * @see RFC 7517 §5
 */
export function readIssuerKeySet(value: unknown, algorithms: readonly string[], what: string): IssuerKeySet {
  return readAs('SERVICE_RESPONSE_MALFORMED', what, () => ({
    algorithms: new Set(algorithms.filter(algorithm => publicKeyAlgorithms.includes(algorithm))),
    keys: readArray(readObject(value, what)['keys'], `${what}.keys`, maxKeys, readKey).filter(key => key !== undefined),
  }))
}

function readKey(value: unknown, at: string): IssuerKey | undefined {
  const jwk = readObject(value, at)
  const kind = kindOf(jwk)
  if (!kind || (jwk['use'] !== undefined && jwk['use'] !== 'sig')) return undefined
  const members = ['kty', 'crv', ...kind.members].filter(name => jwk[name] !== undefined)
  const { kid, alg } = jwk
  return {
    keyId: kid === undefined ? undefined : readString(kid, `${at}.kid`),
    algorithms: kind.algorithms.filter(algorithm => alg === undefined || alg === algorithm),
    jwk: Object.fromEntries(members.map(name => [name, readString(jwk[name], `${at}.${name}`)])) as JWK,
  }
}

function kindOf({ kty, crv }: JsonObject): { readonly members: readonly string[]; readonly algorithms: readonly string[] } | undefined {
  if (kty === 'RSA') return { members: ['n', 'e'], algorithms: publicKeyAlgorithms.filter(name => /^[RP]S/.test(name)) }
  if (kty === 'OKP') return crv === 'Ed25519' ? { members: ['x'], algorithms: ['EdDSA'] } : undefined
  const ecdsa = kty === 'EC' && new Map<Json | undefined, string>([['P-256', 'ES256'], ['P-384', 'ES384'], ['P-521', 'ES512']]).get(crv) // biome-ignore format: a table
  return ecdsa ? { members: ['x', 'y'], algorithms: [ecdsa] } : undefined
}

async function discover(
  issuer: string,
  fetch: World['fetch'],
  limits: IssuerKeyLimits,
  authorization: (() => Promise<string>) | undefined,
  isOfPattern: boolean,
): Promise<IssuerKeySet> {
  const what = `issuer ${issuer}`
  const signal = AbortSignal.timeout(limits.timeoutMs)
  const get = async (url: string): Promise<Json> => {
    const isOwn = new URL(url).origin === new URL(issuer).origin
    const headers = { accept: 'application/json', ...(authorization && isOwn && { authorization: await authorization() }) }
    return getJson(url, request => fetch(request, { headers, redirect: 'manual', signal }), limits.bodyBytes, what)
  }
  const document = await get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const { algorithms, jwksUri } = readAs('SERVICE_RESPONSE_MALFORMED', what, () => readDocument(document, issuer, what))
  if (isOfPattern && new URL(jwksUri).origin !== new URL(issuer).origin)
    throw malformed(what, `jwks_uri: want a URL of its own origin, got ${quote(jwksUri)}`)
  return readIssuerKeySet(await get(jwksUri), algorithms, `${what}: keys`)
}

function readDocument(document: Json, issuer: string, what: string): { readonly algorithms: readonly string[]; readonly jwksUri: string } {
  const provider = readObject(document, what)
  const stated = readString(provider['issuer'], `${what}: issuer`)
  if (stated !== issuer) throw malformed(what, `it calls itself ${quote(stated)}`)
  const algorithms = provider['id_token_signing_alg_values_supported']
  const jwksUri = readString(provider['jwks_uri'], `${what}: jwks_uri`)
  if (!isAllowedKeyUrl(jwksUri, issuer))
    throw malformed(what, `jwks_uri: want an https URL, or one of this machine as the issuer is, got ${quote(jwksUri)}`)
  const known = (
    algorithms === undefined || algorithms === null ? [] : readArray(algorithms, `${what}: algorithms`, 100, readString)
  ).filter(algorithm => publicKeyAlgorithms.includes(algorithm))
  return { algorithms: known.length > 0 ? known : ['RS256'], jwksUri } // the default of OpenID Connect Core §2
}

function isAllowedKeyUrl(text: string, issuer: string): boolean {
  const url = URL.parse(text)
  if (url?.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (isPlainLoopback(url) && isPlainLoopback(new URL(issuer)))
}

/** Whether a URL is one of this machine without TLS: nobody is in between. */
export function isPlainLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && reachOf(hostname) === 'loopback'
}

type Ask = (url: string) => Promise<Response>

async function getJson(url: string, ask: Ask, limit: number, what: string): Promise<Json> {
  const { bytes, status } = await getBytes(url, ask, limit, what)
  if (status !== 200) throw unavailable(what, `GET ${pathOf(url)}: want status 200, got ${status}`)
  if (!bytes) throw malformed(what, `GET ${pathOf(url)}: want at most ${limit} bytes`)
  return readAs('SERVICE_RESPONSE_MALFORMED', what, () => parseJson(bytes, `${what}: ${pathOf(url)}`, { bytes: limit }))
}

async function getBytes(url: string, ask: Ask, limit: number, what: string) {
  try {
    const response = await ask(url)
    const bytes = response.status === 200 ? await collectBytes(response.body ?? emptyBody(), limit) : undefined
    if (response.status !== 200) await response.body?.cancel()
    return { bytes, status: response.status }
  } catch (cause) {
    throw unavailable(what, `GET ${pathOf(url)}: no usable answer`, cause)
  }
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

/** Without its query, which may hold what is nobody's business. */
function pathOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('SERVICE_RESPONSE_MALFORMED', `${what}: ${problem}`)
}

function unavailable(what: string, problem: string, cause?: unknown): CountersignError {
  return new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${problem}`, { cause })
}
