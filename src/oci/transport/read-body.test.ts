import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownPieces, readAtMost } from './read-body.ts'

const piece = 700_000
const limit = 3 * piece
/** An answer of whole pieces, each full of its own number. */
function answer(pieces: number, contentLength: number | undefined): Response {
  const numbers = Array.from({ length: pieces }, (_, at) => at + 1).values()
  const body = new ReadableStream<Uint8Array>({
    pull: controller => {
      const { value, done } = numbers.next()
      if (done) controller.close()
      else controller.enqueue(new Uint8Array(piece).fill(value))
    },
  })
  return new Response(body, { headers: contentLength === undefined ? {} : { 'content-length': String(contentLength) } })
}
const whole = Uint8Array.from({ length: limit }, (_, at) => 1 + Math.floor(at / piece))

for (const { name, contentLength, pieces = 3 } of [
  { name: 'nothing', contentLength: undefined },
  { name: 'what comes', contentLength: limit },
  { name: 'less, within a piece', contentLength: 2 * piece - 5 },
  { name: 'less than the first piece', contentLength: 3 },
  { name: 'more', contentLength: limit, pieces: 2 },
  { name: 'more than it may be', contentLength: 2 ** 40 },
  { name: 'no number', contentLength: Number.NaN },
])
  test(`a body is read whole where its length is said to be ${name}`, async () => {
    const bytes = await readAtMost(answer(pieces, contentLength), limit, 'answer')
    assert.ok(Buffer.from(bytes).equals(whole.subarray(0, pieces * piece)))
  })

for (const contentLength of [undefined, piece, limit])
  test(`a body that is too long is not read to its end, whatever length it says: ${contentLength}`, () =>
    assert.rejects(readAtMost(answer(4, contentLength), limit, 'answer'), {
      code: 'LIMIT_EXCEEDED',
      message: `answer: want at most ${limit} bytes, got more`,
    }))

for (const { name, mark, isFreed } of [
  { name: 'of the transport', mark: ownPieces, isFreed: true },
  { name: 'of somebody else', mark: (response: Response) => response, isFreed: false },
])
  test(`the pieces of an answer ${name} are ${isFreed ? 'freed as they are read' : 'left alone'}`, async () => {
    const [alone, part] = [new Uint8Array(piece).fill(1), new Uint8Array(piece + 1).subarray(1).fill(2)]
    const body = new ReadableStream({
      start: controller => {
        for (const chunk of [alone, part]) controller.enqueue(chunk)
        controller.close()
      },
    })
    const response = mark(new Response(body, { headers: { 'content-length': String(2 * piece) } }))
    const bytes = await readAtMost(response, limit, 'answer')
    assert.ok(Buffer.from(bytes).equals(whole.subarray(0, 2 * piece)))
    assert.deepEqual([alone.length, part.length], [isFreed ? 0 : piece, piece]) // what is a part of something else is not ours to free
  })
