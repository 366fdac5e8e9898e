import type { Fetch, ProcessEnvironment } from '../codec/world.ts'
import type { TlsSettings, TransportSettings } from './transport/settings.ts'

export type TransportOptions = {
  /** PEM certificates of further authorities, beside the system's. */
  readonly ca?: string
  /** PEM certificates of all authorities there are: neither the system's nor `ca` count. */
  readonly onlyCa?: string
  /** PEM; shown to servers that ask for one. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string }
  /** Name the server's certificate must be for, and that is sent as SNI, instead of the host connected to. */
  readonly serverName?: string
  /** Accepts any certificate. */
  readonly insecureSkipTlsVerify?: boolean
  /** Read for HTTP_PROXY, HTTPS_PROXY, NO_PROXY (either case), SSL_CERT_FILE and SSL_CERT_DIR. */
  readonly environment?: ProcessEnvironment
  /** Until a connection stands, TLS included; 30 s unless told. */
  readonly connectTimeoutMs?: number
}

/**
 * An HTTP client in the shape of `fetch`, with one behaviour on Node and on Bun:
 * connections are kept, reused and bounded (16 to one origin on Node, 256 in all on Bun); redirects are answers (the 3xx comes back); bodies
 * stream and are never decompressed, since their digest is of the bytes sent; no cookies; the signal ends everything.
 * TLS verification cannot be switched off from the environment.
 *
 * On Node it stands on `node:http(s)`, because the first use of the global `fetch` or `Response` costs 25-40 ms there;
 * on Bun on the native `fetch`, because `node:http` costs 8 ms and 10 MB there. Both are loaded at the first request.
 *
 * @throws (rejects) CountersignError `SERVICE_UNAVAILABLE` naming method, origin and reason when there is no answer;
 *   the signal's own reason when it ended the wait; `USAGE`, `FILE_UNREADABLE` or `PEM_MALFORMED` for unusable settings
 */
export function createTransport(options: TransportOptions = {}): Fetch {
  const environment = options.environment ?? {}
  const settings: TransportSettings = {
    environment,
    connectTimeoutMs: options.connectTimeoutMs ?? 30_000,
    tls: once(() => tlsSettings(options, environment)),
  }
  const load = once(async (): Promise<Fetch> => {
    if (process.versions['bun'] !== undefined) return (await import('./transport/bun-fetch.ts')).createBunFetch(settings)
    return (await import('./transport/node-fetch.ts')).createNodeFetch(settings)
  })
  return async (input, init) => (await load())(input, init)
}

async function tlsSettings(options: TransportOptions, environment: ProcessEnvironment): Promise<TlsSettings> {
  const { checkCertificates, trustedAuthorities } = await import('./transport/certificates.ts')
  if (options.clientCertificate) checkCertificates(options.clientCertificate.cert, 'registry client certificate')
  return {
    ca: options.insecureSkipTlsVerify ? undefined : (options.onlyCa ?? trustedAuthorities(environment, options.ca)),
    cert: options.clientCertificate?.cert,
    key: options.clientCertificate?.key,
    serverName: options.serverName,
    rejectUnauthorized: options.insecureSkipTlsVerify !== true,
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
