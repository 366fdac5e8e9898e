/** The chunks of a request's body; none where it has no body. */
export async function* chunksOf(request: Request): AsyncGenerator<Uint8Array> {
  if (!request.body) return
  for await (const chunk of request.body) yield chunk
}
