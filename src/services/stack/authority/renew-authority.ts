import { join } from 'node:path'
import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { World } from '../../../codec/world.ts'
import { type DeriveKey, encryptPrivateKey } from '../../../crypto/encrypted-key.ts'
import { generatePrivateKey } from '../../../crypto/private-key.ts'
import { type Signer, signerFromPkcs8 } from '../../../crypto/signer.ts'
import type { Certificate } from '../../../formats/x509/certificate.ts'
import { describeCertificate } from '../../../formats/x509/path-rules.ts'
import type { Folder } from '../../../oci/layout/folder.ts'
import { checkAuthority } from '../../fulcio/authority.ts'
import { createIntermediate } from '../certificates.ts'
import { pemOfChain, readIdentity, readStackConfig, stackFiles } from '../folder.ts'
import { loadKeys, onlineKeys, rootKeys } from '../keys/key-files.ts'
import { type LoadRemoteKey, openRemoteKey } from '../keys/remote-keys.ts'
import { replaceFile } from '../private-files.ts'
import { keepFormerAuthorities } from './former-authorities.ts'

/** Where a stack is, and the keys by which its authority is renewed. */
export type Renewal = {
  readonly folder: string
  readonly tufFolder: Folder // `stackFiles.tuf` of it
  readonly rootFolder: string // keys of the roots
  readonly passphrase: Uint8Array // of all the keys in files; the caller's to zero
  readonly loadKey?: LoadRemoteKey
}

/**
 * Gives a stack another certificate authority, under the same root and of a new key, or of the one that its key in a KMS or an HSM is now. A stack that runs takes it by itself, one that does not
 * when it starts; whoever was certified before stays so. The key is written first: what is interrupted is finished by doing it again, and until
 * then a running stack goes on with the one before.
 *
 * @returns the certificate of the new authority
 * @throws CountersignError `KEY_MISMATCH` for keys of another root; `CERTIFICATE_EXPIRED` where the root has; `FILE_UNREADABLE`,
 *   `FILE_UNWRITABLE`, `PASSPHRASE_WRONG`, `RIGHTS_TOO_WIDE`
 */
export async function renewAuthority(
  renewal: Renewal,
  world: Pick<World, 'now' | 'randomBytes'>,
  derive?: DeriveKey,
): Promise<Certificate> {
  const { folder, tufFolder, rootFolder, passphrase, loadKey } = renewal
  const [{ operator, keys: remoteKeys }, read] = [await readStackConfig(folder), await readIdentity(folder)]
  const { 'authority-root': kind } = rootKeys
  const root = signerOf(await loadKeys(rootFolder, { 'authority-root': kind }, passphrase, derive), 'authority-root')
  const remote = await openRemoteKey('authority', remoteKeys, loadKey)
  const keys = join(folder, stackFiles.keys)
  if (!remote) signerOf(await loadKeys(keys, { authority: onlineKeys.authority }, passphrase, derive), 'authority') // it is the stack's passphrase
  const { authority } = await keepFormerAuthorities(folder, tufFolder, read)
  const rootCertificate = authority.at(-1)!
  if (!bytesEqual(root.publicKey.spki, rootCertificate.spki))
    throw new CountersignError('KEY_MISMATCH', `${describeCertificate(rootCertificate)}: ${quote(rootFolder)} has the key of another root`)

  const certify = async (signer: Signer): Promise<Certificate> => {
    const next = await createIntermediate({ ...world, operator }, root, rootCertificate, signer)
    await checkAuthority({ chain: [next, rootCertificate], signer }, world.now())
    return next
  }
  const publish = (next: Certificate) => replaceFile(join(folder, stackFiles.authority), pemOfChain([next, rootCertificate]))
  if (remote) {
    const next = await certify(remote)
    await publish(next)
    return next
  }
  const key = generatePrivateKey(onlineKeys.authority)
  try {
    const next = await certify(signerFromPkcs8(key, 'authority'))
    await replaceFile(join(keys, 'authority.key'), await encryptPrivateKey(key, passphrase, world.randomBytes, derive))
    await publish(next)
    return next
  } finally {
    key.fill(0)
  }
}

function signerOf<Name extends string>(keys: Readonly<Record<Name, Uint8Array>>, name: Name): Signer {
  try {
    return signerFromPkcs8(keys[name], name)
  } finally {
    keys[name].fill(0)
  }
}
