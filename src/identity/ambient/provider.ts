import type { Duplex } from 'node:stream'
import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, parseJson, readAs, readObject, readString } from '../../codec/json.ts'
import type { World } from '../../codec/world.ts'
import { describeFailure } from '../../oci/transport/failure.ts'
import { readAtMost } from '../../oci/transport/read-body.ts'

/** What looking for a token touches. */
export type AmbientEffects = {
  readonly environment: ReadonlyMap<string, string>
  readonly world: Pick<World, 'fetch' | 'now' | 'sleep'>
  readonly signal: AbortSignal
  /** Text of a file, nothing where there is no such file. @throws CountersignError `FILE_UNREADABLE`, `LIMIT_EXCEEDED` past 64 KiB */
  readonly readText: (path: string) => Promise<string | undefined>
  readonly exists: (path: string) => Promise<boolean>
  /** Standard output of a program that ended with status 0, run without a shell. @throws CountersignError */
  readonly run: (program: string, args: readonly string[]) => Promise<string>
  /** A connection to a Unix domain socket. */
  readonly connectSocket: (path: string) => Promise<Duplex>
}

/** A place that gives this process a token without anybody logging in. */
export type AmbientProvider = {
  readonly name: string
  /**
   * Whether we are there. A place that we are at and that gives no token fails in `token`, and says what is missing.
   *
   * @param isNamed - somebody asked for this place and no other
   */
  readonly isHere: (effects: AmbientEffects, isNamed: boolean) => boolean | Promise<boolean>
  /** A token for the audience `sigstore`. @throws CountersignError `TOKEN_UNAVAILABLE`, `SERVICE_UNAVAILABLE`, … */
  readonly token: (effects: AmbientEffects) => Promise<string>
}

/** Whom tokens are for: what every Sigstore's authority asks of them. */
export const audience = 'sigstore'

const answerLimitBytes = 64 << 10
const timeoutMs = 10_000

/** One request to a place that gives tokens. The URL's query and the headers may hold secrets: neither is ever shown. */
export type TokenRequest = {
  readonly url: URL
  readonly method?: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly json?: JsonObject
  readonly form?: Readonly<Record<string, string>>
}

/**
 * Asks for a token, and gives the text of the answer.
 *
 * @throws CountersignError `SERVICE_REFUSED` for a status that is no 2xx, `SERVICE_UNAVAILABLE` where there is none within 10 s; the signal's
 *   own reason
 */
export async function askForText({ world, signal }: AmbientEffects, request: TokenRequest): Promise<string> {
  const { url, method = 'GET', headers, json, form } = request
  const what = `${method} ${url.origin}${url.pathname}`
  const type = json ? 'application/json' : form ? 'application/x-www-form-urlencoded' : undefined
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    const response = await world.fetch(url, {
      method,
      headers: { ...headers, ...(type !== undefined && { 'content-type': type }) },
      redirect: 'manual',
      signal: deadline,
      ...(json && { body: JSON.stringify(json) }),
      ...(form && { body: new URLSearchParams(form).toString() }),
    })
    const bytes = await readAtMost(response, answerLimitBytes, what, signal)
    if (!response.ok) {
      const code = response.status >= 500 ? 'SERVICE_UNAVAILABLE' : 'SERVICE_REFUSED'
      throw new CountersignError(code, `${what}: want status 2xx, got ${response.status}`)
    }
    return new TextDecoder().decode(bytes).trim()
  } catch (cause) {
    signal.throwIfAborted() // the caller's own reason passes through unchanged
    if (cause instanceof CountersignError) throw cause
    const reason = deadline.aborted ? `no answer within ${timeoutMs} ms` : describeFailure(cause).words
    throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${reason}`, { cause })
  }
}

/** The same where the token is a member of a JSON object. @throws CountersignError as `askForText`, `SERVICE_RESPONSE_MALFORMED` */
export async function askForMember(effects: AmbientEffects, request: TokenRequest, member: string): Promise<string> {
  const text = await askForText(effects, request)
  const what = `${request.url.origin}${request.url.pathname}`
  return readAs('SERVICE_RESPONSE_MALFORMED', what, () => {
    const json = readObject(parseJson(new TextEncoder().encode(text), what, { bytes: answerLimitBytes }), what)
    if (json[member] === undefined) throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${what}: want a member ${member}`)
    return readString(json[member], `${what}: ${member}`)
  })
}

/** The value of a variable that must be a URL. @throws CountersignError `TOKEN_UNAVAILABLE` */
export function urlOf(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw unavailable(`${name} is no URL`) // its value is a secret
  return url
}

/** We are there, and there is no token. */
export function unavailable(message: string): CountersignError {
  return new CountersignError('TOKEN_UNAVAILABLE', message)
}
