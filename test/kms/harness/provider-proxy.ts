import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { createServer as createTlsServer, request as tlsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ProviderBehaviour, ProviderRig } from './provider-rig.ts'

export type ProxiedRequest = {
  readonly method: string
  readonly path: string // with its query
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
}

export type ProxiedAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: Buffer
}

/** How one provider throttles, and where its signatures are. */
export type ProviderManners = {
  readonly upstream: URL // `http://127.0.0.1:41234`; of https any certificate is taken, for it is on loopback
  readonly socketPath?: string // of a Unix socket where it listens, in place of the upstream's host and port
  readonly throttle: (request: ProxiedRequest) => ProxiedAnswer
  readonly isSign: (request: ProxiedRequest) => boolean
  /** The answer to a request to sign with a well-formed signature by another key in it. */
  readonly withForeignSignature: (answer: ProxiedAnswer, request: ProxiedRequest) => ProxiedAnswer
  /** PEM to be served with, where clients insist on https. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Requests that count; all unless told. */
  readonly counts?: (request: ProxiedRequest) => boolean
}

export type ProviderProxy = Required<Pick<ProviderRig, 'requests' | 'behave' | 'stop'>> & {
  readonly url: URL
  /** Method and path of all requests since the counter was last asked: for messages of tests. */
  readonly seen: () => readonly string[]
}

const bodyLimitBytes = 1 << 20

/** Stands between clients and a provider, on a free loopback port: counts what is asked, and behaves as it is told. */
export async function startProviderProxy(manners: ProviderManners): Promise<ProviderProxy> {
  let behaviour: ProviderBehaviour = 'well'
  let seen: string[] = []
  const answer = async (incoming: IncomingMessage): Promise<ProxiedAnswer | undefined> => {
    const { method = 'GET', url: path = '/', headers } = incoming
    const asked: ProxiedRequest = { method, path, headers, body: await bodyOf(incoming) }
    if (manners.counts?.(asked) !== false) seen.push(`${method} ${path.replace(/\?.*/s, '')}`)
    switch (behaviour) {
      case 'silent':
        return undefined
      case 'throttled-once':
        behaviour = 'well'
        return manners.throttle(asked)
      case 'throttled':
        return manners.throttle(asked)
      case 'foreign': {
        const given = await passOn(manners, asked)
        return manners.isSign(asked) ? manners.withForeignSignature(given, asked) : given
      }
      case 'well':
        return await passOn(manners, asked)
      default:
        throw new TypeError(`unhandled behaviour ${behaviour satisfies never}`)
    }
  }
  const listener: Parameters<typeof createServer>[1] = (incoming, outgoing) => {
    answer(incoming).then(
      given => given && outgoing.writeHead(given.status, given.headers).end(given.body),
      () => incoming.socket.destroy(),
    )
  }
  const server: Server = manners.tls ? createTlsServer(manners.tls, listener) : createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: new URL(`${manners.tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`),
    seen: () => seen,
    requests: () => {
      const { length } = seen
      seen = []
      return length
    },
    behave: how => {
      behaviour = how
    },
    stop: () => {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

/** Names of this hop alone, and lengths that a changed body would belie. RFC 9110 §7.6.1. */
const ofOneHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'upgrade', 'te', 'trailer'])

function passOn(
  { upstream, socketPath }: Pick<ProviderManners, 'upstream' | 'socketPath'>,
  { method, path, headers, body }: ProxiedRequest,
): Promise<ProxiedAnswer> {
  const url = new URL(upstream.origin + path)
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !ofOneHop.has(name)))
  const options = {
    method,
    headers: { ...kept, 'content-length': body.length },
    rejectUnauthorized: false,
    agent: false as const,
    ...(socketPath !== undefined && { socketPath }),
  }
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? tlsRequest : request
    // A signature may cover the Host header (AWS): it is passed on as it came.
    const outgoing = send(url, options, answer => {
      bodyOf(answer).then(given => {
        const kept = Object.entries(answer.headers).filter(([name]) => !ofOneHop.has(name))
        resolve({ status: answer.statusCode ?? 502, headers: Object.fromEntries(kept) as ProxiedAnswer['headers'], body: given })
      }, reject)
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyLimitBytes) throw new Error('want a body of at most 1 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
