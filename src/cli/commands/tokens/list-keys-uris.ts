import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { escapeControls } from '../../../codec/text.ts'
import type { CommandFunction } from '../../command.ts'
import type { listKeysUrisFlags } from '../../flags/keys.ts'
import { keySources } from '../../inputs/keys.ts'
import { modulePathFromFlag } from '../../inputs/module-path.ts'

/** `pkcs11-tool list-keys-uris`: the keys on the token in a slot, each with the URI for `--key`, as cosign prints them but for the PIN. */
export const listKeysUris: CommandFunction<typeof listKeysUrisFlags> = async (context, flags) => {
  const { askNobody, listSlotKeys } = await import('../../../kms/pkcs11/list-keys.ts')
  const { slotId, pin, noInput } = flags
  if (slotId < 0) throw new CountersignError('USAGE', `--slot-id: want a number of a slot, got ${slotId}`)
  const modulePath = modulePathFromFlag(context, flags.modulePath)
  const sources = keySources(context)
  const keys = await listSlotKeys(modulePath, BigInt(slotId), pin === '' ? undefined : pin, {
    ...sources,
    ...(noInput && { askPin: askNobody }),
  })
  context.stdout(`\nListing URIs of keys in slot '${slotId}' of PKCS11 module '${modulePath}'\n`)
  for (const [at, { label, id, uri }] of keys.entries()) {
    const lines = [...(label === undefined ? [] : [`Label: ${label}`]), ...(id ? [`ID: ${encodeHex(id)}`] : []), `URI: ${uri}`]
    context.stdout(`Object ${at}\n${lines.map(line => `\t${escapeControls(line)}\n`).join('')}`)
  }
  return 0
}
