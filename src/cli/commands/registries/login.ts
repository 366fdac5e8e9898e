import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { machineEffects } from '../../../oci/credentials/credential-effects.ts'
import { storeLogin } from '../../../oci/credentials/login.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { loginFlags } from '../../flags/registries.ts'

/** `login`: keeps the credentials for a registry where Docker does. */
export const login: CommandFunction<typeof loginFlags> = async (context, flags, [server]) => {
  const username = flags.username || (await context.prompts.line('Username: '))
  const password = await passwordOf(context, flags)
  if (password === '')
    throw new CountersignError('USAGE', 'login: want a password that is not empty; --password-stdin reads it from standard input')
  const effects = machineEffects(Object.fromEntries(context.environment))
  const path = await storeLogin(effects, { server: server!, username, password })
  context.stderr(`logged in via ${path}\n`)
  return 0
}

const passwordLimitBytes = 64 << 10

async function passwordOf(context: CommandContext, { password, passwordStdin }: FlagsOf<typeof loginFlags>): Promise<string> {
  if (passwordStdin && password !== '') throw new CountersignError('USAGE', 'want one of --password and --password-stdin, got both')
  if (passwordStdin) return decodeUtf8(await context.stdin.readAll(passwordLimitBytes), 'standard input').replace(/\r?\n$/, '')
  if (password === '') return await context.prompts.secret('Password: ')
  context.warn('--password shows the password in the process list; --password-stdin does not')
  return password
}
