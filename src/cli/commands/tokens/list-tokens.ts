import { escapeControls } from '../../../codec/text.ts'
import type { CommandFunction } from '../../command.ts'
import type { listTokensFlags } from '../../flags/keys.ts'
import { modulePathFromFlag } from '../../inputs/module-path.ts'

/** `pkcs11-tool list-tokens`: the tokens that a module shows, as cosign prints them. */
export const listTokens: CommandFunction<typeof listTokensFlags> = async (context, flags) => {
  const { listModuleTokens } = await import('../../../kms/pkcs11/list-keys.ts')
  const modulePath = modulePathFromFlag(context, flags.modulePath)
  const tokens = await listModuleTokens(modulePath, context)
  context.stdout(`\nListing tokens of PKCS11 module '${modulePath}'\n`)
  for (const { slotId, label, manufacturer, model, serial } of tokens) {
    const lines = [`Label: ${label}`, `Manufacturer: ${manufacturer}`, `Model: ${model}`, `S/N: ${serial}`]
    context.stdout(`Token in slot ${slotId}\n${lines.map(line => `\t${escapeControls(line)}\n`).join('')}\n`)
  }
  return 0
}
