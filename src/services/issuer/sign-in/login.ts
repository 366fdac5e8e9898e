import { type ServiceEvents, ServiceRefusal } from '../../service.ts'
import type { IssuerSettings, KnownUser } from '../configuration.ts'
import type { NodeExchange } from '../provider/node-exchange.ts'
import type { OpenIdProvider } from '../provider/provider.ts'
import type { Guesses } from './guesses.ts'
import { loginPage, noticePage, page } from './pages.ts'
import { isPassword, type PasswordHash } from './passwords.ts'

/** One visit to the sign-in page: `form` is what was posted, none where it was only looked at. */
export type LoginVisit = { readonly uid: string; readonly form: URLSearchParams | undefined; readonly exchange: NodeExchange }

/** Answers a visit. @throws ServiceRefusal 429 where passwords are guessed, or more of them checked at once than there is memory for */
export type Login = (provider: OpenIdProvider, visit: LoginVisit) => Promise<Response>

const passwordLimit = 1024

/** A hash that no password has, of the usual cost: a name that is not known takes as long as one that is. */
const nobodysHash: PasswordHash = {
  kind: 'scrypt',
  costLog2: 15,
  blockSize: 8,
  lanes: 1,
  salt: new Uint8Array(16),
  tag: new Uint8Array(32),
}

/**
 * The page where users of the configuration sign in. The cookie that the provider set says which sign-in it is about, and other sites
 * cannot post with it.
 */
export function createLogin(settings: IssuerSettings, guesses: Guesses, events: ServiceEvents): Login {
  const [anyUser] = settings.usersByEmail.values()
  const unknownHash = anyUser ? { ...anyUser.password, tag: new Uint8Array(anyUser.password.tag.length) } : nobodysHash
  let underWay = 0

  const isRight = async (user: KnownUser | undefined, password: string): Promise<boolean> => {
    if (underWay >= settings.limits.passwordsAtOnce)
      throw new ServiceRefusal(429, 'too many sign-ins at once: try again', { headers: { 'retry-after': '1' } })
    underWay++
    try {
      return (await isPassword(password, user?.password ?? unknownHash)) && user !== undefined
    } finally {
      underWay--
    }
  }

  return async (provider, { uid, form, exchange: { req, res } }) => {
    const interaction = await provider.interactionDetails(req, res).catch(cause => {
      if ((cause as Error).name === 'SessionNotFound') return undefined
      throw cause
    })
    if (interaction?.uid !== uid) return page(noticePage('Too late', 'This sign-in is over. Start again in your program.'), 400)
    if (!form) return page(loginPage())
    const goOn = async (result: object): Promise<Response> => {
      const location = await provider.interactionResult(req, res, result, { mergeWithLastSubmission: false })
      return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store' } })
    }
    if (form.get('action') === 'abort') return goOn({ error: 'access_denied', error_description: 'the user cancelled' })

    const [email, password] = [form.get('email') ?? '', form.get('password') ?? '']
    if (email.length > 400 || password.length > passwordLimit) return page(loginPage('This is too long.'), 400)
    guesses.allow(email)
    const user = settings.usersByEmail.get(email.toLowerCase())
    if (!(await isRight(user, password))) {
      guesses.noteWrong(email)
      events.count('issuer_logins_total', { result: 'wrong' })
      return page(loginPage('Email address or password are wrong.'), 401)
    }
    events.count('issuer_logins_total', { result: 'right' })
    return goOn({ login: { accountId: user!.id, remember: false } })
  }
}
