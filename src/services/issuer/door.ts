import type { World } from '../../codec/world.ts'
import type { Handler } from '../listen.ts'
import { readRequestBody, type ServiceEvents, ServiceRefusal } from '../service.ts'
import { ciPath, readCiRequest } from './clients/ci-tokens.ts'
import { type ClientForm, readClientForm, withoutPlainChallenge } from './clients/client-request.ts'
import { createDeviceCodes } from './clients/device-codes.ts'
import { OAuthRefusal, oauthAnswer } from './clients/oauth-refusal.ts'
import { createTokenExchange, exchangeAnswer, exchangeGrant } from './clients/token-exchange.ts'
import { type IssuerSettings, publicClient } from './configuration.ts'
import { ciDiscovery, discovery, keyDocument } from './discovery.ts'
import type { Claims, KeySet, SigningKeys } from './keys/signing-keys.ts'
import { createNodeExchange, type NodeExchange } from './provider/node-exchange.ts'
import { loadProvider, type OpenIdProvider } from './provider/provider.ts'
import { deviceGrant, outOfBand, paths } from './provider/provider-setup.ts'
import { createIssuerState } from './provider/state.ts'
import { parseRoute, type Route } from './route.ts'
import { createGuesses } from './sign-in/guesses.ts'
import { createLogin } from './sign-in/login.ts'
import { noticePage, page, pasteCodePage } from './sign-in/pages.ts'

const sessionCookie = 'issuer='

/** @param until - seconds since 1970 at which it ends at the latest */
type MakeToken = (claims: Claims, until?: number) => Promise<string>

/**
 * What stands before the provider: it lets through the addresses it knows, bounds them, slows down guessing, evens out how clients ask,
 * and answers what the provider does not (discovery, keys, signing in, CI tokens).
 */
