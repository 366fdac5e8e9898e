import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { AgentOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { CountersignError } from '../../codec/error.ts'
import type { Fetch } from '../../codec/world.ts'
import type { TransportSettings } from '../transport.ts'
import { exchangeFailed } from './failure.ts'
import { LightResponse } from './light-response.ts'
import { proxyFor } from './proxy.ts'
import { joinChunks } from './read-body.ts'
import { type PlainRequest, readRequest } from './request.ts'

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

async function createAgent(settings: TransportSettings, protocol: string, proxy: URL | undefined): Promise<Agent> {
  const options: AgentOptions = { ...poolOptions, ...(proxy && { proxyEnv: proxyEnvironment(protocol, proxy) }) }
  if (protocol === 'http:') {
    const { Agent } = process.getBuiltinModule('node:http')
    return limitConnecting(new Agent(options), settings.connectTimeoutMs)
  }
  const tls = await settings.tls()
  const { Agent } = process.getBuiltinModule('node:https')
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  const { ca, cert, key } = tls
  const agent = new Agent({
    ...options,
    secureContext: createSecureContext({
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    rejectUnauthorized: tls.rejectUnauthorized, // always said: left out, NODE_TLS_REJECT_UNAUTHORIZED would decide
  })
  return limitConnecting(agent, settings.connectTimeoutMs)
}

/** `proxyFor` has decided; Node is told that this proxy serves everything. Before 24.5 Node would ignore it and go direct. */
function proxyEnvironment(protocol: string, proxy: URL): Record<string, string> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 24 || (major === 24 && minor < 5))
    throw new CountersignError('CAPABILITY_MISSING', `proxy ${proxy.host}: needs Node 24.5 or later, this is ${process.versions.node}`)
  return { [protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY']: proxy.href }
}

/** Gives up on a connection that does not stand (proxy tunnel and TLS handshake included) within the time. */
function limitConnecting(agent: Agent, timeoutMs: number): Agent {
  const create = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const tunnel = { late: false, timer: undefined as NodeJS.Timeout | undefined }
    const socket = create(options, (error, made) => {
      clearTimeout(tunnel.timer)
      if (tunnel.late) made?.destroy()
      else callback?.(error, made)
    })
    if (socket) return limitHandshake(socket, timeoutMs)
    tunnel.timer = setTimeout(() => {
      tunnel.late = true
      callback?.(tooSlow(timeoutMs), undefined as never) // Node's own agent passes no socket with an error; the type wants one
    }, timeoutMs)
    return socket
  }
  return agent
}

function limitHandshake(socket: Duplex, timeoutMs: number): Duplex {
  const timer = setTimeout(() => socket.destroy(tooSlow(timeoutMs)), timeoutMs)
  for (const event of ['encrypted' in socket ? 'secureConnect' : 'connect', 'close']) socket.once(event, () => clearTimeout(timer))
  return socket
}

function tooSlow(timeoutMs: number): Error {
  return Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}

function exchange(request: PlainRequest, agent: Agent, proxy: URL | undefined): Promise<Response> {
  const { url, method, signal } = request
  const { request: open } = url.protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
  return new Promise<Response>((resolve, reject) => {
    const options: RequestOptions = { method, agent, headers: { ...request.headers, ...lengthOf(request) } }
    const outgoing = open(url, options)
    const stop = (): void => void outgoing.destroy(new Error('stopped by the caller'))
    const explain = (cause: unknown): unknown => (signal?.aborted ? signal.reason : exchangeFailed(method, url, cause, proxy))
    signal?.addEventListener('abort', stop, { once: true })
    outgoing.once('close', () => signal?.removeEventListener('abort', stop)) // with the answer's last byte, not its first
    outgoing.on('error', cause => reject(explain(cause)))
    outgoing.once('response', message => resolve(toResponse(request, message, explain)))
    send(outgoing, request.body, cause => outgoing.destroy(cause))
  })
}

function lengthOf({ body, headers, method }: PlainRequest): Record<string, string> {
  if (body instanceof Uint8Array) return { 'content-length': String(body.length) }
  return body === undefined && ['PUT', 'POST', 'PATCH'].includes(method) && !('content-length' in headers) ? { 'content-length': '0' } : {}
}

function send(outgoing: ClientRequest, body: PlainRequest['body'], fail: (cause: Error) => void): void {
  if (body === undefined || body instanceof Uint8Array) return void outgoing.end(body)
  const { Readable } = process.getBuiltinModule('node:stream')
  Readable.from(body, { objectMode: false }).once('error', fail).pipe(outgoing)
}

function toResponse(request: PlainRequest, message: IncomingMessage, explain: (cause: unknown) => unknown): Response {
  const status = message.statusCode ?? 0
  const hasBody = request.method !== 'HEAD' && ![204, 205, 304].includes(status)
  message.on('error', () => {}) // a body nobody reads may fail; who reads it is told below
  if (!hasBody) message.resume()
  return new LightResponse({
    url: request.url.href,
    status,
    statusText: message.statusMessage ?? '',
    rawHeaders: message.rawHeaders,
    body: hasBody ? () => streamOf(message, explain) : undefined,
    collect: () => (hasBody ? collect(message, explain) : Promise.resolve(new Uint8Array())),
  })
}

async function collect(message: IncomingMessage, explain: (cause: unknown) => unknown): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of message) chunks.push(chunk as Uint8Array)
  } catch (cause) {
    throw explain(cause)
  }
  return joinChunks(chunks)
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
