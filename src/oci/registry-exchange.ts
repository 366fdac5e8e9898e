import type { ByteSource } from '../codec/byte-source.ts'
import { CountersignError, type ErrorCode } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import { readComplaint } from './complaint.ts'
import type { Repository } from './reference.ts'
import type { RegistryFetch, RegistryRequest } from './registry-fetch.ts'
import { chunksOfBody, readAtMost } from './transport/read-body.ts'

/** One request about a repository. */
export type Send = (
  method: RegistryRequest['method'],
  repository: Repository,
  target: URL,
  request: {
    readonly push?: boolean // needs permission to push
    readonly remove?: boolean // needs permission to delete
    readonly idempotent?: boolean // a write that may be done twice
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: Uint8Array | ByteSource
  },
  signal: AbortSignal,
) => Promise<Response>

/**
 * Requests through a `RegistryFetch`, which knows credentials and the scheme that works.
 *
 * @param alwaysPush - ask for push permission from the first request on, so that a command which reads and then writes
 *   needs one token, not two
 */
export function createSend(fetch: RegistryFetch, alwaysPush: boolean): Send {
  return (method, { repository }, url, { push, remove, ...request }, signal) => {
    const actions = ['pull', ...(push || alwaysPush ? (['push'] as const) : []), ...(remove ? (['delete'] as const) : [])] as const
    return fetch({ ...request, method, url, repository, actions, signal })
  }
}

/** Address of something in a repository: `manifests/latest`. The scheme is https; `RegistryFetch` replaces it where http is allowed and needed. */
export function repositoryUrl({ registry, repository }: Repository, path: string): URL {
  return new URL(`https://${registry}/v2/${repository}/${path}`)
}

/**
 * Reads a body up to a limit and not one chunk further, whatever Content-Length claims; a claim above the limit is refused
 * before anything is read.
 *
 * @param tooMuch - the error of a body longer than `limitBytes`
 * @throws CountersignError `REGISTRY_UNAVAILABLE` when the body breaks off; the signal's own reason when it was aborted
 */
export async function readBody(
  response: Response,
  limitBytes: number,
  what: string,
  signal: AbortSignal,
  tooMuch: () => CountersignError,
): Promise<Uint8Array> {
  if (Number(response.headers.get('content-length') ?? 0) > limitBytes) {
    await response.body?.cancel().catch(() => {})
    throw tooMuch()
  }
  try {
    return await readAtMost(response, limitBytes, what, signal)
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'LIMIT_EXCEEDED') throw tooMuch()
    throw asRegistryFailure(cause)
  }
}

/** A body piece by piece, without a limit of its own. @throws CountersignError `REGISTRY_UNAVAILABLE` when it breaks off */
export async function* bodyPieces(response: Response, what: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* chunksOfBody(response, what, signal)
  } catch (cause) {
    throw asRegistryFailure(cause)
  }
}

function asRegistryFailure(cause: unknown): unknown {
  if (!(cause instanceof CountersignError) || cause.code !== 'SERVICE_UNAVAILABLE') return cause
  return new CountersignError('REGISTRY_UNAVAILABLE', cause.message, { cause })
}

/**
 * The error that an unwanted status means, with what the registry says about it. No access and overload are not among them:
 * `RegistryFetch` throws those. DIGEST_INVALID is the registry's own trouble, since our digests are right: docker-registry
 * says it while another client writes the same blob.
 *
 * @param what - what the request was about; begins the message
 * @param codes - codes for statuses that mean something special to this request: `{ 404: 'IMAGE_NOT_FOUND' }`
 */
export async function refusalOf(
  response: Response,
  what: string,
  codes: Readonly<Record<number, ErrorCode>> = {},
): Promise<CountersignError> {
  const { status } = response
  const complaint = await readComplaint(response)
  const answer = `the registry answers ${status}${complaint}`
  const special = codes[status]
  if (special) return new CountersignError(special, `${what}: ${specialWords.get(status) ?? 'refused'}: ${answer}`)
  if (status >= 500 || complaint.startsWith(' DIGEST_INVALID')) return new CountersignError('REGISTRY_UNAVAILABLE', `${what}: ${answer}`)
  if (status >= 400) return new CountersignError('REGISTRY_REFUSED', `${what}: ${answer}`)
  return new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: unexpected status ${status}`)
}

const specialWords = new Map([
  [404, 'not found'],
  [412, 'it no longer holds what this replaces'],
  [413, 'too large for the registry'],
])

/** The media type of an answer, without parameters, in lower case. */
export function contentTypeOf(response: Response): string {
  return (response.headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
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
