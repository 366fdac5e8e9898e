import type { Pieces } from '../../codec/byte-source.ts'
import { CountersignError } from '../../codec/error.ts'

/** One request, every loose form that `fetch` takes made plain. */
export type PlainRequest = {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>> // names in lower case
  readonly body: Uint8Array | Pieces | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Reads what `fetch` is called with. Bodies are bytes, text or streams of bytes; forms and blobs are not sent by this program.
 * No encodings are asked for, since a digest is of the bytes as they are stored.
 *
 * @throws CountersignError `USAGE` for a URL that is not http(s) or carries a user name or password
 */
export function readRequest(input: string | URL, init: RequestInit = {}): PlainRequest {
  const url = URL.parse(input)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new CountersignError('USAGE', 'want an http or https URL to request')
  if (url.username !== '' || url.password !== '')
    throw new CountersignError('USAGE', `${url.host}: want a URL without user name and password`)
  const headers = { 'user-agent': 'countersign', 'accept-encoding': 'identity', ...readHeaders(init.headers) }
  return { url, method: init.method ?? 'GET', headers, body: readBody(init.body), signal: init.signal ?? undefined }
}

function readHeaders(headers: RequestInit['headers']): Record<string, string> {
  const pairs = headers === undefined ? [] : Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  return Object.fromEntries(pairs.map(([name, value]) => [String(name).toLowerCase(), String(value)]))
}

function readBody(body: RequestInit['body']): PlainRequest['body'] {
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string') return new TextEncoder().encode(body)
  if (body instanceof Uint8Array) return body
  if (typeof body === 'object' && Symbol.asyncIterator in body) return body as Pieces
  if (body instanceof URLSearchParams) return new TextEncoder().encode(body.toString())
  throw new CountersignError('USAGE', 'want a request body of bytes, text or a stream')
}
