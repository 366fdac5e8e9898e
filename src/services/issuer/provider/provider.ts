import { reasonOf } from '../../../codec/error.ts'
import type { ServiceEvents } from '../../service.ts'
import type { IssuerSettings } from '../configuration.ts'
import type { KeySet, SigningKey } from '../keys/signing-keys.ts'
import { deviceFlow, type ProviderContext, paths, providerActions, providerData } from './provider-setup.ts'
import type { IssuerState } from './state.ts'

/** What is used of oidc-provider, which declares no types. */
export type OpenIdProvider = {
  readonly callback: () => (req: object, res: object) => Promise<void>
  readonly interactionDetails: (req: object, res: object) => Promise<{ readonly uid: string }>
  /** Notes how an interaction ended, and says where the browser goes on. */
  readonly interactionResult: (req: object, res: object, result: object, options: { mergeWithLastSubmission: boolean }) => Promise<string>
  readonly registerGrantType: (name: string, handler: (ctx: ProviderContext) => Promise<void>, parameters: readonly string[]) => void
  readonly ClientCredentials: new (properties: object) => { readonly save: () => Promise<string>; readonly expiration: number }
  readonly on: (event: string, listener: (ctx: ProviderContext, error: unknown) => void) => void
}

type Check = { readonly reason: string }
type Policy = {
  readonly remove: (prompt: string) => void
  readonly get: (prompt: string) => { readonly checks: { readonly add: (check: Check) => void } }
}

/** Makes the provider that signs with the keys of a moment. What is under way outlives it. */
export type ProviderMaker = (keys: KeySet) => OpenIdProvider

export type ProviderPieces = {
  readonly settings: IssuerSettings
  readonly state: IssuerState
  readonly events: ServiceEvents
  readonly noteWrongCode: () => void
  /** The ID token that a program gets for itself. */
  readonly clientToken: (clientId: string) => Promise<string>
}

/**
 * Loads oidc-provider and sets it up as an issuer for Sigstore's clients: RS256, code and device flow, PKCE always, one public client.
 * Every sign-in asks for the password: a public client on loopback may be anybody's program, and a remembered session would hand it a
 * token unseen (RFC 8252 §8.6). Times of what it issues are the machine's, the only clock it asks.
 */
export async function loadProvider({ settings, state, events, noteWrongCode, clientToken }: ProviderPieces): Promise<ProviderMaker> {
  // not by its main file: that warns on the console wherever Node is no LTS release
  // @ts-expect-error it declares no types; what is used of it is declared above
  const { Provider } = (await import('oidc-provider/lib/provider.js')) as {
    Provider: new (issuer: string, setup: object) => OpenIdProvider
  }
  // @ts-expect-error it declares no types
  const { base, Check } = (await import('oidc-provider/lib/helpers/interaction_policy/index.js')) as {
    base: () => Policy
    Check: new (reason: string, description: string, check: (ctx: ProviderContext) => boolean) => Check
  }
  const policy = base()
  policy.remove('consent')
  policy.get('login').checks.add(new Check('always', 'every sign-in is a new one', ({ oidc }) => oidc.result?.login === undefined))
  const data = providerData(settings) as { features: object }
  const setup = {
    ...data,
    ...providerActions(settings),
    features: { ...data.features, deviceFlow: deviceFlow(noteWrongCode) },
    adapter: state.adapter,
    cookies: { names: { session: 'issuer', interaction: 'issuer_login', resume: 'issuer_resume' } }, // unsigned: 256 random bits each
    interactions: { policy, url: (_: unknown, { uid }: { uid: string }) => `${settings.prefix}${paths.login}/${uid}` },
  }
  return keys => {
    const inOrder = [keys.active, ...keys.published.filter(key => key !== keys.active)] // the first that fits signs
    const provider = new Provider(settings.issuer, { ...setup, jwks: { keys: inOrder.map(privateJwk) } })
    provider.registerGrantType('client_credentials', ctx => grantToClient(provider, ctx, clientToken), ['scope', 'redirect_uri'])
    reportTo(events, provider)
    return provider
  }
}

/** The grant for programs, which answers an ID token as well: cosign's `--fulcio-auth-flow client_credentials` wants one. */
async function grantToClient(
  provider: OpenIdProvider,
  ctx: ProviderContext,
  clientToken: (clientId: string) => Promise<string>,
): Promise<void> {
  const accessToken = new provider.ClientCredentials({ client: ctx.oidc.client })
  ctx.body = {
    access_token: await accessToken.save(),
    token_type: 'Bearer',
    expires_in: accessToken.expiration,
    id_token: await clientToken(ctx.oidc.client.clientId),
  }
}

function privateJwk({ privateKey, publicJwk }: SigningKey): object {
  return { ...privateKey.export({ format: 'jwk' }), ...publicJwk }
}

function reportTo(events: ServiceEvents, provider: OpenIdProvider): void {
  provider.on('grant.success', ({ oidc }) => events.count('issuer_tokens_total', { grant: oidc.params?.grant_type ?? '' }))
  const fail = (_: unknown, error: unknown): void => events.log('error', `issuer: ${reasonOf(error)}`)
  provider.on('server_error', fail)
  provider.on('error', (error: unknown) => fail(undefined, error)) // with a listener, nothing goes to the console
}
