import { joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'

const newline = 0x0a

/**
 * The lines of a body as they come, without their ends; one that has no end yet is not given.
 *
 * @param limitBytes - of one line
 * @throws CountersignError `LIMIT_EXCEEDED`; what the body throws
 */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>, limitBytes: number, what: string): AsyncGenerator<Uint8Array> {
  let begun: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces) {
    let from = 0
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, from)) {
      checkLength(length + end - from, limitBytes, what)
      yield joinBytes([...begun, piece.subarray(from, end)])
      ;[begun, length, from] = [[], 0, end + 1]
    }
    if (from === piece.length) continue
    begun.push(piece.slice(from))
    length += piece.length - from
    checkLength(length, limitBytes, what)
  }
}

function checkLength(length: number, limitBytes: number, what: string): void {
  if (length > limitBytes) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want lines of at most ${limitBytes} bytes, got more`)
}
