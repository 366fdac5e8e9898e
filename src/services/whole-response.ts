/**
 * A response whose body is here already. The listener sends it at once and with its length, without reading the body's stream piece by piece:
 * for answers that are made thousands of times a second. A Response of the platform, whose stream takes most of the time, is made of it only
 * for whoever asks for more than status and headers.
 */
export function wholeResponse(body: string | Uint8Array, init: ResponseInit): Response {
  return new WholeResponse(Buffer.from(body), init) as unknown as Response
}

/** The whole body of a response that `wholeResponse` made and nobody has read from. */
export function wholeBodyOf(response: Response): Uint8Array | undefined {
  return WholeResponse.is(response) ? response.wholeBody : undefined
}

class WholeResponse {
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  #platform: Response | undefined

  constructor(bytes: Uint8Array<ArrayBuffer>, { status = 200, statusText = '', headers }: ResponseInit) {
    this.#bytes = bytes
    this.status = status
    this.statusText = statusText
    this.headers = new Headers(headers)
  }

  static is(response: object): response is WholeResponse {
    return #bytes in response
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299
  }

  get wholeBody(): Uint8Array | undefined {
    return this.#platform?.bodyUsed ? undefined : this.#bytes
  }

  /** The platform's own, for everything else that a Response can. */
  get platform(): Response {
    const { status, statusText, headers } = this
    this.#platform ??= new Response(this.#bytes, { status, statusText, headers })
    return this.#platform
  }
}

for (const name of ['body', 'bodyUsed', 'redirected', 'type', 'url'] as const)
  Object.defineProperty(WholeResponse.prototype, name, {
    get(this: WholeResponse) {
      return this.platform[name]
    },
  })

for (const name of ['arrayBuffer', 'blob', 'bytes', 'clone', 'formData', 'json', 'text'] as const)
  Object.defineProperty(WholeResponse.prototype, name, {
    value(this: WholeResponse) {
      return this.platform[name]()
    },
  })

Object.setPrototypeOf(WholeResponse.prototype, Response.prototype) // so that it is an instance of what it stands for
