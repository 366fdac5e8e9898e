import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import { type Callback, loginByBrowser } from '../../../identity/login/browser.ts'
import { loginByCredentials } from '../../../identity/login/client-credentials.ts'
import { loginByDevice } from '../../../identity/login/device.ts'
import { connectIssuer, type IssuerClient, isLoopback, type LoginEffects } from '../../../identity/login/issuer-client.ts'
import { machineEffects } from '../../../oci/credentials/credential-effects.ts'
import { listen } from '../../../services/listen.ts'
import type { CommandContext } from '../../context.ts'
import type { ServicePlan } from './service-plan.ts'
import type { SignerFlags } from './signer-flags.ts'
import { readVerificationCode } from './verification-code.ts'

const secretLimitBytes = 4 << 10
const callbackPath = '/auth/callback'

/**
 * Has somebody log in for a token, in the way that `--fulcio-auth-flow` says: by a browser on this machine at a terminal, else by a code that
 * is entered elsewhere.
 *
 * @throws CountersignError `USAGE`, `TOKEN_UNAVAILABLE` where the signing config names no issuer; as `connectIssuer` and the flow
 * @see formats-and-flows §7
 */
export async function logIn(context: CommandContext, flags: SignerFlags, { issuer }: ServicePlan): Promise<string> {
  const { world, signal, stderr, stdin } = context
  if (!issuer)
    throw new CountersignError(
      'TOKEN_UNAVAILABLE',
      'no identity token: --identity-token gives none, this runs in no place that gives one, and the signing config names no issuer to log in at',
    )
  const flow = flags.fulcioAuthFlow || (stdin.isTerminal ? 'normal' : 'device')
  if (flow !== 'client_credentials' && !flags.yes && !stdin.isTerminal)
    throw new CountersignError(
      'USAGE',
      'whoever logs in is asked whether their name may be recorded, and standard input is no terminal; --yes answers yes',
    )
  const effects: LoginEffects = { world, signal, tell: line => stderr(`${line}\n`) }
  const client = await connectIssuer({ issuer, clientId: flags.oidcClientId, clientSecret: await secretOf(context, flags) }, effects)
  switch (flow) {
    case 'normal':
      return await byBrowser(context, flags, client, effects)
    case 'device':
      return await loginByDevice(client, effects)
    case 'client_credentials':
      return await loginByCredentials(client, effects)
    case 'token':
      throw new TypeError('a token that is given needs no login')
    default:
      throw new TypeError(`unhandled flow ${flow satisfies never}`)
  }
}

async function secretOf(context: CommandContext, { oidcClientSecretFile: path }: SignerFlags): Promise<string | undefined> {
  if (path === '') return undefined
  return decodeUtf8(await context.files.read(path, secretLimitBytes), `client secret ${quote(path)}`).trim()
}

async function byBrowser(context: CommandContext, flags: SignerFlags, client: IssuerClient, effects: LoginEffects): Promise<string> {
  const redirect = flags.oidcRedirectUrl === '' ? undefined : redirectUrlOf(flags.oidcRedirectUrl)
  const open = async (url: URL) => await openBrowser(context, url)
  const askCode = () => readVerificationCode(context)
  return await loginByBrowser(client, { ...effects, listen: () => listenForCallback(redirect), open, askCode })
}

/** An address that the browser can come back to must lead here: anywhere else somebody else would get the code. */
function redirectUrlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' || !isLoopback(url))
    throw new CountersignError('USAGE', `--oidc-redirect-url: want http on this machine, got ${quote(text)}`)
  return url
}

/** Serves one page, for the browser to come back to. */
async function listenForCallback(redirect: URL | undefined): Promise<Callback> {
  let arrive: (url: URL) => void = () => {}
  const came = new Promise<URL>(resolve => {
    arrive = resolve
  })
  const path = redirect?.pathname ?? callbackPath
  const { url, close } = await listen(
    async request => {
      const asked = new URL(request.url)
      if (request.method !== 'GET' || asked.pathname !== path) return new Response(null, { status: 404 })
      arrive(asked)
      return new Response('You may close this page and go back to the terminal.\n', {
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      })
    },
    { port: redirect ? Number(redirect.port || 80) : 0, graceMs: 100, report: () => {} },
  )
  return {
    redirectUrl: new URL(path, `http://${redirect?.hostname ?? 'localhost'}:${url.port}`), // by this name issuers know it, RFC 8252 §7.3 notwithstanding
    arrived: signal =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        void came.then(resolve)
      }),
    close,
  }
}

/** Hands a page to whatever opens pages here; where nothing does, the person is shown the address instead. */
async function openBrowser({ environment }: CommandContext, url: URL): Promise<boolean> {
  const { platform, run } = machineEffects(Object.fromEntries(environment))
  const [program, ...args] = openers.get(platform) ?? ['xdg-open']
  try {
    const { exitCode } = await run(program!, [...args, url.href], new Uint8Array(0), { timeoutMs: 10_000, limitBytes: 64 << 10 })
    return exitCode === 0
  } catch (error) {
    if (error instanceof CountersignError) return false
    throw error
  }
}

const openers: ReadonlyMap<string, readonly string[]> = new Map([
  ['darwin', ['open']],
  ['win32', ['rundll32', 'url.dll,FileProtocolHandler']],
])
