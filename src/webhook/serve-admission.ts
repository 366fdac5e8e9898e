import { CountersignError, reasonOf } from '../codec/error.ts'
import type { World } from '../codec/world.ts'
import { listen } from '../services/listen.ts'
import type { OperatedEvents } from '../services/stack/events.ts'
import { followCertificate, type TlsPair } from '../services/tls-certificate.ts'
import { type AdmissionOptions, createAdmissionServer } from './admission-server.ts'

/** Where an admission server is served, and how it ends. */
export type AdmissionAddress = {
  readonly host: string
  readonly port: number // 0: any free one
  /** The certificate to serve now: asked again each minute. */
  readonly loadTls: () => Promise<TlsPair>
  readonly clientCa?: string // PEM; whose clients alone are answered, scrapers and probes included
  /** How long it goes on taking reviews after it has said that it is not ready, until nobody sends any. */
  readonly retireMs: number
}

/** A server that runs. */
export type ServedAdmission = {
  readonly url: URL
  /** Has it say that it is not ready, waits, takes no new connections, and answers what is under way. */
  readonly close: () => Promise<void>
}

/** Longer than the 90 s for which an API server keeps a connection that is idle: whoever closes it first must not be us, for reviews are not sent twice. */
const keepAliveMs = 120_000
const graceMs = 30_000 // no review takes longer

/**
 * Serves reviews over TLS 1.2 and above.
 *
 * @throws CountersignError `ADDRESS_UNAVAILABLE`; as `loadTls`
 */
export async function serveAdmission(
  address: AdmissionAddress,
  options: AdmissionOptions,
  operated: Pick<OperatedEvents, 'events' | 'metrics'>,
  world: Pick<World, 'now' | 'sleep'>,
): Promise<ServedAdmission> {
  const { events } = operated
  const { handler, retire } = createAdmissionServer(options, operated, world)
  const { host, port, loadTls, clientCa, retireMs } = address
  const tls = await loadTls()
  const listener = await listen(handler, {
    host,
    port,
    tls: { ...tls, ...(clientCa !== undefined && { clientCa }) },
    headersMs: 10_000,
    requestMs: 30_000,
    idleMs: keepAliveMs + 10_000,
    keepAliveMs,
    graceMs,
    report: error => events.log('error', 'a request failed', { reason: reasonOf(error) }),
    onConnectionEnd: reason => events.count('http_connections_ended_total', { server: 'admission', reason }),
  }).catch(cause => {
    throw new CountersignError('ADDRESS_UNAVAILABLE', `cannot serve on ${host}:${port}: ${reasonOf(cause)}`, { cause })
  })
  const closing = new AbortController()
  const following = followCertificate(tls, loadTls, listener.renew, world, events, closing.signal)
  return {
    url: listener.url,
    close: async () => {
      retire()
      await world.sleep(retireMs, closing.signal)
      closing.abort()
      await Promise.all([following, listener.close()])
    },
  }
}
