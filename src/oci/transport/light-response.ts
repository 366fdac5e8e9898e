import { joinBytes } from '../../codec/bytes.ts'

/** What an answer is made of; `body` and `chunks` are two ways to the same bytes, and only one of them is used. */
export type ResponseParts = {
  readonly url: string
  readonly status: number
  readonly statusText: string
  readonly rawHeaders: readonly string[] // name, value, name, value
  readonly body: (() => ReadableStream<Uint8Array>) | undefined // nothing for HEAD, 204, 205 and 304
  readonly chunks: () => AsyncIterable<Uint8Array>
}

/**
 * A `Response` that does not load the runtime's fetch implementation: on Node the first touch of `Response` or `Headers`
 * costs 25 ms. What readers of registries use is here; the rest (`blob`, `formData`, `clone`) hands over to the real one.
 */
export class LightResponse implements Response {
  readonly type = 'basic'
  readonly redirected = false
  readonly url: string
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly #parts: ResponseParts
  #stream: ReadableStream<Uint8Array> | undefined
  #collected = false

  constructor(parts: ResponseParts) {
    this.url = parts.url
    this.status = parts.status
    this.statusText = parts.statusText
    this.headers = new LightHeaders(parts.rawHeaders)
    this.#parts = parts
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }
  get body(): ReadableStream<Uint8Array> | null {
    if (this.#stream === undefined && !this.#collected) this.#stream = this.#parts.body?.()
    return this.#stream ?? null
  }
  get bodyUsed(): boolean {
    return this.#collected || (this.#stream?.locked ?? false)
  }
  readonly bytes = async (): Promise<Uint8Array<ArrayBuffer>> => {
    if (this.#stream) return this.#real().bytes() as Promise<Uint8Array<ArrayBuffer>>
    const chunks: Uint8Array[] = []
    for await (const chunk of this.chunks()) chunks.push(chunk)
    return joinBytes(chunks)
  }
  /** The body piece by piece, without the web streams that `body` loads (3 ms); leaving the loop early closes the connection. */
  chunks(): AsyncIterable<Uint8Array> {
    if (this.bodyUsed || this.#stream) throw new TypeError('the body was read already')
    this.#collected = true
    return this.#parts.chunks()
  }
  readonly arrayBuffer = async (): Promise<ArrayBuffer> => (await this.bytes()).buffer
  readonly text = async (): Promise<string> => new TextDecoder().decode(await this.bytes())
  readonly json = async (): Promise<unknown> => JSON.parse(await this.text())
  readonly blob = async (): Promise<Blob> => new Blob([await this.bytes()], { type: this.headers.get('content-type') ?? '' })
  readonly formData = (): Promise<FormData> => this.#real().formData()
  readonly textStream = (): ReadableStream<string> => this.#real().textStream()

  clone(): Response {
    if (this.bodyUsed) throw new TypeError('the body was read already')
    const [mine, theirs] = this.body?.tee() ?? []
    this.#stream = mine
    return new LightResponse({ ...this.#parts, body: theirs && (() => theirs), chunks: () => theirs ?? emptyBody() })
  }

  #real(): Response {
    return new Response(this.body, { headers: [...this.headers] })
  }
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

/** Header fields of an answer, names in lower case, repeated ones joined by `, ` as fetch does. */
class LightHeaders implements Headers {
  readonly #fields = new Map<string, string[]>()

  constructor(raw: readonly string[]) {
    for (let at = 0; at + 1 < raw.length; at += 2) this.append(raw[at]!, raw[at + 1]!)
  }
  readonly append = (name: string, value: string): void => {
    const key = name.toLowerCase()
    const values = this.#fields.get(key)
    if (values) values.push(value)
    else this.#fields.set(key, [value])
  }
  readonly get = (name: string): string | null => this.#fields.get(name.toLowerCase())?.join(', ') ?? null
  readonly has = (name: string): boolean => this.#fields.has(name.toLowerCase())
  readonly set = (name: string, value: string): void => void this.#fields.set(name.toLowerCase(), [value])
  readonly delete = (name: string): void => void this.#fields.delete(name.toLowerCase())
  readonly getSetCookie = (): string[] => [...(this.#fields.get('set-cookie') ?? [])]
  readonly forEach = (use: (value: string, name: string, headers: Headers) => void, self?: unknown): void => {
    for (const [name, value] of this.entries()) use.call(self, value, name, this)
  }
  readonly entries = (): ReturnType<Headers['entries']> => iterate(this.#sorted())
  readonly keys = (): ReturnType<Headers['keys']> => iterate(this.#sorted().map(([name]) => name))
  readonly values = (): ReturnType<Headers['values']> => iterate(this.#sorted().map(([, value]) => value))
  readonly [Symbol.iterator] = (): ReturnType<Headers['entries']> => this.entries()

  #sorted(): [string, string][] {
    return [...this.#fields].map(([name, values]): [string, string] => [name, values.join(', ')]).sort(([a], [b]) => (a < b ? -1 : 1))
  }
}

type HeadersIterator<T> = T extends string ? ReturnType<Headers['keys']> : ReturnType<Headers['entries']>

/** An array's iterator has what the type of fetch asks for (map, filter, ...), only the ES2024 library of types does not know. */
function iterate<T>(items: readonly T[]): HeadersIterator<T> {
  return items.values() as unknown as HeadersIterator<T>
}
