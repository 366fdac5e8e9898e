import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import type { Fetch } from '../codec/world.ts'
import { describeFailure } from '../oci/transport/failure.ts'
import { reachOf } from '../oci/transport/host.ts'
import { readAtMost } from '../oci/transport/read-body.ts'
import { leadsInward } from '../oci/transport/redirects.ts'

const maxRedirects = 5
const timeoutMs = 30_000

/**
 * Fetches a file by GET within 30 s; any 2xx answers. Redirects are followed a few times, never from https to http.
 *
 * @throws CountersignError `SERVICE_UNAVAILABLE` with the reason, or `LIMIT_EXCEEDED` past `limitBytes`; the signal's own reason
 */
export async function fetchFile(
  url: URL,
  { fetch, signal }: { readonly fetch: Fetch; readonly signal: AbortSignal },
  limitBytes: number,
): Promise<Uint8Array> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const what = `GET ${url.origin}${url.pathname}`
  try {
    const response = await follow(fetch, url, deadline, what)
    return await readAtMost(response, limitBytes, what, signal)
  } catch (cause) {
    signal.throwIfAborted() // the caller's own reason passes through unchanged
    if (cause instanceof CountersignError) throw cause
    const reason = deadline.aborted ? `no answer within ${timeoutMs} ms` : describeFailure(cause).words
    throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${reason}`, { cause })
  }
}

async function follow(fetch: Fetch, url: URL, signal: AbortSignal, what: string): Promise<Response> {
  let at = url
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await fetch(at, { signal, redirect: 'manual' })
    if (response.ok) return response
    await response.body?.cancel()
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null)
      throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: want status 2xx, got ${response.status}`)
    at = redirectTarget(location, at, what)
  }
  throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: more than ${maxRedirects} redirects`)
}

/** https, or http where it started on this machine and stays there; never from elsewhere to this machine (SSRF). */
function redirectTarget(location: string, from: URL, what: string): URL {
  const next = URL.canParse(location, from) ? new URL(location, from) : undefined
  const isLocal = from.protocol === 'http:' && next?.protocol === 'http:' && reachOf(next.hostname) === 'loopback'
  if (next && leadsInward(from, next))
    throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: redirected inwards, to ${quote(next.host)}`)
  if (!next || (next.protocol !== 'https:' && !isLocal))
    throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: redirected to ${quote(location.split('?')[0]!)}, want https`)
  return next
}
