import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { eachPiece } from '../../codec/byte-source.ts'
import type { Fetch } from '../../codec/world.ts'
import { exchangeFailed } from './failure.ts'
import { placeOf } from './host.ts'
import { LightResponse } from './light-response.ts'
import { proxyFor } from './proxy.ts'
import { ownPieces } from './read-body.ts'
import { type PlainRequest, readRequest } from './request.ts'
import type { TransportSettings } from './settings.ts'
import { openTunnel, proxyAuthorization } from './tunnel.ts'

const poolOptions = { keepAlive: true, maxSockets: 16, maxFreeSockets: 16, scheduling: 'lifo', timeout: 15_000 } as const

/** The transport on `node:http(s)`. Modules come by `getBuiltinModule`: importing `node:http` as ESM touches all its exports and so loads fetch. */
export function createNodeFetch(settings: TransportSettings): Fetch {
  const agents = new Map<string, Promise<Agent>>()
  const agentFor = (protocol: string, proxy: URL | undefined): Promise<Agent> => {
    const key = `${protocol} ${proxy?.href ?? ''}`
    const agent = agents.get(key) ?? createAgent(settings, protocol, proxy)
    agents.set(key, agent)
    return agent
  }
  return async (input, init) => {
    const request = readRequest(input, init)
    request.signal?.throwIfAborted()
    const proxy = proxyFor(request.url, settings.environment)
    return exchange(request, await agentFor(request.url.protocol, proxy), proxy)
  }
}

/** An agent for one scheme of URLs, direct or through one proxy: a tunnel for https, the proxy's own connection for http. */
async function createAgent(settings: TransportSettings, protocol: string, proxy: URL | undefined): Promise<Agent> {
  const { connectTimeoutMs } = settings
  if (protocol === 'http:' && proxy?.protocol !== 'https:') {
    const { Agent } = process.getBuiltinModule('node:http')
    return limitConnecting(new Agent(poolOptions), connectTimeoutMs)
  }
  const { ca, cert, key, serverName, rejectUnauthorized } = await settings.tls()
  const { Agent } = process.getBuiltinModule('node:https')
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  const trust = ca === undefined ? {} : { ca }
  const proxyTls = { secureContext: createSecureContext(trust), rejectUnauthorized } // a proxy is not shown the client certificate
  if (protocol === 'http:') return limitConnecting(new Agent({ ...poolOptions, ...proxyTls }), connectTimeoutMs)
  const agent = new Agent({
    ...poolOptions,
    secureContext: createSecureContext({ ...trust, ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized, // always said: left out, NODE_TLS_REJECT_UNAUTHORIZED would decide
  })
  if (!proxy) return limitConnecting(agent, connectTimeoutMs)
  agent.createConnection = (target, callback) => {
    openTunnel(proxy, proxyTls, target, connectTimeoutMs).then(
      socket => callback?.(null, socket),
      cause => callback?.(cause, undefined as never), // Node's own agents pass no socket with an error; the type wants one
    )
    return undefined
  }
  return agent
}

/** Gives up on a connection that does not stand (TLS handshake included) within the time. */
function limitConnecting(agent: Agent, timeoutMs: number): Agent {
  const create = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const socket = create(options, callback)
    const timer = setTimeout(() => socket?.destroy(tooSlow(timeoutMs)), timeoutMs)
    for (const event of [socket && 'encrypted' in socket ? 'secureConnect' : 'connect', 'close'])
      socket?.once(event, () => clearTimeout(timer))
    return socket
  }
  return agent
}

function tooSlow(timeoutMs: number): Error {
  return Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}

function exchange(request: PlainRequest, agent: Agent, proxy: URL | undefined): Promise<Response> {
  const { url, method, signal } = request
  const viaProxy = url.protocol === 'http:' ? proxy : undefined // https has its tunnel: the agent is connected to the server itself
  const { request: open } = process.getBuiltinModule((viaProxy ?? url).protocol === 'https:' ? 'node:https' : 'node:http')
  return new Promise<Response>((resolve, reject) => {
    const outgoing = viaProxy ? open({ method, agent, ...throughProxy(viaProxy, url) }) : open(url, { method, agent })
    const headers = { ...request.headers, ...lengthOf(request), ...(viaProxy && { host: url.host, ...proxyAuthorization(viaProxy) }) }
    for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value) // among the options, NODE_DEBUG=net would show them
    const stop = (): void => void outgoing.destroy(new Error('stopped by the caller'))
    const explain = (cause: unknown): unknown => (signal?.aborted ? signal.reason : exchangeFailed(method, url, cause, proxy))
    signal?.addEventListener('abort', stop, { once: true })
    outgoing.on('error', cause => reject(explain(cause)))
    outgoing.once('close', () => {
      signal?.removeEventListener('abort', stop) // with the answer's last byte, not its first
      reject(explain(Object.assign(new Error('closed without an answer'), { code: 'ECONNRESET' }))) // 101 nobody asked for: Node hangs up and says no more
    })
    outgoing.once('response', message => resolve(toResponse(request, message, explain)))
    send(outgoing, request.body, cause => outgoing.destroy(cause))
  })
}

