import { ambientProviders } from '../../identity/ambient/find-token.ts'
import type { CommandFunction } from '../command.ts'
import type { debugProvidersFlags } from '../flags/other.ts'
import { ambientEffects } from '../inputs/signing/token-source.ts'

/**
 * `debug providers`: the places that sign without anybody logging in, in the order in which they are tried, and at which of them this process
 * is. None of them is asked for a token. Source: formats-and-flows §7.
 */
export const showProviders: CommandFunction<typeof debugProvidersFlags> = async context => {
  const effects = ambientEffects(context)
  for (const { name, isHere } of ambientProviders) context.stdout(`${name}: ${await isHere(effects, false)}\n`)
  return 0
}
