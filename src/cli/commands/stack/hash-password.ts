import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { hashPassword } from '../../../services/issuer/issuer.ts'
import type { CommandFunction } from '../../command.ts'
import type { stackHashPasswordFlags } from '../../flags/sigstore/stack.ts'

const passwordLimitBytes = 1024

/** `stack hash-password`: what `password-hash` of a user in stack.yaml is to say. */
export const printPasswordHash: CommandFunction<typeof stackHashPasswordFlags> = async context => {
  const password = await readPassword(context)
  if (password === '') throw new CountersignError('USAGE', 'want a password, got an empty one')
  context.stdout(`${await hashPassword(password, context.world.randomBytes)}\n`)
  return 0
}

/** Typed twice on a terminal, else the first line of standard input. */
async function readPassword({ prompts, stdin }: Parameters<typeof printPasswordHash>[0]): Promise<string> {
  if (!stdin.isTerminal) return decodeUtf8(await stdin.readAll(passwordLimitBytes), 'password').replace(/\r?\n$/, '')
  const password = await prompts.secret('Password: ')
  if (password !== (await prompts.secret('Password again: '))) throw new CountersignError('USAGE', 'passwords do not match')
  return password
}
