import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'

/** A request as a handler of Node's kind is to see it. Nothing of the real one reaches it but this. */
export type PlainRequest = {
  readonly method: string
  readonly path: string // with its query, below `prefix`
  readonly prefix: string // where the handler is mounted: '' or '/issuer'
  readonly origin: URL // of the service, not of the Host header
  readonly headers: Readonly<Record<string, string>> // lower case
  readonly body?: string
}

/** Both halves of an exchange, to be given to a handler, and the answer that it will have made of them. */
export type NodeExchange = { readonly req: object; readonly res: object; readonly response: Promise<Response> }

/**
 * An exchange for handlers written for `node:http` (Koa), without a socket, so that a service made of one is still a function from
 * request to response. Holds what Koa 3 and its cookies ask of the two objects, and runs the same on Node and Bun.
 */
export function createNodeExchange(request: PlainRequest): NodeExchange {
  const socket = Object.assign(new EventEmitter(), {
    encrypted: request.origin.protocol === 'https:',
    remoteAddress: '',
    readable: true,
    writable: true,
  })
  const body = request.body === undefined ? [] : [Buffer.from(request.body)]
  const headers: Record<string, string> = { ...request.headers, host: request.origin.host }
  if (request.body !== undefined) headers['content-length'] = String(Buffer.byteLength(request.body))
  const req = Object.assign(Readable.from(body, { objectMode: false }), {
    method: request.method,
    url: request.path,
    baseUrl: request.prefix,
    headers,
    httpVersion: '1.1',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    complete: true,
    socket,
  })
  const { promise, resolve } = Promise.withResolvers<Response>()
  return { req, res: new Reply(socket, request.method === 'HEAD', resolve), response: promise }
}

type HeaderValue = string | number | readonly string[]

/** What Koa sees of a ServerResponse. */
class Reply extends EventEmitter {
  statusCode = 200
  statusMessage = ''
  headersSent = false
  finished = false
  writableEnded = false
  writableFinished = false
  readonly socket: EventEmitter
  readonly #headers = new Map<string, HeaderValue>()
  readonly #bodiless: boolean
  readonly #answer: (response: Response) => void

  constructor(socket: EventEmitter, bodiless: boolean, answer: (response: Response) => void) {
    super()
    this.socket = socket
    this.#bodiless = bodiless
    this.#answer = answer
  }

  setHeader(name: string, value: HeaderValue): this {
    this.#headers.set(name.toLowerCase(), value)
    return this
  }

  getHeader(name: string): HeaderValue | undefined {
    return this.#headers.get(name.toLowerCase())
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase())
  }

  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase())
  }

  getHeaders(): Record<string, HeaderValue> {
    return Object.fromEntries(this.#headers)
  }

  getHeaderNames(): string[] {
    return [...this.#headers.keys()]
  }

  end(body?: string | Uint8Array): this {
    if (this.writableEnded) return this
    this.headersSent = this.finished = this.writableEnded = this.writableFinished = true
    const headers = new Headers()
    for (const [name, value] of this.#headers)
      for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)]) headers.append(name, one)
    const empty = this.#bodiless || body === undefined || this.statusCode === 204 || this.statusCode === 304
    this.#answer(new Response(empty ? null : typeof body === 'string' ? body : new Uint8Array(body), { status: this.statusCode, headers }))
    this.emit('finish')
    return this
  }
}
