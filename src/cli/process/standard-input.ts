import { collectBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import type { StandardInput } from '../context.ts'

/** Standard input over a source that is opened at the first read. */
export function createStandardInput(isTerminal: () => boolean, open: () => AsyncIterable<Uint8Array>): StandardInput {
  return {
    get isTerminal() {
      return isTerminal()
    },
    stream: open,
    readAll: async limitBytes => {
      const bytes = await collectBytes(open(), limitBytes)
      if (!bytes) throw new CountersignError('LIMIT_EXCEEDED', `standard input: want at most ${limitBytes} bytes`)
      return bytes
    },
  }
}
