import { CountersignError } from '../../codec/error.ts'
import { quoteUpTo } from '../../codec/text.ts'
import { answering, type IssuerClient, idTokenOf, type LoginEffects, scope } from './issuer-client.ts'

/** Where the browser comes back to: a listener on this machine. */
export type Callback = {
  readonly redirectUrl: URL // as the issuer is told it
  /** The URL that the browser was sent to; rejects with the signal's reason. */
  readonly arrived: (signal: AbortSignal) => Promise<URL>
  readonly close: () => Promise<void>
}

/** What logging in by a browser touches. */
export type BrowserEffects = LoginEffects & {
  readonly listen: () => Promise<Callback>
  /** Shows a page in the person's browser; false where there is none. */
  readonly open: (url: URL) => Promise<boolean>
  /** Asks the person for the code that a page shows them. */
  readonly askCode: () => Promise<string>
}

const waitMs = 120_000
const outOfBand = 'urn:ietf:wg:oauth:2.0:oob' // the page shows a code instead of going anywhere

/**
 * Logs somebody in by a browser on this machine; where there is none, by an address to open elsewhere and a code to bring back.
 *
 * The state of the answer is compared with that of the question, and the token with its nonce, so that no one can have another's answer taken
 * for theirs (CVE-2026-24408); the code is of use to nobody who does not have the verifier.
 *
 * @returns an ID token
 * @throws CountersignError `SERVICE_REFUSED`, `TIMED_OUT` where nobody came back within two minutes; as `connectIssuer`
 * @see RFC 8252 §7.3, RFC 7636, OpenID Connect Core §3.1
 */
export async function loginByBrowser(client: IssuerClient, effects: BrowserEffects): Promise<string> {
  const callback = await effects.listen()
  try {
    const question = await questionOf(client, callback.redirectUrl.href)
    if (!(await effects.open(question.url))) return await loginByCode(client, effects)
    effects.tell(`Your browser will now be opened to:\n${quoteUpTo(question.url.href, 4000).slice(1, -1)}`)
    return await exchange(client, effects, (await arrival(client, effects, callback)).searchParams, question)
  } finally {
    await callback.close()
  }
}

async function loginByCode(client: IssuerClient, effects: BrowserEffects): Promise<string> {
  const question = await questionOf(client, outOfBand)
  effects.tell(`Go to the following link in a browser:\n\n\t${quoteUpTo(question.url.href, 4000).slice(1, -1)}`)
  const code = (await effects.askCode()).trim()
  const { issuer } = client.configuration.serverMetadata()
  const answer = new URLSearchParams({ code, state: question.state, iss: issuer }) // what a person copies brings neither back
  return await exchange(client, effects, answer, question)
}

type Question = { readonly url: URL; readonly redirect: string; readonly state: string; readonly nonce: string; readonly verifier: string }

async function questionOf({ library, configuration }: IssuerClient, redirect: string): Promise<Question> {
  const [state, nonce, verifier] = [library.randomState(), library.randomNonce(), library.randomPKCECodeVerifier()]
  const url = library.buildAuthorizationUrl(configuration, {
    response_type: 'code',
    redirect_uri: redirect,
    scope,
    state,
    nonce,
    code_challenge: await library.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  return { url, redirect, state, nonce, verifier }
}

async function arrival({ issuer }: IssuerClient, { signal }: BrowserEffects, callback: Callback): Promise<URL> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(waitMs)])
  try {
    return await callback.arrived(deadline)
  } catch (cause) {
    signal.throwIfAborted()
    if (!deadline.aborted) throw cause
    throw new CountersignError('TIMED_OUT', `${issuer.origin}: nobody logged in within ${waitMs / 1000} seconds`)
  }
}

async function exchange(client: IssuerClient, effects: BrowserEffects, answer: URLSearchParams, question: Question): Promise<string> {
  const { library, configuration, issuer } = client
  const { state, nonce, verifier, redirect } = question
  const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }
  const arrived = new URL(`${redirect}?${answer}`) // whatever came in the rest of the address is no part of the answer
  const tokens = await answering(issuer, effects, () => library.authorizationCodeGrant(configuration, arrived, checks))
  return idTokenOf(issuer, tokens)
}
