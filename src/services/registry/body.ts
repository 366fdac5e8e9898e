import { joinBytes } from '../../codec/bytes.ts'

/** The chunks of a request's body; none where it has no body. */
export async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  if (!request.body) return
  for await (const chunk of request.body) yield chunk
}

/** The whole body, or nothing once it exceeds `limit` bytes, whatever Content-Length says. */
export async function readBody(request: Request, limit: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunksOf(request)) {
    length += chunk.length
    if (length > limit) return undefined
    parts.push(chunk)
  }
  return joinBytes(parts)
}
