import type { IncomingMessage } from 'node:http'
import type { Departure } from './departure.ts'

/** A request under way, as the listener knows it. */
export type Incoming = {
  readonly message: IncomingMessage
  readonly scheme: 'http' | 'https'
  readonly departure: Departure
}

/**
 * A message of `node:http` as a Request. What costs much is made when it is first asked for: a Request of the platform with its stream and its
 * signal takes a tenth of a millisecond, and most answers need the address, a header or two and the bytes.
 *
 * @returns nothing where the request line or Host header is no address of ours (absolute forms are for proxies), and for methods and header
 *   values that a Request cannot have
 */
export function toRequest(incoming: Incoming): Request | undefined {
  const { message, scheme } = incoming
  const { method = 'GET', url = '', rawHeaders } = message
  if (method === 'CONNECT' || method === 'TRACE' || method === 'TRACK') return undefined // fetch forbids them
  let host: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!plainValue.test(rawHeaders[at + 1]!)) return undefined // what node's parser may let through and fetch does not
    if (!isNamed(rawHeaders[at]!, 'host')) continue
    if (host !== undefined) return undefined // RFC 9112 §3.2
    host = rawHeaders[at + 1]!
  }
  host ??= 'localhost'
  if (!url.startsWith('/') || !/^[A-Za-z0-9._:[\]-]+$/.test(host)) return undefined
  const address = URL.parse(`${scheme}://${host}${url}`)
  if (!address || address.pathname !== url.split(/[?#]/, 1)[0]) return undefined // `a\b` or `a/../b` would be one path here and another to a proxy before us
  return new IncomingRequest(incoming, address) as unknown as Request
}

/** The address of a request, parsed once. Not to be written to. */
export function addressOf(request: Request): URL {
  return IncomingRequest.is(request) ? request.address : new URL(request.url)
}

/** A header's value, those of several joined as `Headers` does; null where there is none. `name` is in lower case. */
export function headerOf(request: Request, name: string): string | null {
  return IncomingRequest.is(request) ? request.header(name) : request.headers.get(name)
}

/** Whether the client has gone away, so that nobody waits for an answer. */
export function isGone(request: Request): boolean {
  return IncomingRequest.is(request) ? request.departure.isGone : request.signal.aborted
}

/** Calls back once when the client goes away before it is answered. @returns what calls that off */
export function whenGone(request: Request, callback: () => void): () => void {
  if (IncomingRequest.is(request)) return request.departure.onLeave(callback)
  const { signal } = request
  if (signal.aborted) callback()
  signal.addEventListener('abort', callback, { once: true })
  return () => signal.removeEventListener('abort', callback)
}

/** Bytes of a body as they come. */
export type Pieces = {
  /** Resolves after the last piece; rejects where the body was cut off, and with what `take` threw. */
  readonly read: (take: (piece: Uint8Array) => void) => Promise<void>
  /** No piece is wanted any more: `read` resolves. */
  readonly stop: () => void
}

/** The body of a request, to be read once: without a stream around it where it comes from `node:http`. */
export function piecesOf(request: Request): Pieces {
  if (IncomingRequest.is(request) && request.isUntouched) return request.pieces()
  const reader = request.body?.getReader()
  const stop = (): void => void reader?.cancel().catch(() => {})
  return {
    stop,
    read: async take => {
      try {
        for (let next = await reader?.read(); next?.value; next = await reader?.read()) take(next.value)
      } finally {
        stop()
      }
    },
  }
}

/** What fetch takes for a header's value, less what it would trim. */
const plainValue = /^[\t\x20-\x7e\x80-\xff]*$/

function isNamed(raw: string, name: string): boolean {
  return raw.length === name.length && raw.toLowerCase() === name
}

class IncomingRequest {
  readonly #incoming: Incoming
  readonly address: URL
  #headers: Headers | undefined
  #platform: Request | undefined
  #isRead = false

  constructor(incoming: Incoming, address: URL) {
    this.#incoming = incoming
    this.address = address
  }

  static is(request: object): request is IncomingRequest {
    return #incoming in request
  }

  get method(): string {
    return this.#incoming.message.method ?? 'GET'
  }

  get url(): string {
    return this.address.href
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#incoming.message)
    return this.#headers
  }

  get signal(): AbortSignal {
    return this.departure.signal
  }

  get departure(): Departure {
    return this.#incoming.departure
  }

  /** Whether nobody has asked for the body. */
  get isUntouched(): boolean {
    return !this.#platform && !this.#isRead
  }

  /** The platform's own, for everything else that a Request can. */
  get platform(): Request {
    if (this.#isRead) throw new TypeError('request: its body was read already')
    this.#platform ??= this.#toPlatform()
    return this.#platform
  }

  #toPlatform(): Request {
    const { method, headers, signal, address } = this
    return new Request(address, { method, headers, signal, ...(this.#hasBody && { body: bodyOf(this.#incoming.message), duplex: 'half' }) })
  }

  /** A body that came with the other methods is never read. */
  get #hasBody(): boolean {
    return this.method !== 'GET' && this.method !== 'HEAD'
  }

  header(name: string): string | null {
    const { rawHeaders } = this.#incoming.message
    let found: string | null = null
    for (let at = 0; at < rawHeaders.length; at += 2)
      if (isNamed(rawHeaders[at]!, name)) found = found === null ? rawHeaders[at + 1]! : `${found}, ${rawHeaders[at + 1]!}`
    return found
  }

  pieces(): Pieces {
    const { message } = this.#incoming
    if (!this.#hasBody) return { read: async () => {}, stop: () => {} }
    this.#isRead = true
    let stop = (): void => {}
    return {
      stop: () => stop(),
      read: take =>
        new Promise((resolve, reject) => {
          const done = (): void => {
            message.off('data', onData).off('end', onEnd).off('error', cutOff).off('close', cutOff)
            stop = () => {}
          }
          const giveUp = (): void => {
            done()
            message.on('error', () => {}) // that it is cut off, later, is nobody's concern any more
            message.pause() // the listener throws away what is still to come
          }
          const onEnd = (): void => {
            done()
            resolve()
          }
          const fail = (cause: unknown): void => {
            giveUp()
            reject(cause)
          }
          const onData = (piece: Uint8Array): void => {
            try {
              take(piece)
            } catch (cause) {
              fail(cause)
            }
          }
          const cutOff = (): void => fail(new Error('the request was cut off'))
          stop = () => {
            giveUp()
            resolve()
          }
          if (message.destroyed) return cutOff() // its client has gone, and nothing more is told of it, even where all had come
          message.on('data', onData).on('end', onEnd).on('error', cutOff).on('close', cutOff)
        }),
    }
  }
}

/** Members of a Request that are made of the platform's own. */
const delegated = [
  ...['body', 'bodyUsed', 'cache', 'credentials', 'destination', 'duplex', 'integrity', 'keepalive', 'mode', 'redirect', 'referrer'],
  'referrerPolicy',
] as const

for (const name of delegated)
  Object.defineProperty(IncomingRequest.prototype, name, {
    get(this: IncomingRequest) {
      return Reflect.get(this.platform, name)
    },
  })

for (const name of ['arrayBuffer', 'blob', 'bytes', 'clone', 'formData', 'json', 'text'] as const)
  Object.defineProperty(IncomingRequest.prototype, name, {
    value(this: IncomingRequest) {
      return this.platform[name]()
    },
  })

Object.setPrototypeOf(IncomingRequest.prototype, Request.prototype) // so that it is an instance of what it stands for

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!)
  return headers
}

/** The bytes of a message as they come. Unlike `Readable.toWeb`, giving them up leaves the connection open for the answer. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  let ended = false
  return new ReadableStream<Uint8Array>(
    {
      start: controller => {
        const cutOff = (): void => {
          if (!ended) controller.error(new Error('the request was cut off'))
          ended = true
        }
        message.on('data', (chunk: Uint8Array) => {
          if (ended) return
          controller.enqueue(new Uint8Array(chunk))
          if ((controller.desiredSize ?? 0) <= 0) message.pause()
        })
        message.pause() // the listener above has started the flow; `pull` does when somebody reads
        message.on('end', () => {
          if (!ended) controller.close()
          ended = true
        })
        message.on('error', cutOff)
        message.on('close', cutOff)
        if (message.destroyed) cutOff() // nothing more is told of it
      },
      pull: () => void message.resume(),
      cancel: () => {
        ended = true
      },
    },
    { highWaterMark: 0 },
  )
}
