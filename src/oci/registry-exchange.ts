import { concatBytes } from '../codec/bytes.ts'
import { CountersignError, type ErrorCode } from '../codec/error.ts'
import { type JsonObject, parseJson } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import { ociLimits } from './limits.ts'
import { type Repository, repositoryName } from './reference.ts'
import type { RegistryFetch, RegistryRequest } from './registry-fetch.ts'

/** One request about a repository, with the permission it needs. */
export type Send = (
  method: RegistryRequest['method'],
  repository: Repository,
  target: URL,
  request: { readonly push?: boolean; readonly headers?: Readonly<Record<string, string>>; readonly body?: Uint8Array },
  signal: AbortSignal,
) => Promise<Response>

/**
 * Requests through a `RegistryFetch`, which knows credentials and the scheme that works.
 *
 * @param alwaysPush - ask for push permission from the first request on, so that a command which reads and then writes
 *   needs one token, not two
 */
export function createSend(fetch: RegistryFetch, alwaysPush: boolean): Send {
  return (method, { repository }, url, { push, headers, body }, signal) =>
    fetch({
      method,
      url,
      repository,
      actions: push || alwaysPush ? ['pull', 'push'] : ['pull'],
      signal,
      ...(headers && { headers }),
      ...(body && { body }),
    })
}

/** Address of something in a repository: `manifests/latest`. The scheme is https; `RegistryFetch` replaces it where http is allowed and needed. */
export function repositoryUrl({ registry, repository }: Repository, path: string): URL {
  return new URL(`https://${registry}/v2/${repository}/${path}`)
}

/**
 * Reads a body up to a limit and not one chunk further, whatever Content-Length claims; a claim above the limit is
 * refused before anything is read.
 *
 * @param tooMuch - the error of a body longer than `limitBytes`
 * @throws CountersignError `REGISTRY_UNAVAILABLE` when the body breaks off; the signal's own reason when it was aborted
 */
export async function readAtMost(
  response: Response,
  limitBytes: number,
  what: string,
  signal: AbortSignal,
  tooMuch: () => CountersignError,
): Promise<Uint8Array> {
  if (Number(response.headers.get('content-length') ?? 0) > limitBytes && !response.headers.has('content-encoding')) {
    await discard(response)
    throw tooMuch()
  }
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read().catch(cause => {
      signal.throwIfAborted()
      throw new CountersignError('REGISTRY_UNAVAILABLE', `${what}: the registry's answer broke off after ${length} bytes`, { cause })
    })
    if (done) break
    length += value.length
    if (length > limitBytes) {
      await reader.cancel().catch(() => {})
      throw tooMuch()
    }
    chunks.push(value)
  }
  return chunks.length === 1 ? chunks[0]! : concatBytes(...chunks)
}

/** Lets go of a body nobody wants, so that its connection can serve the next request. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {})
}

/**
 * The error that an unwanted status means. 401 and 403 name the repository and the permission that is missing.
 *
 * @param what - what the request was about; begins the message
 * @param codes - codes for statuses that mean something special to this request: `{ 404: 'IMAGE_NOT_FOUND' }`
 */
export async function refusalOf(
  response: Response,
  repository: Repository,
  permission: 'pull' | 'push' | 'delete',
  what: string,
  codes: Readonly<Record<number, ErrorCode>> = {},
): Promise<CountersignError> {
  const said = await readComplaint(response)
  const { status } = response
  const name = repositoryName(repository)
  const special = codes[status]
  if (special)
    return new CountersignError(special, `${what}: ${specialWords.get(status) ?? 'refused'}: the registry answers ${status}${said}`)
  if (status === 401)
    return new CountersignError(
      'REGISTRY_UNAUTHORIZED',
      `${what}: want permission to ${permission} ${name}, the registry does not know us: ${status}${said}`,
    )
  if (status === 403)
    return new CountersignError(
      'REGISTRY_DENIED',
      `${what}: want permission to ${permission} ${name}, the registry refuses it: ${status}${said}`,
    )
  if (status === 429 || status >= 500) return new CountersignError('REGISTRY_UNAVAILABLE', `${what}: the registry answers ${status}${said}`)
  if (status >= 400) return new CountersignError('REGISTRY_REFUSED', `${what}: the registry answers ${status}${said}`)
  return new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: unexpected status ${status}`)
}

const specialWords = new Map([
  [404, 'not found'],
  [412, 'it no longer holds what this replaces'],
  [413, 'too large for the registry'],
])

/** What the registry says of a refusal, quoted: ` MANIFEST_INVALID "…"`. Nothing where it says nothing we can read. */
async function readComplaint(response: Response): Promise<string> {
  try {
    const body = await readAtMost(response, ociLimits.errorBytes, '', AbortSignal.any([]), () => new CountersignError('LIMIT_EXCEEDED', ''))
    const { errors } = parseJson(body, '', { bytes: ociLimits.errorBytes }) as JsonObject
    const first = (Array.isArray(errors) ? errors[0] : undefined) as JsonObject | undefined
    const code = typeof first?.['code'] === 'string' && /^[A-Z0-9_]{1,40}$/.test(first['code']) ? ` ${first['code']}` : ''
    return code + (typeof first?.['message'] === 'string' ? ` ${quote(first['message'])}` : '')
  } catch {
    return '' // no JSON, too long, cut off: the status alone must do
  }
}

/**
 * The address of a `Location` or `Link` of an answer: it must stay on the host that was asked, so that nothing is sent or
 * read elsewhere in the registry's name. Its scheme is ignored (proxies misreport it); which one works is known already.
 *
 * @throws CountersignError `REGISTRY_RESPONSE_MALFORMED`
 */
export function sameHostUrl(reference: string, asked: URL, what: string): URL {
  if (reference.length > 8192 || !URL.canParse(reference, asked))
    throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: want a URL, got ${quote(reference)}`)
  const url = new URL(reference, asked)
  if (!['http:', 'https:'].includes(url.protocol) || url.host !== asked.host || url.username !== '' || url.password !== '')
    throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: want a URL on ${asked.host}, got one on ${quote(url.host)}`)
  url.protocol = asked.protocol
  url.hash = ''
  return url
}
