import { connect, type Socket } from 'node:net'

/** One request that a benchmark sends: its bytes as they go over the wire, made before the clock starts. */
export type RawCall = { readonly bytes: Uint8Array; readonly status: number }

/** A request of HTTP/1.1 on a connection that is kept. */
export function encodeCall(
  host: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
  status: number,
): RawCall {
  const bytes = Buffer.from(body)
  const lines = Object.entries({ host, ...headers, 'content-length': bytes.length }).map(([name, value]) => `${name}: ${value}\r\n`)
  return { bytes: Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes]), status }
}

/**
 * One client on one connection. It costs a fifth of what `node:http` does: a benchmark whose client shares the cores with what it measures
 * should not measure its client. Every answer's status is checked and its body read to the end; another status, an answer without a length and
 * a connection that ends are errors.
 */
export class RawClient {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #waiting: { readonly resolve: (body: Buffer) => void; readonly reject: (cause: Error) => void; readonly status: number } | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', cause => this.#fail(cause))
    socket.on('close', () => this.#fail(new Error('the connection was closed')))
  }

  static open(url: URL): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true }, () => resolve(new RawClient(socket)))
      socket.once('error', reject)
    })
  }

  /** The body of the answer. */
  send({ bytes, status }: RawCall): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, status }
      this.#socket.write(bytes)
    })
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.toString('latin1', 0, end)
    const length = /\r\ncontent-length: (\d+)(\r\n|$)/i.exec(head)?.[1]
    if (length === undefined) return void this.#fail(new Error(`want an answer with its length, got ${head}`))
    const whole = end + 4 + Number(length)
    if (this.#received.length < whole) return
    const body = this.#received.subarray(end + 4, whole)
    this.#received = this.#received.subarray(whole)
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting && head.startsWith(`HTTP/1.1 ${waiting.status} `)) return void waiting.resolve(body)
    waiting?.reject(new Error(`want status ${waiting.status}, got ${head.slice(0, 100)}: ${body.toString().slice(0, 300)}`))
  }

  #fail(cause: Error): void {
    this.#waiting?.reject(cause)
    this.#waiting = undefined
  }
}
