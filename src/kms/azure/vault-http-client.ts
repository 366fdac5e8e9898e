import { decodeUtf8 } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import { readAnswer } from '../remote/answers.ts'

/** What Azure's SDK lets stand in for its own network. Source: `HttpClient` of `@azure/core-rest-pipeline`. */
export type VaultHttpClient = { readonly sendRequest: (request: PipelineRequest) => Promise<PipelineResponse> }

type PipelineRequest = {
  readonly url: string
  readonly method: string
  readonly headers: { readonly toJSON: () => Readonly<Record<string, string>> }
  readonly body?: unknown
  readonly abortSignal?: AbortSignal
}

type PipelineResponse = {
  readonly request: PipelineRequest
  readonly headers: PipelineHeaders
  readonly status: number
  readonly bodyAsText: string
}

/**
 * The SDK's exchanges with the vault, over our own network: proxies, authorities and limits are those of every other request, and an answer
 * has at most 64 KiB.
 *
 * @param what - begins messages: `RemoteKey.what`
 * @throws CountersignError `KMS_RESPONSE_MALFORMED` for a longer answer or one that is not text; else whatever `fetch` throws
 */
export function createVaultHttpClient(fetch: Fetch, what: string): VaultHttpClient {
  return {
    sendRequest: async request => {
      const { url, method, body, abortSignal } = request
      const { 'accept-encoding': _, ...headers } = request.headers.toJSON()
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        ...(typeof body === 'string' && { body }),
        ...(abortSignal && { signal: abortSignal }),
      })
      const bytes = await readAnswer(response, what, abortSignal)
      const bodyAsText = decodeUtf8(bytes, `${what}: answer`, 'KMS_RESPONSE_MALFORMED')
      return { request, headers: new PipelineHeaders(response.headers), status: response.status, bodyAsText }
    },
  }
}

/** Headers in the SDK's shape: names in any case, written in lower case. */
class PipelineHeaders {
  readonly #headers: Map<string, string>
  constructor(headers: Iterable<readonly [string, string]>) {
    this.#headers = new Map([...headers].map(([name, value]) => [name.toLowerCase(), value]))
  }
  get(name: string): string | undefined {
    return this.#headers.get(name.toLowerCase())
  }
  has(name: string): boolean {
    return this.#headers.has(name.toLowerCase())
  }
  set(name: string, value: string): void {
    this.#headers.set(name.toLowerCase(), value)
  }
  delete(name: string): void {
    this.#headers.delete(name.toLowerCase())
  }
  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#headers)
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.#headers.entries()
  }
}
