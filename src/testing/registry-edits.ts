import { encodeUtf8 } from '../codec/text.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import type { Handler } from '../services/listen.ts'

/** What a fault has to work with. */
export type FaultTools = {
  readonly honest: Handler
  readonly elsewhere: URL
  readonly count: number | undefined
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>
  /** Makes bytes available under their true digest. */
  readonly forge: (bytes: Uint8Array, type: string) => OciDigest
}

export type JsonObject = Readonly<Record<string, unknown>>
type Bytes = Uint8Array<ArrayBuffer>

/** The honest answer with another body and length; errors stay as they are. */
export function editBody(
  { honest }: FaultTools,
  edit: (bytes: Bytes, request: Request) => { body: ReadableStream<Uint8Array>; length: number | undefined },
): Handler {
  return async request => {
    const answer = await honest(getting(request))
    if (!answer.ok) return answer
    const { body, length } = edit(new Uint8Array(await answer.arrayBuffer()), request)
    const headers = new Headers(answer.headers)
    if (length === undefined) headers.delete('content-length')
    else headers.set('content-length', String(length))
    return new Response(request.method === 'HEAD' ? null : body, { status: answer.status, headers })
  }
}

/** The honest answer with other headers; errors stay as they are. */
export function editHeaders({ honest }: FaultTools, edit: (headers: Headers, request: Request) => void): Handler {
  return async request => {
    const answer = await honest(request)
    if (!answer.ok) return answer
    const headers = new Headers(answer.headers)
    edit(headers, request)
    return new Response(answer.body, { status: answer.status, headers })
  }
}

/** The honest document with another text, under that text's true digest. */
export function editText({ honest, forge }: FaultTools, edit: (text: string) => string): Handler {
  return async request => {
    const answer = await honest(getting(request))
    if (!answer.ok) return answer
    const bytes = encodeUtf8(edit(await answer.text()))
    const headers = new Headers(answer.headers)
    headers.set('content-length', String(bytes.length))
    const digest = forge(bytes, headers.get('content-type') ?? '')
    if (headers.has('docker-content-digest')) headers.set('docker-content-digest', digest)
    headers.delete('etag')
    return new Response(request.method === 'HEAD' ? null : Uint8Array.from(bytes), { status: answer.status, headers })
  }
}

/** The honest document changed, under its new true digest. */
export function editJson(tools: FaultTools, edit: (document: JsonObject) => JsonObject): Handler {
  return editText(tools, text => JSON.stringify(edit(JSON.parse(text) as JsonObject)))
}

/** Changes every descriptor of a manifest, index or referrers list; not its subject. */
export function mapDescriptors(document: JsonObject, change: (descriptor: JsonObject) => JsonObject): JsonObject {
  const members = Object.entries(document).map(([name, value]) => {
    if (name === 'config') return [name, change(value as JsonObject)]
    return [name, name === 'layers' || name === 'manifests' ? (value as JsonObject[]).map(change) : value]
  })
  return Object.fromEntries(members) as JsonObject
}

/** Fails so many times, then serves. */
export function failFirst({ honest, count }: FaultTools, times: number, fail: () => Response): Handler {
  let left = count ?? times
  return async request => (left-- > 0 ? fail() : honest(request))
}

/** A GET for a HEAD, to see what would come. */
export function getting(request: Request): Request {
  return request.method === 'HEAD' ? new Request(request.url, { headers: request.headers }) : request
}

/** An error as registries write it. */
export function failure(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers })
}

/** A redirect that keeps the method. */
export function redirect(location: string): Response {
  return new Response(null, { status: 307, headers: { location } })
}

/** The same path and query on another host. */
export function moved(url: string, host: URL): URL {
  const { pathname, search } = new URL(url)
  return new URL(`${pathname}${search}`, host)
}

/** A Link header to the next page. */
export function linkTo(url: URL, withHost = false): string {
  return `<${withHost ? url.href : url.pathname + url.search}>; rel="next"`
}
