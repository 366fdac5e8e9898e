import { createHash } from 'node:crypto'
import { CountersignError } from '../../../codec/error.ts'
import type { World } from '../../../codec/world.ts'
import { parseIdToken, type VerifiedIdToken, verifyIdToken } from '../../../identity/id-token.ts'
import { fetchedIssuerKeys } from '../../../identity/issuer-keys.ts'
import { ServiceRefusal } from '../../service.ts'
import { type IssuerConnector, type IssuerSettings, publicClient } from '../configuration.ts'
import type { Claims } from '../keys/signing-keys.ts'
import type { ClientForm } from './client-request.ts'
import { OAuthRefusal } from './oauth-refusal.ts'

/** The `grant_type` of a token exchange. RFC 8693 §2.1 */
export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

const idTokenType = 'urn:ietf:params:oauth:token-type:id_token'
const subjectTypes = [idTokenType, 'urn:ietf:params:oauth:token-type:jwt']

/** What a token is made of: claims, and when it ends at the latest. */
export type Exchanged = { readonly claims: Claims; readonly until: number } // seconds since 1970

/** Exchanges tokens of other issuers. */
export type TokenExchange = (request: ClientForm) => Promise<Exchanged>

/**
 * Lets workloads in by the tokens that their own issuers gave them: those that are configured, for the audience that is configured, as Dex
 * does it. What they were given says who they are: an email address where the connector may vouch for its domain and no user or program of
 * this issuer has it. The subject is a hash of connector and subject, for no two issuers share their names; both stand in `federated_claims`.
 *
 * @throws (from the exchange) OAuthRefusal `invalid_client`, `invalid_target`, `invalid_request` for a token that does not hold; ServiceRefusal
 *   503 where its issuer does not answer
 * @see RFC 8693 §2.1, §2.2.2; services.md §6
 */
export function createTokenExchange(
  { connectors, usersByEmail, clients }: IssuerSettings,
  world: Pick<World, 'fetch' | 'now'>,
): TokenExchange {
  const own = new Set([...usersByEmail.keys(), ...clients.flatMap(({ email }) => email?.toLowerCase() ?? [])])
  const known = connectors.map(connector => ({ ...connector, keys: fetchedIssuerKeys(connector.issuer, world) }))
  return async ({ form, authorization }) => {
    const compact = readRequest(form, authorization)
    const token = parsing(() => parseIdToken(compact))
    const id = form.get('connector_id')
    const connector = known.find(one => one.issuer === token.issuer && (id === null || one.id === id))
    if (!connector) throw new OAuthRefusal('invalid_request', 'subject_token: no connector takes tokens of its issuer')
    const verified = await verifying(connector, () =>
      verifyIdToken(token, { issuer: connector.issuer, audience: connector.audience, keys: connector.keys, now: world.now() }),
    )
    const email = emailOf(verified, connector)
    return {
      claims: {
        sub: createHash('sha256').update(`${connector.id}\0${verified.subject}`).digest('base64url'),
        ...(email !== undefined && !own.has(email.toLowerCase()) && { email, email_verified: true }),
        federated_claims: { connector_id: connector.id, user_id: verified.subject },
      },
      until: Math.floor(verified.claims.get('exp') as number),
    }
  }
}

/** The token that is to be exchanged. */
function readRequest(form: URLSearchParams, authorization: string | undefined): string {
  const names = [...form.keys()]
  if (new Set(names).size < names.length) throw new OAuthRefusal('invalid_request', 'want every parameter once')
  if (authorization !== undefined || form.get('client_id') !== publicClient || form.has('client_secret'))
    throw new OAuthRefusal('invalid_client', `want the client ${publicClient}, which has no secret`, 401)
  if (form.has('actor_token')) throw new OAuthRefusal('invalid_request', 'actor_token: want none, nobody acts for another here')
  if ((form.get('audience') ?? publicClient) !== publicClient || form.has('resource'))
    throw new OAuthRefusal('invalid_target', `want the audience ${publicClient} and no resource`)
  if ((form.get('requested_token_type') ?? idTokenType) !== idTokenType)
    throw new OAuthRefusal('invalid_request', `requested_token_type: want ${idTokenType}`)
  if (!subjectTypes.includes(form.get('subject_token_type') ?? ''))
    throw new OAuthRefusal('invalid_request', `subject_token_type: want ${subjectTypes.join(' or ')}`)
  const token = form.get('subject_token')
  if (!token) throw new OAuthRefusal('invalid_request', 'want a subject_token')
  return token
}

function parsing<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw refusalOf(cause)
  }
}

async function verifying({ id }: { readonly id: string }, verify: () => Promise<VerifiedIdToken>): Promise<VerifiedIdToken> {
  try {
    return await verify()
  } catch (cause) {
    if (cause instanceof CountersignError && cause.kind === 'unavailable')
      throw new ServiceRefusal(503, `the issuer of the connector ${id} does not answer`, { headers: { 'retry-after': '10' } })
    throw refusalOf(cause)
  }
}

/** Messages of tokens hold nothing of them but issuer, audience and algorithm. */
function refusalOf(cause: unknown): unknown {
  if (!(cause instanceof CountersignError)) return cause
  return new OAuthRefusal('invalid_request', `subject_token: ${cause.message}`)
}

/** An address that its issuer has verified, in a domain that it may vouch for. */
function emailOf({ claims }: VerifiedIdToken, { emailDomains }: IssuerConnector): string | undefined {
  const [email, isVerified] = [claims.get('email'), claims.get('email_verified')]
  if (typeof email !== 'string' || isVerified !== true || email.length > 320) return undefined
  const [, domain] = /^[^\s@]{1,128}@([^\s@]{1,253})$/.exec(email) ?? []
  return domain !== undefined && emailDomains.includes(domain.toLowerCase()) ? email : undefined
}

/** @see RFC 8693 §2.2.1 */
export function exchangeAnswer(token: string, expiresInSeconds: number): Response {
  const body = { access_token: token, issued_token_type: idTokenType, token_type: 'N_A', expires_in: expiresInSeconds }
  return Response.json(body, { headers: { 'cache-control': 'no-store', pragma: 'no-cache' } })
}
