import { concatBytes } from './bytes.ts'
import { CountersignError } from './error.ts'

/**
 * The whole body of a response. Reading stops at the limit, whatever `Content-Length` claims, and the connection is given up.
 *
 * @param what - begins the message: `GET https://…`
 * @throws CountersignError `LIMIT_EXCEEDED`; errors of the stream itself pass through
 */
export async function readAtMost(response: Response, limitBytes: number, what: string): Promise<Uint8Array> {
  if (!response.body) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body) {
    length += chunk.length
    if (length > limitBytes) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitBytes} bytes, got more`) // leaving the loop cancels the body
    chunks.push(chunk)
  }
  return concatBytes(...chunks)
}
