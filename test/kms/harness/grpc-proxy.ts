import {
  type ClientHttp2Session,
  connect,
  constants,
  createSecureServer,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { ProviderProxy } from './provider-proxy.ts'
import type { ProviderBehaviour } from './provider-rig.ts'

const { HTTP2_HEADER_METHOD: method, HTTP2_HEADER_PATH: path } = constants

/**
 * Stands between gRPC clients and a server of plain HTTP/2 on loopback, with TLS: counts calls, and behaves as it is told. A call to sign of a
 * `foreign` provider gets the header `x-sign-foreign`, by which the server signs with another key.
 *
 * @param isSign - whether a call of this path signs
 */
export async function startGrpcProxy(
  upstream: string,
  tls: { readonly key: string; readonly cert: string },
  isSign: (path: string) => boolean,
): Promise<ProviderProxy> {
  let behaviour: ProviderBehaviour = 'well'
  let seen: string[] = []
  const behind: ClientHttp2Session = connect(`http://${upstream}`)
  behind.on('error', () => {}) // the calls on it fail, which clients see
  const sessions = new Set<Http2Session>()
  const server = createSecureServer({ ...tls, allowHTTP1: false })
  server.on('session', session => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {})
    const called = String(headers[path])
    seen.push(`${headers[method]} ${called}`)
    if (behaviour === 'silent') return
    if (behaviour === 'throttled' || behaviour === 'throttled-once') {
      if (behaviour === 'throttled-once') behaviour = 'well'
      throttle(stream)
      return
    }
    const passed = behind.request({ ...headers, ...(behaviour === 'foreign' && isSign(called) && { 'x-sign-foreign': '1' }) })
    passed.on('error', () => stream.close())
    let trailers: Record<string, unknown> = {}
    passed.on('trailers', given => {
      trailers = { ...given }
    })
    passed.on('response', (given, flags) => {
      const isAll = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0 // a failure is told in the headers alone
      stream.respond({ ...given }, { endStream: isAll, waitForTrailers: !isAll })
      if (!isAll) passed.pipe(stream)
    })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers as Record<string, string>))
    stream.pipe(passed)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`),
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
      behind.destroy()
      for (const session of sessions) session.destroy()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

/** RESOURCE_EXHAUSTED, as a quota that is used up is told. */
function throttle(stream: ServerHttp2Stream): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '8', 'grpc-message': 'Quota exceeded' }
  stream.respond(headers, { endStream: true })
}
