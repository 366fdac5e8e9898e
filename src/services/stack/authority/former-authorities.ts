import { join } from 'node:path'
import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { describeCertificate } from '../../../formats/x509/path-rules.ts'
import type { Folder } from '../../../oci/layout/folder.ts'
import { parseTrustedRoot, trustedRootLimitBytes } from '../../../trust/trusted-root.ts'
import { pemOfChain, stackFiles } from '../folder.ts'
import { exists, makePrivateFolder, writeNewFile } from '../private-files.ts'
import type { Chain, StackIdentity } from '../trust.ts'

/**
 * Keeps every authority that a stack's clients were told to trust: what they signed by it must verify for as long as there are verifiers. Those
 * of the published trusted root that are no longer the stack's own become files beside it.
 *
 * @param tufFolder - of the stack's repository; it may have published nothing yet
 * @returns the identity with all who were before
 * @throws CountersignError `CERTIFICATE_UNTRUSTED` where the present authority is under another root than what is published: a stack has one;
 *   `FILE_UNREADABLE`, `FILE_UNWRITABLE`, `TRUSTED_ROOT_MALFORMED`
 */
export async function keepFormerAuthorities(folder: string, tufFolder: Folder, identity: StackIdentity): Promise<StackIdentity> {
  const published = await tufFolder.read('targets/trusted_root.json', trustedRootLimitBytes)
  if (!published) return identity
  const chains = parseTrustedRoot(published).certificateAuthorities.map(({ chain }) => chain)
  for (const chain of chains) demandSameRoot(chain, identity.authority)
  const known = [identity.authority, ...identity.formerAuthorities]
  const former = chains.filter(chain => !known.some(other => isSameAuthority(chain, other)))
  if (former.length > 0) await makePrivateFolder(join(folder, stackFiles.formerAuthorities))
  for (const chain of former) {
    const path = join(folder, stackFiles.formerAuthorities, `${encodeHex(sha256(chain[0].der)).slice(0, 16)}.pem`)
    if (!(await exists(path))) await writeNewFile(path, pemOfChain(chain))
  }
  const others = identity.formerAuthorities.filter(chain => !isSameAuthority(chain, identity.authority)) // it may be one that came back
  return { ...identity, formerAuthorities: [...others, ...former] }
}

/** Whether two chains are of one certificate. */
export function isSameAuthority([one]: Chain, [other]: Chain): boolean {
  return bytesEqual(one.der, other.der)
}

function demandSameRoot(before: Chain, next: Chain): void {
  const [root, nextRoot] = [before.at(-1)!, next.at(-1)!]
  if (!bytesEqual(root.der, nextRoot.der))
    throw new CountersignError(
      'CERTIFICATE_UNTRUSTED',
      `${describeCertificate(nextRoot)}: it is not the root that clients of this stack trust`,
    )
}
