import { type IssuerSettings, type KnownUser, publicClient } from '../configuration.ts'
import { deviceCodePage, deviceConfirmPage, noticePage, pageHeaders } from '../sign-in/pages.ts'

/** Paths below the issuer's own. The door lets these through and no others. */
export const paths = {
  discovery: '/.well-known/openid-configuration',
  keys: '/keys',
  authorization: '/auth',
  token: '/token',
  device: '/device',
  deviceAuthorization: '/device/code',
  endSession: '/session/end',
  login: '/login',
} as const

/** Where a client is that no redirect can reach: its user carries the code over. */
export const outOfBand = 'urn:ietf:wg:oauth:2.0:oob'

/** The `grant_type` of a device that asks for its token. RFC 8628 §3.4 */
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** What a client may ask for: a token, and in it the email address and the name of its user. OpenID Connect Core 1.0 §5.4 */
export const scopes = ['openid', 'email', 'profile']

/** Behind loopback addresses of any port: cosign and sigstore for Python, others; sigstore-js has none. RFC 8252 §7.3. */
const loopbackPaths = ['/auth/callback', '/callback', '/', '']

/** That a code, and a sign-in with all that belongs to it, are good for. */
const codeSeconds = 120
const signInSeconds = 600

/** What the provider is, as data. */
export function providerData({ tokenSeconds, clients }: IssuerSettings): object {
  const off = { enabled: false }
  return {
    scopes,
    claims: {
      openid: ['sub', 'federated_claims'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      acr: null,
      sid: null,
      auth_time: null,
      iss: null,
    },
    conformIdTokenClaims: false, // clients read the email address in the ID token
    responseTypes: ['code'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256'] }, // another one cosign takes for the name of a file
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
    clients: [
      {
        client_id: publicClient,
        application_type: 'native', // makes the port of a loopback redirect the client's own choice
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', deviceGrant],
        redirect_uris: [
          ...['localhost', '127.0.0.1', '[::1]'].flatMap(host => loopbackPaths.map(path => `http://${host}${path}`)),
          outOfBand,
        ],
      },
      ...clients.map(({ id, secret }) => ({
        client_id: id,
        client_secret: secret,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      })),
    ],
    routes: {
      authorization: paths.authorization,
      token: paths.token,
      code_verification: paths.device,
      device_authorization: paths.deviceAuthorization,
      end_session: paths.endSession,
      jwks: paths.keys,
    },
    ttl: {
      AccessToken: tokenSeconds, // it is the ID token: see the door
      AuthorizationCode: codeSeconds,
      ClientCredentials: tokenSeconds,
      DeviceCode: signInSeconds,
      Grant: signInSeconds,
      IdToken: tokenSeconds,
      Interaction: signInSeconds,
      Session: signInSeconds,
    },
    features: {
      devInteractions: off,
      dPoP: off,
      pushedAuthorizationRequests: off,
      resourceIndicators: off,
      rpInitiatedLogout: off,
      userinfo: off,
      clientCredentials: { enabled: true },
    },
  }
}

/** What is used of the context in which the provider calls. */
export type ProviderContext = {
  body: unknown
  readonly set: (headers: Readonly<Record<string, string>>) => void
  readonly oidc: {
    readonly client: { readonly clientId: string }
    readonly params?: { readonly grant_type?: string }
    readonly result?: { readonly login?: object }
    readonly account?: { readonly accountId: string }
    readonly provider: {
      readonly Grant: new (properties: object) => { readonly addOIDCScope: (scope: string) => void; readonly save: () => Promise<string> }
    }
  }
}

/** What the provider does where it asks: users, grants. The functions of the device flow are apart, for features are merged. */
export function providerActions({ usersById }: IssuerSettings): object {
  return {
    clientBasedCORS: () => false,
    pkce: { required: () => true },
    findAccount: (_: ProviderContext, id: string) => {
      const user = usersById.get(id)
      return user && { accountId: id, claims: () => claimsOf(user) }
    },
    /** Signing in is for nothing but the token: there is no consent to ask for beside. */
    loadExistingGrant: async ({ oidc }: ProviderContext) => {
      const grant = new oidc.provider.Grant({ accountId: oidc.account!.accountId, clientId: oidc.client.clientId })
      grant.addOIDCScope(scopes.join(' '))
      await grant.save()
      return grant
    },
    renderError: (ctx: ProviderContext, out: { readonly error: string; readonly error_description?: string }) => {
      ctx.set(pageHeaders)
      ctx.body = noticePage('This did not work', out.error_description ?? out.error)
    },
  }
}

type InputFailure = { readonly name: string; readonly userCode?: string } | undefined

/** The device flow and its pages. `noteWrongCode` is told when somebody typed a code that is none. */
export function deviceFlow(noteWrongCode: () => void): object {
  const send = (ctx: ProviderContext, html: string): void => {
    ctx.set(pageHeaders)
    ctx.body = html
  }
  return {
    enabled: true,
    deviceInfo: () => ({}), // no addresses of clients are kept
    userCodeInputSource: (ctx: ProviderContext, form: string, _: unknown, failure: InputFailure) => {
      if (failure?.name === 'NotFoundError') noteWrongCode()
      send(ctx, deviceCodePage(form, failure && inputProblem(failure)))
    },
    userCodeConfirmSource: (ctx: ProviderContext, form: string, _: unknown, __: unknown, userCode: string) =>
      send(ctx, deviceConfirmPage(form, userCode)),
    successSource: (ctx: ProviderContext) => send(ctx, noticePage('Signed in', 'The device has what it needs. You can close this page.')),
  }
}

function inputProblem(failure: { readonly name: string; readonly userCode?: string }): string {
  switch (failure.name) {
    case 'NotFoundError':
      return 'No device has shown this code.'
    case 'NoCodeError':
      return 'A code is needed.'
    case 'ExpiredError':
      return 'This code has expired. Start again on the device.'
    case 'AlreadyUsedError':
      return 'This code has been used.'
    case 'AbortedError':
      return 'Cancelled. The device was told.'
    default:
      return 'This did not work. Start again on the device.'
  }
}

/** Claims of a user's token, as Dex makes them. @see services.md §6 */
export function claimsOf({ id, email, name, connector = 'local' }: Omit<KnownUser, 'password'>): object {
  const federated = { connector_id: connector, user_id: id }
  return { sub: id, email, email_verified: true, ...(name !== undefined && { name }), federated_claims: federated }
}
