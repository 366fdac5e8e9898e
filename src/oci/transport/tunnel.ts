import type { ClientRequestArgs, RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { placeOf } from './host.ts'

/**
 * Connects to a TLS server through a proxy: CONNECT, then TLS with the server itself. Node's own `proxyEnv` is not used: it
 * trusts only built-in authorities for a proxy spoken to over TLS, and releases before 24.5 ignore it and go direct.
 *
 * @param target - where to, with all that TLS needs, as an agent hands it to `createConnection`
 * @throws (rejects) Error with code `ERR_PROXY_TUNNEL` when the proxy says anything but 2xx, `ETIMEDOUT` past `timeoutMs`,
 *   or that of the connection that failed
 */
export function openTunnel(proxy: URL, proxyTls: ConnectionOptions, target: ClientRequestArgs, timeoutMs: number): Promise<TLSSocket> {
  const { request } = process.getBuiltinModule(proxy.protocol === 'https:' ? 'node:https' : 'node:http')
  const host = String(target.host)
  const authority = `${host.includes(':') ? `[${host}]` : host}:${target.port}`
  const options: RequestOptions = {
    ...placeOf(proxy),
    ...(proxy.protocol === 'https:' && proxyTls),
    method: 'CONNECT',
    path: authority,
    agent: false, // a tunnel is a connection of its own; the agent above pools what comes of it
  }
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const outgoing = request(options)
  const headers = { host: authority, ...proxyAuthorization(proxy) }
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value) // among the options, NODE_DEBUG=net would show them
  let current: { destroy: () => unknown } = outgoing
  outgoing
    .once('error', reject)
    .once('connect', (response, socket: Socket, head: Uint8Array) => {
      const status = response.statusCode ?? 0
      if (status < 200 || status > 299 || head.length > 0) {
        socket.destroy()
        return reject(Object.assign(new Error(`the proxy answered ${status}`), { code: 'ERR_PROXY_TUNNEL' }))
      }
      const secured = process.getBuiltinModule('node:tls').connect({ ...(target as ConnectionOptions), socket })
      current = secured
      secured.once('error', reject).once('secureConnect', () => resolve(secured.off('error', reject)))
    })
    .end()
  const timer = setTimeout(() => {
    reject(Object.assign(new Error(`no tunnel within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }))
    current.destroy()
  }, timeoutMs)
  return promise.finally(() => clearTimeout(timer))
}

/** The user name and password of a proxy's URL, RFC 7617; they go to the proxy and never further. */
export function proxyAuthorization(proxy: URL): { 'proxy-authorization'?: string } {
  if (proxy.username === '' && proxy.password === '') return {}
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${encodeBase64(encodeUtf8(pair))}` }
}
