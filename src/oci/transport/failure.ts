import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { hostAndPort } from './host.ts'

/**
 * Why a connection gave no answer. `not-tls`: the other side does not speak TLS on that port; `tls`: it does, and ended
 * the handshake; `certificate`: it showed one we do not accept.
 */
export type FailureKind = 'name' | 'unreachable' | 'closed' | 'timed-out' | 'not-tls' | 'tls' | 'certificate' | 'proxy' | 'other'

export type Failure = { readonly kind: FailureKind; readonly words: string }

const certificateWords = new Map([
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate leads to an authority that is not trusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is self-signed and not trusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its certificate was issued by an authority that is not trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'its certificate was issued by an authority that is not trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its certificate was issued by an authority that is not trusted'],
  ['CERT_UNTRUSTED', 'its certificate is not trusted'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name'],
  ['HOSTNAME_MISMATCH', 'its certificate is for another name'],
])

const failures = new Map<string, Failure>([
  ['ENOTFOUND', { kind: 'name', words: 'no such host name' }],
  ['EAI_AGAIN', { kind: 'name', words: 'the host name could not be looked up' }],
  ['EAI_FAIL', { kind: 'name', words: 'the host name could not be looked up' }],
  ['ECONNREFUSED', { kind: 'unreachable', words: 'connection refused' }],
  ['EHOSTUNREACH', { kind: 'unreachable', words: 'no route to the host' }],
  ['ENETUNREACH', { kind: 'unreachable', words: 'no route to the network' }],
  ['EADDRNOTAVAIL', { kind: 'unreachable', words: 'no route to the host' }],
  ['ECONNRESET', { kind: 'closed', words: 'the connection was closed before an answer' }],
  ['EPIPE', { kind: 'closed', words: 'the connection was closed before an answer' }],
  ['ERR_STREAM_PREMATURE_CLOSE', { kind: 'closed', words: 'the connection was closed within the answer' }],
  ['ETIMEDOUT', { kind: 'timed-out', words: 'no connection in time' }],
  ['ERR_PROXY_TUNNEL', { kind: 'proxy', words: 'the proxy refused to connect' }],
  ['UnsuccessfulProxyConnection', { kind: 'proxy', words: 'the proxy refused to connect' }],
  ['HPE_HEADER_OVERFLOW', { kind: 'other', words: 'the answer has too many headers' }],
])

/** Says in fixed words why a connection failed; nothing of the error's own text, which can hold URLs, is passed on. */
export function describeFailure(error: unknown): Failure {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const code = systemErrorCode(cause)
    const known = failures.get(code)
    if (known) return known
    const certificate = certificateWords.get(code)
    if (certificate) return { kind: 'certificate', words: certificate }
    if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return describeHandshake(code, cause.message)
    if (code.startsWith('CERT_')) return { kind: 'certificate', words: `its certificate is refused: ${code}` }
    if (/^((HPE|ERR)_[A-Z0-9_]{1,60}|(Malformed|Invalid)[A-Za-z_]{1,60})$/.test(code))
      return { kind: 'other', words: `the answer is not HTTP: ${code}` }
  }
  return { kind: 'other', words: 'no usable answer' }
}

/** OpenSSL names what came instead of a TLS record; Bun says EPROTO for every handshake that ended early. */
function describeHandshake(code: string, message: string): Failure {
  if (/certificate.required/i.test(`${code} ${message}`)) return { kind: 'tls', words: 'it wants a client certificate' }
  if (/wrong.version.number|packet.length.too.long|http.request|record.header/i.test(`${code} ${message}`))
    return { kind: 'not-tls', words: 'it does not speak TLS on that port' }
  if (/speak TLS on this port/.test(message))
    return { kind: 'not-tls', words: 'the TLS handshake failed: no TLS on that port, or a client certificate wanted' }
  return { kind: 'tls', words: 'the TLS handshake was refused' }
}

/**
 * The error of a failed exchange: method and place (no path query), the reason in words.
 *
 * @throws nothing; gives a CountersignError `SERVICE_UNAVAILABLE` whose cause is the runtime's own error
 */
export function exchangeFailed(method: string, url: URL, cause: unknown, through?: URL): CountersignError {
  const proxy = through ? ` through proxy ${through.host}` : ''
  return new CountersignError(
    'SERVICE_UNAVAILABLE',
    `${method} ${url.protocol}//${hostAndPort(url)}${proxy}: ${describeFailure(cause).words}`,
    { cause },
  )
}
