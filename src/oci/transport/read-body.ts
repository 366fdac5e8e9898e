import { joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { describeFailure } from './failure.ts'
import { LightResponse } from './light-response.ts'

/**
 * All bytes of an answer's body, at most `limit` of them: it stops there, whatever Content-Length claims.
 *
 * @param what - begins the message: `token server auth.example`
 * @throws CountersignError `LIMIT_EXCEEDED`, or `SERVICE_UNAVAILABLE` when the connection breaks within the body; the
 *   signal's reason, unchanged, when that ended it
 */
export async function readAtMost(response: Response, limit: number, what: string, signal?: AbortSignal): Promise<Uint8Array> {
  const room = roomFor(response, limit)
  const chunks: Uint8Array[] = [] // that there was no room for
  let total = 0
  for await (const chunk of chunksOfBody(response, what, signal)) {
    const at = total
    total += chunk.length
    if (total > limit) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limit} bytes, got more`)
    if (total <= room.length) {
      room.set(chunk, at)
      if (ofTransport.has(response)) letGo(chunk)
    } else chunks.push(chunk)
  }
  if (chunks.length === 0) return room.subarray(0, total)
  return joinBytes([room.subarray(0, total - chunks.reduce((sum, { length }) => sum + length, 0)), ...chunks])
}

const ofTransport = new WeakSet<Response>()

/** Says that the pieces of an answer's body are nobody's but the reader's, as those that came from a socket are. */
export function ownPieces(response: Response): Response {
  ofTransport.add(response)
  return response
}

/** Frees a piece at once. Bun collects pieces only when they are as much as all else: a body of 67 MB would take twice that. */
function letGo({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

const largeBytes = 1 << 20

/** Room for a large body that says how long it is: its pieces and the whole would take twice as much. */
function roomFor({ headers }: Response, limit: number): Uint8Array {
  const stated = Number(headers.get('content-length') ?? 0)
  return new Uint8Array(stated >= largeBytes && stated <= limit ? stated : 0)
}

/**
 * The body of an answer piece by piece; it is given up when the loop is left early.
 *
 * @throws CountersignError `SERVICE_UNAVAILABLE` when the connection breaks within it; the signal's reason, unchanged, when
 *   that ended it
 */
export async function* chunksOfBody(response: Response, what: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* response instanceof LightResponse ? response.chunks() : chunksOf(response.body)
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof CountersignError) throw cause
    throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${describeFailure(cause).words}`, { cause })
  }
}

/** A body piece by piece; it is given up when the loop is left early or fails. */
async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const reader = body.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    void reader.cancel().catch(() => {}) // of no effect on a body that came to its end
  }
}

/** Frees the connection of an answer whose body does not matter: a short one is read to its end, a long one is cut off. */
export async function discard(response: Response): Promise<void> {
  await readAtMost(response, 64 << 10, 'discarded answer').catch(() => {})
}