/** A request over plain http is given to the proxy with its whole address, RFC 9112 §3.2.2. */
function throughProxy(proxy: URL, url: URL): RequestOptions {
  return { ...placeOf(proxy), path: `${url.origin}${url.pathname}${url.search}` }
}

function lengthOf({ body, headers, method }: PlainRequest): Record<string, string> {
  if (body instanceof Uint8Array) return { 'content-length': String(body.length) }
  return body === undefined && ['PUT', 'POST', 'PATCH'].includes(method) && !('content-length' in headers) ? { 'content-length': '0' } : {}
}

function send(outgoing: ClientRequest, body: PlainRequest['body'], fail: (cause: Error) => void): void {
  if (body === undefined || body instanceof Uint8Array) return void outgoing.end(body)
  eachPiece(body, piece => sendPiece(outgoing, piece)).then(() => outgoing.end(), fail)
}

/** Resolves when the piece is out of our hands, so that another can be made in its place. */
function sendPiece(outgoing: ClientRequest, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(Object.assign(new Error('closed while a body was sent'), { code: 'ECONNRESET' }))
    outgoing.once('close', stop)
    outgoing.write(piece, error => {
      outgoing.off('close', stop)
      if (error) reject(error)
      else resolve()
    })
  })
}

function toResponse(request: PlainRequest, message: IncomingMessage, explain: (cause: unknown) => unknown): Response {
  const status = message.statusCode ?? 0
  const hasBody = request.method !== 'HEAD' && ![204, 205, 304].includes(status)
  message.on('error', () => {}) // a body nobody reads may fail; who reads it is told below
  if (!hasBody) message.resume()
  const response = new LightResponse({
    url: request.url.href,
    status,
    statusText: message.statusMessage ?? '',
    rawHeaders: message.rawHeaders,
    body: hasBody ? () => streamOf(message, explain) : undefined,
    chunks: () => chunksOf(hasBody ? message : [], explain),
  })
  return ownPieces(response)
}

async function* chunksOf(
  message: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  explain: (cause: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    yield* message
  } catch (cause) {
    throw explain(cause)
  }
}

/** The body as a web stream that reads from the socket only as fast as it is read from; cancelling it closes the connection. */
function streamOf(message: IncomingMessage, explain: (cause: unknown) => unknown): ReadableStream<Uint8Array> {
  const chunks = message[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next()
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (cause) {
          controller.error(explain(cause))
        }
      },
      cancel: () => letGo(message),
    },
    { highWaterMark: 0 },
  )
}

/** A short rest is read away, so that its connection can serve the next request; any other is cut off. */
function letGo(message: IncomingMessage): Promise<void> | undefined {
  const length = message.headers['content-length']
  if (length === undefined || Number(length) > 64 << 10) return void message.destroy()
  return new Promise(resolve => {
    const timer = setTimeout(() => message.destroy(), 1000).unref()
    message.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    message.resume()
  })
}
