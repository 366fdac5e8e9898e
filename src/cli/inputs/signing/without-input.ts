import { CountersignError } from '../../../codec/error.ts'
import type { CommandContext } from '../../context.ts'
import { variable } from '../../parsing/environment.ts'

/** What is to be signed must not be taken for the answer to a question. */
export function withoutInput(context: CommandContext): CommandContext {
  const refuse = (): never => {
    throw new CountersignError('USAGE', 'standard input is what is to be signed, and no answer as well')
  }
  const answersItself = context.stdin.isTerminal || variable(context.environment, 'PASSWORD') !== undefined
  const passphrase: CommandContext['prompts']['passphrase'] = async options =>
    answersItself ? await context.prompts.passphrase(options) : refuse()
  return {
    ...context,
    prompts: { ...context.prompts, passphrase },
    stdin: { isTerminal: context.stdin.isTerminal, readAll: async () => refuse(), stream: refuse },
  }
}
