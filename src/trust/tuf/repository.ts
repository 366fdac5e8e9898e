import { collectBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'

/** A TUF repository as its client sees it: files by their paths. */
export type TufRepository = {
  readonly name: string // for messages
  /**
   * A file, by its folders and its name, or nothing where the repository has none. Each is one segment of the URL, whatever it holds.
   *
   * @throws CountersignError `SERVICE_UNAVAILABLE`, `LIMIT_EXCEEDED` past `limitBytes`, `TUF_UNTRUSTED` for a name that would lead out of
   *   its folder; the signal's own reason
   */
  readonly get: (path: readonly string[], limitBytes: number) => Promise<Uint8Array | undefined>
}

const timeoutMs = 30_000
const maxRedirects = 3

/**
 * The URL of a mirror: http or https (metadata is signed, whatever carried it), nothing but host and path.
 *
 * @throws CountersignError `USAGE`; a user name in it would be sent to whoever answers (GHSA-8xvp-7hj6-mcj9)
 */
export function parseMirror(mirror: string): URL {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new CountersignError('USAGE', `TUF mirror: want an http(s) URL, got ${quote(mirror.split('?')[0]!)}`)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new CountersignError('USAGE', `TUF mirror ${url.origin}${url.pathname}: want a URL without user name, query or fragment`)
  return url
}

/**
 * A repository behind HTTP. Requests carry no credentials and stay with the origin of the mirror; each answer has 30 seconds and a limit,
 * whatever its Content-Length claims. 403 and 404 both say that there is no such file: object stores answer so.
 */
export function httpRepository(mirror: URL, { fetch, signal }: { readonly fetch: Fetch; readonly signal: AbortSignal }): TufRepository {
  const base = `${mirror.origin}${mirror.pathname.replace(/\/+$/, '')}/`
  return {
    name: base.replace(/\/$/, ''),
    get: async (path, limitBytes) => {
      const url = new URL(path.map(encodeName).join('/'), base)
      const what = `GET ${url.origin}${url.pathname}`
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      try {
        const response = await fetchWithin(fetch, url, deadline, what)
        return response && (await readBody(response, limitBytes, what))
      } catch (cause) {
        signal.throwIfAborted() // the caller's own reason passes through unchanged
        if (cause instanceof CountersignError) throw cause
        throw unavailable(`${what}: no usable answer within ${timeoutMs} ms`, cause)
      }
    },
  }
}

/**
 * A name from metadata as one segment of a URL, or as the name of a file. Slashes are escaped, and names that mean a folder are refused:
 * of GHSA-fcv2-xgw5-pqxf, where a target's name led out of the cache.
 *
 * @throws CountersignError `TUF_UNTRUSTED`
 */
export function encodeName(name: string): string {
  if (name === '' || name === '.' || name === '..' || !name.isWellFormed())
    throw new CountersignError('TUF_UNTRUSTED', `TUF metadata: want a name that stays in its folder, got ${quote(name)}`)
  return encodeURIComponent(name)
}

/** Follows redirects within the origin: another host was never named by whoever trusts this mirror. */
async function fetchWithin(fetch: Fetch, from: URL, signal: AbortSignal, what: string): Promise<Response | undefined> {
  let url = from
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await fetch(url, { signal, redirect: 'manual', credentials: 'omit' })
    if (response.ok) return response
    await response.body?.cancel()
    if (response.status === 403 || response.status === 404) return undefined
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null)
      throw unavailable(`${what}: want status 2xx, got ${response.status}`)
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined
    if (next?.origin !== from.origin)
      throw unavailable(`${what}: redirected to ${quote(next?.origin ?? location)}, want the mirror's own host`)
    url = next
  }
  throw unavailable(`${what}: more than ${maxRedirects} redirects`)
}

async function readBody(response: Response, limitBytes: number, what: string): Promise<Uint8Array> {
  const bytes = response.body ? await collectBytes(response.body, limitBytes) : new Uint8Array(0)
  if (!bytes) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitBytes} bytes, got more`)
  return bytes
}

function unavailable(message: string, cause?: unknown): CountersignError {
  return new CountersignError('SERVICE_UNAVAILABLE', message, cause === undefined ? {} : { cause })
}
