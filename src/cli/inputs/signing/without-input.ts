import { CountersignError } from '../../../codec/error.ts'
import type { CommandContext } from '../../context.ts'

/** What is to be signed must not be taken for the answer to a question. */
export function withoutInput(context: CommandContext): CommandContext {
  const refuse = (): never => {
    throw new CountersignError('USAGE', 'standard input is what is to be signed, and no answer as well')
  }
  return { ...context, stdin: { isTerminal: context.stdin.isTerminal, readAll: async () => refuse(), stream: refuse } }
}
