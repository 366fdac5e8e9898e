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
import { loadKeys, onlineKeys, rootKeys } from '../keys.ts'
import { replaceFile } from '../private-files.ts'
import { keepFormerAuthorities } from './former-authorities.ts'

/** Where a stack is, and the keys by which its authority is renewed. */
export type Renewal = {
  readonly folder: string
  readonly tufFolder: Folder // `stackFiles.tuf` of it
  readonly rootFolder: string // keys of the roots
  readonly passphrase: Uint8Array // of all the keys; the caller's to zero
}

/**
 * Gives a stack another certificate authority, of a new key and under the same root. A stack that runs takes it by itself, one that does not
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
  const { folder, tufFolder, rootFolder, passphrase } = renewal
  const [{ operator }, read] = [await readStackConfig(folder), await readIdentity(folder)]
  const { 'authority-root': kind } = rootKeys
  const root = signerOf(await loadKeys(rootFolder, { 'authority-root': kind }, passphrase, derive), 'authority-root')
  const keys = join(folder, stackFiles.keys)
  signerOf(await loadKeys(keys, { authority: onlineKeys.authority }, passphrase, derive), 'authority') // it is the stack's passphrase
  const { authority } = await keepFormerAuthorities(folder, tufFolder, read)
  const rootCertificate = authority.at(-1)!
  if (!bytesEqual(root.publicKey.spki, rootCertificate.spki))
    throw new CountersignError('KEY_MISMATCH', `${describeCertificate(rootCertificate)}: ${quote(rootFolder)} has the key of another root`)

  const key = generatePrivateKey(onlineKeys.authority)
  try {
    const signer = signerFromPkcs8(key, 'authority')
    const next = await createIntermediate({ ...world, operator }, root, rootCertificate, signer)
    await checkAuthority({ chain: [next, rootCertificate], signer }, world.now())
    await replaceFile(join(keys, 'authority.key'), await encryptPrivateKey(key, passphrase, world.randomBytes, derive))
    await replaceFile(join(folder, stackFiles.authority), pemOfChain([next, rootCertificate]))
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