export async function createDoor(
  settings: IssuerSettings,
  keys: SigningKeys,
  token: MakeToken,
  world: Pick<World, 'fetch' | 'now'>,
  events: ServiceEvents,
): Promise<Handler> {
  const { now } = world
  const { limits } = settings
  const state = createIssuerState(now, { items: limits.signIns, bytes: limits.signInBytes })
  const names = createGuesses(now, { failures: limits.wrongPasswords, windowMs: limits.guessWindowMs })
  const codes = createGuesses(now, { failures: limits.wrongCodes, windowMs: limits.guessWindowMs })
  const devices = createDeviceCodes(state.adapter('DeviceNote'), now, settings.deviceIntervalSeconds)
  const login = createLogin(settings, names, events)
  const clientToken = (id: string): Promise<string> => {
    const email = settings.clients.find(client => client.id === id)?.email
    return token({ sub: id, aud: [publicClient, id], azp: id, ...(email !== undefined && { email, email_verified: true }) })
  }
  const noteWrongCode = () => codes.noteWrong('')
  const makeProvider = await loadProvider({ settings, state, events, noteWrongCode, clientToken })
  let made: { readonly keys: KeySet; readonly provider: OpenIdProvider } | undefined
  const currentProvider = async (): Promise<OpenIdProvider> => {
    const current = await keys.current()
    if (made?.keys !== current) made = { keys: current, provider: makeProvider(current) }
    return made.provider
  }

  const run = async (exchange: NodeExchange): Promise<Response> => {
    await (await currentProvider()).callback()(exchange.req, exchange.res)
    const response = await exchange.response
    for (const name of [...response.headers.keys()]) if (name.startsWith('access-control-')) response.headers.delete(name) // for no other site
    return response
  }
  /**
   * The cookies of a browser, and whether one of them names a session that is there. One that names none is left out: for such a browser the
   * provider would keep a new session, also where no sign-in begins and no room was made for it.
   */
  const cookiesOf = async (request: Request): Promise<{ readonly cookie: string; readonly hasSession: boolean }> => {
    const all = (request.headers.get('cookie') ?? '').split(';').map(pair => pair.trim())
    const [session, ...more] = all.filter(pair => pair.startsWith(sessionCookie))
    const hasSession =
      session !== undefined && more.length === 0 && (await state.adapter('Session').find(session.slice(sessionCookie.length))) !== undefined
    return { cookie: (hasSession ? all : all.filter(pair => !pair.startsWith(sessionCookie))).join('; '), hasSession }
  }
  const open = async (
    request: Request,
    change: { readonly path?: string; readonly client?: ClientForm; readonly form?: URLSearchParams } = {},
  ): Promise<NodeExchange> => {
    const url = new URL(request.url)
    const { cookie } = await cookiesOf(request)
    const accept = request.headers.get('accept')
    const headers: Record<string, string> = { ...(cookie !== '' && { cookie }), ...(accept !== null && { accept }) }
    const form = change.client?.form ?? change.form
    if (form) headers['content-type'] = 'application/x-www-form-urlencoded'
    if (change.client?.authorization !== undefined) headers['authorization'] = change.client.authorization
    const path = change.path ?? url.pathname.slice(settings.prefix.length) + url.search
    return createNodeExchange({
      method: request.method,
      path,
      prefix: settings.prefix,
      origin: settings.url,
      headers,
      ...(form && { body: form.toString() }),
    })
  }
  /** Demands that a browser has been here before: the provider takes an answer of one that has not for a failure of its own. */
  const demandSession = async (request: Request): Promise<void> => {
    const { hasSession } = await cookiesOf(request)
    if (!hasSession) throw new ServiceRefusal(400, 'This browser was not asked for a code. Open the address that the device shows.')
  }
  const roomForSignIn = (): void => {
    const displaced = state.makeRoom()
    if (displaced === undefined)
      throw new ServiceRefusal(429, 'too many sign-ins are under way: try again later', { headers: { 'retry-after': '30' } })
    for (let at = 0; at < displaced; at++) events.count('issuer_sign_ins_displaced_total')
  }
  const readForm = async (request: Request): Promise<URLSearchParams> =>
    new URLSearchParams(Buffer.from(await readRequestBody(request, limits.bodyBytes)).toString())

  const authorize = async (request: Request, url: URL): Promise<Response> => {
    roomForSignIn()
    if (url.search.length > limits.queryBytes) throw new ServiceRefusal(414, `want an address of at most ${limits.queryBytes} bytes`)
    return run(await open(request, { path: `${paths.authorization}?${withoutPlainChallenge(url.searchParams)}` }))
  }

  const exchange = settings.connectors.length === 0 ? undefined : createTokenExchange(settings, world)
  const answerExchange = async (client: ClientForm): Promise<Response> => {
    const { claims, until } = await exchange!(client)
    const value = await token(claims, until)
    events.count('issuer_tokens_total', { grant: exchangeGrant })
    return exchangeAnswer(value, Math.min(settings.tokenSeconds, until - Math.floor(now().getTime() / 1000)))
  }

  const answerToken = async (request: Request): Promise<Response> => {
    const client = readClientForm(request, await readRequestBody(request, limits.bodyBytes))
    if (exchange && client.form.get('grant_type') === exchangeGrant) return await answerExchange(client)
    const guessed = client.authorization ?? client.form.get('client_secret')
    const guesser = `client ${client.form.get('client_id') ?? client.authorization}`
    if (guessed) names.allow(guesser)
    if (client.form.get('grant_type') === deviceGrant) await devices.checkQuestion(client)
    const response = await run(await open(request, { client }))
    if (guessed && response.status === 401) names.noteWrong(guesser)
    return response.status === 200 ? withOneToken(response) : response
  }

  const beginDevice = async (request: Request): Promise<Response> => {
    roomForSignIn()
    const client = readClientForm(request, await readRequestBody(request, limits.bodyBytes))
    const challenge = devices.challengeOf(client.form)
    const response = await run(await open(request, { client }))
    if (response.status !== 200) return response
    return Response.json(await devices.noteAnswer(client.form, challenge, await response.json()), {
      headers: { 'cache-control': 'no-store' },
    })
  }

  const answer = async (request: Request, route: Route, url: URL): Promise<Response> => {
    switch (route.kind) {
      case 'discovery':
        return published(discovery(settings))
      case 'keys':
        return published(keyDocument((await keys.current()).published))
      case 'authorization':
        return authorize(request, url)
      case 'token':
        return answerToken(request)
      case 'deviceAuthorization':
        return beginDevice(request)
      case 'device': {
        if (request.method !== 'POST') {
          roomForSignIn()
          return run(await open(request))
        }
        codes.allow('')
        const form = await readForm(request)
        await demandSession(request)
        return run(await open(request, { form }))
      }
      case 'resume':
        if (url.pathname.startsWith(`${settings.prefix}${paths.device}/`)) await demandSession(request)
        return run(await open(request))
      case 'endSession':
        return run(await open(request, { form: await readForm(request) }))
      case 'login': {
        const form = request.method === 'POST' ? await readForm(request) : undefined
        return login(await currentProvider(), { uid: route.uid, form, exchange: await open(request) })
      }
      case 'ciDiscovery':
        return published(ciDiscovery(settings))
      case 'ciToken': {
        const claims = readCiRequest(request, settings.ciSecret!)
        const value = await token({ ...claims, iss: settings.issuer + ciPath })
        events.count('issuer_tokens_total', { grant: 'ci' })
        return Response.json({ count: value.length, value }, { headers: { 'cache-control': 'no-store' } })
      }
      default:
        throw new TypeError(`unhandled route ${route satisfies never}`)
    }
  }

  return async request => {
    const url = new URL(request.url)
    const route = parseRoute(url.pathname, settings)
    try {
      if (!route) throw new ServiceRefusal(404, 'not found')
      const method = request.method === 'HEAD' ? 'GET' : request.method
      if (!route.methods.includes(method))
        throw new ServiceRefusal(405, `want ${route.methods.join(' or ')}`, { headers: { allow: route.methods.join(', ') } })
      return outOfBandPage(await answer(request, route, url))
    } catch (refusal) {
      if (refusal instanceof OAuthRefusal) {
        events.count('issuer_refusals_total', { reason: refusal.error })
        return oauthAnswer(refusal)
      }
      if (!(refusal instanceof ServiceRefusal)) throw refusal
      events.count('issuer_refusals_total', { reason: String(refusal.status) })
      return refuse(refusal, route)
    }
  }
}

