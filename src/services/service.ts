import { headerOf, piecesOf } from './incoming-request.ts'

/** What a service says of its work, for the log stream, the metrics and the audit of whoever runs it. No secrets, no tokens. */
export type ServiceEvents = {
  /** Adds to a counter by its Prometheus name. Labels come from closed sets: a client must not be able to make new ones. */
  readonly count: (metric: string, labels?: Readonly<Record<string, string>>) => void
  /** Seconds that something took, or bytes that something has where the metric's name ends in `_size`, for a histogram. */
  readonly observe: (metric: string, amount: number, labels?: Readonly<Record<string, string>>) => void
  readonly log: (level: 'info' | 'warn' | 'error', message: string, facts?: EventFacts) => void
  /** One line that is kept: a certificate was issued, a key was changed. */
  readonly audit: (action: string, facts: EventFacts) => void
}

/** What is told of an event, by name. */
export type EventFacts = Readonly<Record<string, string | number | boolean | undefined>>

/** Nobody listens. */
export const noEvents: ServiceEvents = { count: () => {}, observe: () => {}, log: () => {}, audit: () => {} }

/** A request that a service says no to. Its outermost function makes the answer of it, in the service's own form; nobody else catches it. */
export class ServiceRefusal extends Error {
  override readonly name = 'ServiceRefusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, message: string, options: ErrorOptions & { readonly headers?: Readonly<Record<string, string>> } = {}) {
    super(message, options)
    this.status = status
    this.headers = options.headers ?? {}
  }
}

/** How a body is read. */
export type BodyReading = {
  /** For the body to come whole; 30 seconds unless told, as services.md §11 has it: who sends a byte a minute holds on to nothing. */
  readonly timeoutMs?: number
  /** Is told of the bytes of each piece as it comes, and may throw. */
  readonly take?: (bytes: number) => void
}

/**
 * The bytes of a request's body, read to a limit whatever Content-Length claims.
 *
 * @throws ServiceRefusal 413 past `limit` bytes, 400 where the body was cut off, 408 where it took too long; what `take` throws
 */
export async function readRequestBody(
  request: Request,
  limit: number,
  { timeoutMs = 30_000, take }: BodyReading = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new ServiceRefusal(413, `request: want at most ${limit} bytes`)
  if (Number(headerOf(request, 'content-length') ?? 0) > limit) throw tooLarge()
  const chunks: Uint8Array[] = []
  let length = 0
  const pieces = piecesOf(request)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    pieces.stop()
  }, timeoutMs)
  try {
    await pieces.read(piece => {
      take?.(piece.length)
      length += piece.length
      if (length > limit) throw tooLarge()
      chunks.push(piece)
    })
  } catch (cause) {
    if (cause instanceof ServiceRefusal) throw cause
    throw new ServiceRefusal(400, 'request: the body was cut off', { cause })
  } finally {
    clearTimeout(timer)
  }
  if (isLate) throw new ServiceRefusal(408, `request: want the body within ${timeoutMs} ms`)
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

const grpcCodes: ReadonlyMap<number, number> = new Map([
  [400, 3],
  [401, 16],
  [403, 7],
  [404, 5],
  [405, 12],
  [408, 4],
  [409, 6],
  [413, 3],
  [429, 8],
  [499, 1],
  [500, 13],
  [501, 12],
  [503, 14],
  [504, 4],
])

/** A refusal as gRPC's gateway has it: Fulcio and Rekor v2. A body that is too large is a 400 there. @see services §0 */
export function grpcRefusal({ status, message, headers }: ServiceRefusal): Response {
  const body = { code: grpcCodes.get(status) ?? 2, message, details: [] }
  return Response.json(body, { status: status === 413 ? 400 : status, headers })
}

/** A refusal as Rekor v1 and timestamp authorities have it. @see services §0 */
export function plainRefusal({ status, message, headers }: ServiceRefusal): Response {
  return Response.json({ code: status, message }, { status, headers })
}
