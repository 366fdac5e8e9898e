import { readIdentity, readStackConfig } from '../../../services/stack/folder.ts'
import { clientTrustConfigOf, trustFilesOf } from '../../../services/stack/trust.ts'
import type { CommandFunction } from '../../command.ts'
import type { stackExportTrustFlags } from '../../flags/sigstore/stack.ts'

/** `stack export-trust`: what clients need, as files. */
export const exportTrust: CommandFunction<typeof stackExportTrustFlags> = async (context, { data, out }) => {
  const folder = context.files.folder(out)
  const [config, identity] = [await readStackConfig(data), await readIdentity(data)]
  for (const [name, bytes] of [...trustFilesOf(config, identity), clientTrustConfigOf(config, identity)]) {
    await folder.write(name, bytes)
    context.stdout(`${out}/${name}\n`)
  }
  return 0
}
