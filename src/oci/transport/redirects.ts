import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import { reachOf } from './host.ts'
import { discard } from './read-body.ts'

const redirectLimit = 10
/** The only fields that go along to another host: what is wanted, and who asks. Authorization and all else stay. */
const harmless = new Set(['accept', 'range', 'if-none-match', 'user-agent'])

export type ReadRequest = {
  readonly method: 'GET' | 'HEAD'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/**
 * Sends a GET or HEAD and follows its redirects by hand. Another origin (scheme, host or port) gets no credentials, nor does
 * the first one again once the way has led through another. From https it never goes to http, from elsewhere never to this
 * machine, and never to a link-local address, where clouds keep metadata services.
 *
 * @param what - begins the messages: `registry ghcr.io`
 * @returns the answer, and the URL that gave it
 * @throws CountersignError `REGISTRY_RESPONSE_MALFORMED` for a loop, more than 10 redirects, or a place that is no http(s) URL;
 *   `CREDENTIALS_WITHHELD` for a step down to http or inwards
 */
export async function fetchFollowing(
  fetch: Fetch,
  request: ReadRequest,
  what: string,
): Promise<{ readonly response: Response; readonly url: URL }> {
  const seen = new Set<string>()
  let { url, headers } = request
  for (;;) {
    if (seen.has(url.href))
      throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: redirects in a circle, through ${quote(url.host)}`)
    if (seen.size > redirectLimit)
      throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: want at most ${redirectLimit} redirects`)
    seen.add(url.href)
    const response = await fetch(url, { method: request.method, headers, signal: request.signal })
    const location = isRedirect(response.status) ? response.headers.get('location') : null
    if (location === null) return { response, url }
    await discard(response)
    const next = readLocation(location, url, what)
    if (next.origin !== url.origin)
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.has(name.toLowerCase())))
    url = next
  }
}

/** Whether a status asks to go elsewhere; 300 and 304 do not. RFC 9110 §15.4. */
export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

function readLocation(location: string, from: URL, what: string): URL {
  const next = location.length <= 8192 ? URL.parse(location, from.href) : null
  if (!next || (next.protocol !== 'https:' && next.protocol !== 'http:') || next.username !== '' || next.password !== '')
    throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: want an http(s) URL without user name to be redirected to`)
  next.hash = ''
  if (from.protocol === 'https:' && next.protocol === 'http:')
    throw new CountersignError('CREDENTIALS_WITHHELD', `${what}: redirects from https to plain http on ${quote(next.host)}`)
  if (leadsInward(from, next))
    throw new CountersignError(
      'CREDENTIALS_WITHHELD',
      `${what}: redirects to ${quote(next.host)}, which is a ${reachOf(next.hostname)} address`,
    )
  return next
}

/** Whether a redirect leads from elsewhere to this machine, or to a link-local address, where clouds keep metadata services. */
export function leadsInward(from: URL, next: URL): boolean {
  if (next.hostname === from.hostname) return false
  const reach = reachOf(next.hostname)
  return reach === 'link-local' || (reach === 'loopback' && reachOf(from.hostname) !== 'loopback') // a tunnel ends on loopback too
}
