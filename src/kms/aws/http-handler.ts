import { CountersignError } from '../../codec/error.ts'
import { reachOf } from '../../oci/transport/host.ts'
import { readAnswer } from '../remote/answers.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'

/** What AWS's SDK lets stand in for its own network. Source: `HttpHandler` of `@smithy/types`. */
export type AwsHttpHandler = {
  readonly metadata: { readonly handlerProtocol: string }
  readonly handle: (
    request: AwsHttpRequest,
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<{ readonly response: AwsHttpResponse }>
  readonly updateHttpClientConfig: () => void
  readonly httpHandlerConfigs: () => object
  readonly destroy: () => void
}

export type AwsHttpRequest = {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

type AwsHttpResponse = { readonly statusCode: number; readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }

/**
 * The SDK's exchanges, over our own network: proxies, authorities and limits are those of every other request, an answer has at most 64 KiB, and
 * plain http goes no further than this machine, whatever configuration names the endpoint. So does `AWS_TLS_INSECURE_SKIP_VERIFY=1`.
 *
 * @param what - begins messages: `RemoteKey.what`
 * @throws (rejects) CountersignError `USAGE` where http or an unchecked certificate would go further, `KMS_RESPONSE_MALFORMED` for a longer
 *   answer; else what `fetch` throws
 */
export function createAwsHttpHandler(effects: Pick<ProviderEffects, 'environment' | 'fetch' | 'connect'>, what: string): AwsHttpHandler {
  const isUnchecked = effects.environment.get('AWS_TLS_INSECURE_SKIP_VERIFY') === '1'
  const fetch = isUnchecked ? effects.connect({ insecureSkipTlsVerify: true }) : effects.fetch
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request, { abortSignal } = {}) => {
      const url = urlOf(request)
      const isHere = reachOf(url.hostname) === 'loopback'
      if (url.protocol !== 'https:' && !isHere)
        throw new CountersignError('USAGE', `${what}: endpoint: want https, or http on this machine, got ${url.origin}`)
      if (isUnchecked && !isHere)
        throw new CountersignError(
          'USAGE',
          `${what}: AWS_TLS_INSECURE_SKIP_VERIFY=1: want an emulator on this machine, got ${url.host}: whoever stands between could answer in its stead; leave it out, and name an authority of your own by SSL_CERT_FILE`,
        )
      const { host: _, 'content-length': __, ...headers } = request.headers // of the connection: they come out the same
      const { method, body } = request
      const init: RequestInit = { method, headers, redirect: 'manual', ...(abortSignal && { signal: abortSignal }) }
      if (typeof body === 'string') init.body = body
      else if (body instanceof Uint8Array) init.body = Uint8Array.from(body)
      const response = await fetch(url, init)
      const bytes = await readAnswer(response, what, abortSignal)
      return { response: { statusCode: response.status, headers: Object.fromEntries(response.headers), body: bytes } }
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
    destroy: () => {},
  }
}

function urlOf({ protocol, hostname, port, path, query = {} }: AwsHttpRequest): URL {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === null ? [escapeFully(name)] : [value].flat().map(one => `${escapeFully(name)}=${escapeFully(one)}`),
  )
  const authority = port === undefined ? hostname : `${hostname}:${port}`
  return new URL(`${protocol}//${authority}${path}${pairs.length === 0 ? '' : `?${pairs.toSorted().join('&')}`}`)
}

/** As AWS signs it: RFC 3986, where all but unreserved characters are escaped. */
function escapeFully(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