/**
 * The ID token is the access token as well: sigstore for Python signs with what it gets by that name, for Dex makes both alike. Nothing here
 * is opened by one of the provider's own.
 */
async function withOneToken(response: Response): Promise<Response> {
  const answer = (await response.json()) as { readonly id_token?: string }
  const token = answer.id_token
  return Response.json(token === undefined ? answer : { ...answer, access_token: token }, { headers: { 'cache-control': 'no-store' } })
}

/** A redirect to nowhere becomes a page that shows the code, or says that there is none. */
function outOfBandPage(response: Response): Response {
  const location = response.headers.get('location')
  if (!location?.startsWith(`${outOfBand}?`)) return response
  const parameters = new URL(location).searchParams
  const code = parameters.get('code')
  const headers = new Headers(response.headers)
  headers.delete('location')
  const shown =
    code === null
      ? page(noticePage('This did not work', parameters.get('error_description') ?? 'No code was made.'), 400)
      : page(pasteCodePage(code))
  for (const [name, value] of headers) if (name === 'set-cookie') shown.headers.append(name, value)
  return shown
}

/** People get a page, programs the words of OAuth. */
function refuse({ status, message, headers }: ServiceRefusal, route: Route | undefined): Response {
  if (route?.audience === 'people') return page(noticePage('This did not work', message), status, headers)
  return Response.json(
    { error: status === 429 ? 'temporarily_unavailable' : 'invalid_request', error_description: message },
    { status, headers },
  )
}

/** Documents that anybody may read, browsers on other sites too. */
function published(document: object): Response {
  return Response.json(document, { headers: { 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=60' } })
}
