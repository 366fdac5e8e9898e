import { join } from 'node:path'
import { CountersignError, reasonOf } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import type { ConnectionEnd } from '../connections.ts'
import { addressOf, headerOf } from '../incoming-request.ts'
import { type Handler, type Listener, listen } from '../listen.ts'
import type { ServiceEvents } from '../service.ts'
import { followCertificate, type TlsPair } from '../tls-certificate.ts'
import type { HostPort, StackConfig } from './config.ts'
import type { OperatedEvents } from './events.ts'
import { readFileAt } from './private-files.ts'

const graceMs = 30_000 // for requests under way when it stops; services §11 gives a minute in all

/** Addresses that are served, until `close`: no new requests, and those under way are answered. */
export type Serving = { readonly url: URL; readonly close: () => Promise<void> }

/**
 * Serves a stack where its configuration says, and its metrics; where TLS is spoken, by the certificate that lies there now.
 *
 * @throws CountersignError `ADDRESS_UNAVAILABLE`; `FILE_UNREADABLE`
 */
export async function serveStack(
  folder: string,
  { listen: where, metrics }: Pick<StackConfig, 'listen' | 'metrics'>,
  handler: Handler,
  operated: OperatedEvents,
  world: Pick<World, 'randomBytes' | 'sleep'>,
): Promise<Serving> {
  const { events } = operated
  const pem = async (name: string) => decodeUtf8(await readFileAt(join(folder, name)), name)
  const { certificate, key } = where
  const loadTls = certificate !== undefined && key !== undefined && (async () => ({ cert: await pem(certificate), key: await pem(key) }))
  const tls = loadTls ? await loadTls() : undefined
  const report = (error: unknown) => events.log('error', 'a request failed', { reason: reasonOf(error) })
  const optionsOf = (server: 'services' | 'metrics') => ({
    ...(tls && { tls }),
    report,
    onConnectionEnd: (reason: ConnectionEnd) => events.count('http_connections_ended_total', { server, reason }),
  })
  const services = await listenAt(where.address, withRequestIds(handler, events, world), { ...optionsOf('services'), graceMs })
  const scraped =
    metrics &&
    (await listenAt(metrics, operated.metrics, { ...optionsOf('metrics'), graceMs: 1000 }).catch(async cause => {
      await services.close()
      throw cause
    }))
  const closing = new AbortController()
  if (tls && loadTls) {
    const renew = (pair: TlsPair) => {
      for (const server of [services, scraped]) server?.renew(pair)
    }
    void followCertificate(tls, loadTls, renew, world, events, closing.signal)
  }
  return {
    url: services.url,
    close: async () => {
      closing.abort()
      await services.close()
      await scraped?.close()
    },
  }
}

async function listenAt(
  { host, port }: HostPort,
  handler: Handler,
  options: Omit<Parameters<typeof listen>[1], 'host' | 'port'>,
): Promise<Listener> {
  try {
    return await listen(handler, { ...options, host, port })
  } catch (cause) {
    const reason = reasonOf(cause)
    throw new CountersignError('ADDRESS_UNAVAILABLE', `cannot serve on ${host}:${port}: ${reason}`, { cause })
  }
}

/** Gives every request an id, its own where it has a plain one, and logs those that failed by it. Paths are logged without their queries. */
function withRequestIds(handler: Handler, events: ServiceEvents, { randomBytes }: Pick<World, 'randomBytes'>): Handler {
  const prefix = encodeHex(randomBytes(8)) // of this process; random bytes for each request would cost more than its headers
  let requests = 0
  return async request => {
    const given = headerOf(request, 'x-request-id') ?? ''
    const requestId = /^[\w.-]{1,64}$/.test(given) ? given : `${prefix}-${++requests}`
    const response = await handler(request)
    response.headers.set('x-request-id', requestId)
    if (response.status >= 400) {
      const path = addressOf(request).pathname.slice(0, 200)
      events.log(response.status >= 500 ? 'error' : 'warn', 'request refused', {
        requestId,
        method: request.method,
        path,
        status: response.status,
      })
    }
    return response
  }
}
