import { CountersignError } from '../codec/error.ts'
import { readAtMost } from '../codec/read-body.ts'
import { quote } from '../codec/text.ts'
import type { Fetch } from '../codec/world.ts'

const maxRedirects = 5
const timeoutMs = 30_000

/**
 * Fetches a file by GET; any 2xx answers. Redirects are followed a few times, never from https to http.
 *
 * @throws CountersignError `SERVICE_UNAVAILABLE`, or `LIMIT_EXCEEDED` past `limitBytes`
 */
export async function fetchFile(
  url: URL,
  { fetch, signal }: { readonly fetch: Fetch; readonly signal: AbortSignal },
  limitBytes: number,
): Promise<Uint8Array> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const what = `GET ${url.origin}${url.pathname}`
  let at = url
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await ask(fetch, at, deadline, what, signal)
    if (response.ok) return await readAtMost(response, limitBytes, what)
    await response.body?.cancel()
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null)
      throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: want status 2xx, got ${response.status}`)
    at = redirectTarget(location, at, what)
  }
  throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: more than ${maxRedirects} redirects`)
}

async function ask(fetch: Fetch, at: URL, deadline: AbortSignal, what: string, caller: AbortSignal): Promise<Response> {
  try {
    return await fetch(at, { signal: deadline, redirect: 'manual' })
  } catch (cause) {
    caller.throwIfAborted() // the caller's own reason passes through unchanged
    throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: no answer within ${timeoutMs} ms`, { cause })
  }
}

function redirectTarget(location: string, from: URL, what: string): URL {
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined
  if (!next || (next.protocol !== 'https:' && next.protocol !== from.protocol) || !['http:', 'https:'].includes(next.protocol))
    throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: redirected to ${quote(location.split('?')[0]!)}, want https`)
  return next
}
