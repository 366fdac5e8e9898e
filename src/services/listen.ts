import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type ConnectionEnd, type Connections, keepConnections } from './connections.ts'
import { Departure } from './departure.ts'
import { type Incoming, toRequest } from './incoming-request.ts'
import type { TlsPair } from './tls-certificate.ts'
import { wholeBodyOf } from './whole-response.ts'

/** A web service: a function from request to response, as services of this project are written and tested. */
export type Handler = (request: Request) => Promise<Response>

/** Where a handler is served, and how long its clients may take. */
export type ListenOptions = {
  readonly host?: string // 127.0.0.1
  readonly port?: number // 0: any free one
  /** PEM texts; `clientCa` makes a client certificate of that authority a condition. */
  readonly tls?: TlsPair & { readonly clientCa?: string }
  readonly maxConnections?: number // 1024; for more, those give way that wait for their clients
  readonly headersMs?: number // for a TLS handshake, and for the headers of a request; 30 s
  readonly requestMs?: number // for a request to arrive whole; 5 minutes
  readonly answerMs?: number // for a client to take 64 KiB of an answer; 30 s
  readonly idleMs?: number // of silence, either way, after which a connection is closed; 1 minute
  readonly keepAliveMs?: number // between requests, after which a connection is closed; 5 s
  readonly graceMs?: number // for requests under way when `close` is called; 5 s
  /** Told of every request whose handler failed; the client is told 500 and nothing else. */
  readonly report: (error: unknown, request: Request) => void
  /** Told of each connection that was ended for what its client did or did not do. */
  readonly onConnectionEnd?: (why: ConnectionEnd) => void
}

const pipelineLimit = 16 // requests ahead of their answers

/** What TLS is spoken with: what keeps secrets though a key gets known later, and is sealed as a whole. RFC 9325 §4.2, GHSA-hgv6-w7r3-w4qw. */
const strength = {
  minVersion: 'TLSv1.2',
  ciphers: [
    ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
    ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
    ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ].join(':'),
} as const

/** A handler that is served. */
export type Listener = {
  readonly url: URL
  /** Has connections from now on use another certificate. @throws Error of the system where it cannot be used; the former one stays */
  readonly renew: (pair: TlsPair) => void
  readonly close: () => Promise<void>
}

/**
 * Serves a handler over HTTP/1.1. `request.signal` aborts when the client goes away or the listener closes by force; bodies
 * stream both ways. A response whose body is not as long as its Content-Length says ends the connection, so that it is never
 * taken for whole, nor its rest for another response.
 *
 * `close` takes no new connections, waits `graceMs` for answers under way, then cuts what is left.
 *
 * @throws Error of the system where the port cannot be had
 */
