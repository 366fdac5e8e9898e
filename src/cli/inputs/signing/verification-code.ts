import { concatBytes } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import type { CommandContext } from '../../context.ts'

const question = 'Enter verification code: '
const codeLimitBytes = 4 << 10
const waitMs = 120_000 // as long as a browser is waited for

/**
 * The code that a page showed somebody: typed at the terminal, else a line of standard input, for programs that pass on what they are told
 * and containers without a terminal.
 *
 * @throws CountersignError `USAGE` where the input ends first, `LIMIT_EXCEEDED`, `TIMED_OUT` where no line comes within two minutes; the
 *   signal's own reason
 */
export async function readVerificationCode({ stdin, prompts, stderr, signal }: CommandContext): Promise<string> {
  if (stdin.isTerminal) return await prompts.line(question)
  signal.throwIfAborted()
  stderr(`${question}\n`)
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(waitMs)])
  const late = new Promise<never>((_, reject) => deadline.addEventListener('abort', () => reject(deadline.reason), { once: true }))
  late.catch(() => {}) // it may come after the answer, or where there was no input to wait for
  try {
    return await Promise.race([firstLine(stdin.stream()), late])
  } catch (cause) {
    signal.throwIfAborted()
    if (!deadline.aborted) throw cause
    throw new CountersignError('TIMED_OUT', `standard input: no verification code within ${waitMs / 1000} seconds`)
  }
}

async function firstLine(input: AsyncIterable<Uint8Array>): Promise<string> {
  let read = new Uint8Array(0)
  for await (const chunk of input) {
    read = concatBytes(read, chunk)
    if (read.length > codeLimitBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `verification code: want a line of at most ${codeLimitBytes} bytes`)
    const end = read.indexOf(0x0a)
    if (end >= 0) return decodeUtf8(read.subarray(0, end), 'verification code').trim()
  }
  const code = decodeUtf8(read, 'verification code').trim()
  if (code === '')
    throw new CountersignError('USAGE', 'a verification code is wanted, and standard input is no terminal and ended before it')
  return code
}
