import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import { linesOf } from './lines.ts'

async function linesIn(pieces: readonly string[], limit = 8): Promise<readonly string[]> {
  const body = (async function* () {
    for (const piece of pieces) yield encodeUtf8(piece)
  })()
  const lines: string[] = []
  for await (const line of linesOf(body, limit, 'body')) lines.push(decodeUtf8(line, 'line'))
  return lines
}

for (const { name, pieces, lines } of [
  { name: 'one in a piece', pieces: ['ab\n'], lines: ['ab'] },
  { name: 'several in a piece', pieces: ['ab\ncd\n'], lines: ['ab', 'cd'] },
  { name: 'one over pieces', pieces: ['a', 'b', '\nc\n'], lines: ['ab', 'c'] },
  { name: 'an empty one', pieces: ['\n'], lines: [''] },
  { name: 'one without an end', pieces: ['ab\ncd'], lines: ['ab'] },
  { name: 'as long as may be', pieces: ['12345678\n'], lines: ['12345678'] },
])
  test(`lines: ${name}`, async () => assert.deepEqual(await linesIn(pieces), lines))

for (const pieces of [['123456789\n'], ['1234', '56789'], ['1234', '56789\n']])
  test(`lines: too long: ${JSON.stringify(pieces)}`, () =>
    assert.rejects(linesIn(pieces), { code: 'LIMIT_EXCEEDED', message: 'body: want lines of at most 8 bytes, got more' }))
