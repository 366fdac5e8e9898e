import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../../codec/text.ts'
import { createTestContext } from '../../../testing/command-context.ts'
import { readVerificationCode } from './verification-code.ts'

for (const { name, chunks, code, refusal } of [
  { name: 'a line, and nothing of what follows', chunks: [' 4/co', 'de-1\r\nnext', ' line'], code: '4/code-1' },
  { name: 'a last line without its end', chunks: ['code'], code: 'code' },
  { name: 'nothing', chunks: [], refusal: { code: 'USAGE', message: /standard input is no terminal and ended before it$/ } },
  {
    name: 'a line without end',
    chunks: Array(5).fill('x'.repeat(1024)),
    refusal: { code: 'LIMIT_EXCEEDED', message: /at most 4096 bytes/ },
  },
] as const)
  test(`a verification code without a terminal: ${name}`, async () => {
    const context = createTestContext()
    const stream = async function* () {
      for (const chunk of chunks) yield encodeUtf8(chunk)
    }
    const read = readVerificationCode({ ...context, stdin: { ...context.stdin, isTerminal: false, stream } })
    if (refusal) await assert.rejects(read, refusal)
    else assert.equal(await read, code)
    assert.deepEqual(context.said, ['Enter verification code: '])
  })

test('a verification code without a terminal: who is interrupted waits no longer', async () => {
  const context = createTestContext()
  const interrupted = new AbortController()
  const stream = async function* () {
    interrupted.abort(new Error('interrupted'))
    await new Promise(() => {}) // an input that stays open
    yield new Uint8Array(0)
  }
  const stdin = { ...context.stdin, isTerminal: false, stream }
  await assert.rejects(readVerificationCode({ ...context, signal: interrupted.signal, stdin }), /interrupted/)
})

test('a verification code at a terminal is typed there', async () => {
  const context = createTestContext({ keys: ['code\n'] })
  assert.equal(await readVerificationCode(context), 'code')
})