export async function listen(handler: Handler, options: ListenOptions): Promise<Listener> {
  const { host = '127.0.0.1', port = 0, tls, graceMs = 5000, report } = options
  const scheme = tls ? 'https' : 'http'
  const { headersMs = 30_000, requestMs = 300_000 } = options
  const timeouts = {
    headersTimeout: headersMs,
    requestTimeout: Math.max(requestMs, headersMs),
    connectionsCheckingInterval: Math.min(1000, headersMs, requestMs), // how often Node looks for late ones
    keepAliveTimeout: options.keepAliveMs ?? 5000,
    maxHeaderSize: 16_384,
  }
  const secure =
    tls &&
    (await import('node:https')).createServer({
      ...timeouts,
      ...strength,
      handshakeTimeout: headersMs,
      key: tls.key,
      cert: tls.cert,
      ...(tls.clientCa !== undefined && { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
    })
  const server: Server = secure ?? (await import('node:http')).createServer(timeouts)
  server.setTimeout(options.idleMs ?? 60_000)
  const limits = { connections: options.maxConnections ?? 1024, ahead: pipelineLimit, answerMs: options.answerMs ?? 30_000 }
  const connections = keepConnections(server, limits, options.onConnectionEnd ?? (() => {}))

  const underWay = new Set<Departure>()
  server.on('request', (message, reply) => {
    if (!connections.begin(message, reply)) return
    const departure = new Departure()
    underWay.add(departure)
    reply.on('close', () => {
      underWay.delete(departure)
      if (!reply.writableFinished) departure.leave(new Error('the client went away'))
    })
    const exchange = { message, scheme, departure, reply, connections, isLast: () => !server.listening } as const
    void answer(handler, exchange, report)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })

  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a listening server has a port')
  return {
    url: new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port}`),
    renew: pair => {
      if (!secure) throw new TypeError('this server speaks no TLS')
      if (!('setSecureContext' in secure)) throw new Error('on Bun a server keeps its certificate until it is started again')
      secure.setSecureContext({ ...strength, ...pair, ...(tls?.clientCa !== undefined && { ca: tls.clientCa }) })
    },
    close: () =>
      new Promise(resolve => {
        const cut = setTimeout(() => {
          for (const departure of underWay) departure.leave(new Error('the server is closing'))
          server.closeAllConnections()
        }, graceMs)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        connections.windDown()
      }),
  }
}

type Exchange = Incoming & {
  readonly reply: ServerResponse
  readonly connections: Connections
  readonly isLast: () => boolean // the server is closing: this connection carries no further request
}

async function answer(handler: Handler, exchange: Exchange, report: ListenOptions['report']): Promise<void> {
  const { message, departure, reply } = exchange
  const coding = message.headers['transfer-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
    // what else there is would be taken for the body's own bytes
    return send(new Response('transfer coding: want chunked alone\n', { status: 501 }), exchange) // RFC 9112 §6.1
  const request = toRequest(exchange)
  if (!request) return send(new Response('bad request\n', { status: 400 }), exchange)
  try {
    await send(await handler(request), exchange)
  } catch (error) {
    if (!departure.isGone) report(error, request)
    if (reply.headersSent || departure.isGone) cut(reply)
    else await send(new Response('internal error\n', { status: 500 }), exchange)
  }
}

async function send(response: Response, { message, reply, connections, isLast }: Exchange): Promise<void> {
  for (const name of reply.getHeaderNames()) reply.removeHeader(name) // of an answer that could not be sent
  const unread = !message.complete && announcesBody(message)
  const bytes = message.method === 'HEAD' || response.headers.has('content-length') ? undefined : wholeBodyOf(response)
  const head: string[] = []
  if (unread || isLast()) head.push('connection', 'close') // whatever is still coming is not the next request
  for (const [name, value] of response.headers) head.push(name, value)
  if (bytes) head.push('content-length', String(bytes.length))
  if (unread) reply.once('finish', () => lingerThenCut(message))
  reply.writeHead(response.status, head)
  if (bytes && bytes.length <= pieceBytes) return void reply.end(bytes)
  const body = message.method === 'HEAD' ? null : response.body
  if (message.method === 'HEAD') await response.body?.cancel()
  const whole = body ? await sendBody(body, response.headers.get('content-length'), reply, connections) : true
  if (!whole) return cut(reply)
  reply.end()
  connections.expectTaken(reply)
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined
}

const pieceBytes = 65_536

/**
 * Writes at the client's pace, in pieces of which each is to be taken in time. False where the body was not as long as announced; never more
 * bytes than that are written.
 */
async function sendBody(
  body: ReadableStream<Uint8Array>,
  announced: string | null,
  reply: ServerResponse,
  connections: Connections,
): Promise<boolean> {
  const reader = body.getReader()
  const stop = (): void => void reader.cancel().catch(() => undefined)
  reply.once('close', stop) // a body that waits for its next bytes must learn that nobody waits for them
  let left = announced === null ? Number.POSITIVE_INFINITY : Number(announced)
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return announced === null || left === 0
      if (value.length > left) {
        reply.write(value.subarray(0, left))
        return false
      }
      left -= value.length
      for (let at = 0; at < value.length; at += pieceBytes) {
        if (reply.write(value.subarray(at, at + pieceBytes))) continue
        const callOff = connections.expectTaken(reply)
        await drained(reply)
        callOff()
        if (reply.destroyed) return false
      }
    }
  } finally {
    reply.off('close', stop)
    stop()
  }
}

function drained(reply: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      reply.off('drain', done)
      reply.off('close', done)
      resolve()
    }
    if (reply.destroyed) return done()
    reply.on('drain', done)
    reply.on('close', done)
  })
}

/** Ends the connection in the middle of an answer, once what was written of it is on its way. */
function cut(reply: ServerResponse): void {
  setImmediate(() => reply.socket?.destroySoon()) // the first write of an answer leaves at the end of its tick
}

const lingerMs = 1000

/** Closing at once would reset the connection and lose the answer; so the rest is thrown away for a moment first. */
function lingerThenCut(message: IncomingMessage): void {
  message.resume()
  const timer = setTimeout(() => message.destroy(), lingerMs)
  message.once('close', () => clearTimeout(timer))
}
