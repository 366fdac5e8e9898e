import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { hashPassword } from '../../../services/issuer/issuer.ts'
import type { CommandFunction } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { stackHashPasswordFlags } from '../../flags/sigstore/stack.ts'

const passwordLimitBytes = 1024

/** `stack hash-password`: what `password-hash` of a user in stack.yaml is to say. */
export const printPasswordHash: CommandFunction<typeof stackHashPasswordFlags> = async (context, _, [path]) => {
  const password = await readPassword(context, path)
  if (password === '') throw new CountersignError('USAGE', 'want a password, got an empty one')
  context.stdout(`${await hashPassword(password, context.world.randomBytes)}\n`)
  return 0
}

/** Of a file or of standard input all but a line end; on a terminal typed twice. */
async function readPassword({ files, prompts, stdin }: CommandContext, path: string | undefined): Promise<string> {
  if (path !== undefined || !stdin.isTerminal) {
    const bytes = path === undefined ? await stdin.readAll(passwordLimitBytes) : await files.read(path, passwordLimitBytes)
    return decodeUtf8(bytes, 'password').replace(/\r?\n$/, '')
  }
  const password = await prompts.secret('Password: ')
  if (password !== (await prompts.secret('Password again: '))) throw new CountersignError('USAGE', 'passwords do not match')
  return password
}
