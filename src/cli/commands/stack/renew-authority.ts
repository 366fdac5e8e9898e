import { join } from 'node:path'
import { formatTime } from '../../../formats/rfc3339.ts'
import { renewAuthority } from '../../../services/stack/authority/renew-authority.ts'
import { stackFiles } from '../../../services/stack/folder.ts'
import type { CommandFunction } from '../../command.ts'
import type { stackRenewAuthorityFlags } from '../../flags/sigstore/stack.ts'
import { remoteKeyLoader } from './remote-keys.ts'

/** `stack renew-authority`: another key and certificate for the certificate authority, by the key of its root. */
export const renewStackAuthority: CommandFunction<typeof stackRenewAuthorityFlags> = async (context, { data, rootKeys }) => {
  const passphrase = await context.prompts.passphrase({ confirm: false })
  try {
    const tufFolder = context.files.folder(join(data, stackFiles.tuf))
    const parts = { folder: data, rootFolder: rootKeys, tufFolder, passphrase, loadKey: remoteKeyLoader(context) }
    const { subject, notAfter } = await renewAuthority(parts, context.world, context.deriveKey)
    context.stdout(`${join(data, stackFiles.authority)}: ${subject.text}, until ${formatTime(notAfter)}\n`)
    return 0
  } finally {
    passphrase.fill(0)
  }
}
