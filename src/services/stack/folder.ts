import { join } from 'node:path'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodePem } from '../../codec/pem.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import type { DeriveKey } from '../../crypto/encrypted-key.ts'
import { encodePublicKeyPem, parsePublicKeyPem } from '../../crypto/public-key.ts'
import { type Signer, signerFromPkcs8 } from '../../crypto/signer.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { parseCertificatesPem } from '../../trust/pem-trust.ts'
import { createAuthorityChain, createTimestampChain } from './certificates.ts'
import { parseStackConfig, type StackConfig } from './config.ts'
import { createKeys, type Keys, loadKeys, type OnlineKey, onlineKeys, rootKeys } from './keys/key-files.ts'
import { type LoadRemoteKey, openRemoteKeys } from './keys/remote-keys.ts'
import { checkPrivate, exists, makePrivateFolder, namesIn, readFileAt, writeNewFile } from './private-files.ts'
import type { Chain, StackIdentity } from './trust.ts'
import { createStackRepository } from './tuf.ts'

/** What lies where in a stack's folder. */
export const stackFiles = {
  config: 'stack.yaml',
  keys: 'keys',
  issuerKeys: 'keys/issuer.keys', // by the issuer itself, which exchanges them
  authority: 'certificates/authority.pem',
  formerAuthorities: 'certificates/former', // PEM files, one for each
  timestamps: 'certificates/timestamps.pem',
  logKeys: { 'ct-log': 'certificates/ct-log.pub', 'rekor-v1': 'certificates/rekor-v1.pub', 'rekor-v2': 'certificates/rekor-v2.pub' },
  logs: { ct: 'ct-log', v1: 'rekor-v1', v2: 'rekor-v2' },
  freeze: 'rekor-v2/freeze', // asks the process that has the stack open to end that log
  tuf: 'tuf',
  registry: 'registry',
} as const

/** What a stack signs with, and what of that is public. */
export type OpenedFolder = {
  readonly config: StackConfig
  readonly signers: Readonly<Record<OnlineKey, Signer>>
  readonly identity: StackIdentity
}

/** Where a stack is made, and what it is to be. */
export type NewStack = {
  readonly folder: string
  readonly tufFolder: Folder // `stackFiles.tuf` of it
  readonly rootFolder: string // keys that the stack does not need to run, to be kept elsewhere
  readonly configText: string
  readonly passphrase: Uint8Array // of all the keys in files; the caller's to zero
  readonly loadKey?: LoadRemoteKey
}

/**
 * Makes a stack's folder: keys, certificates, TUF repository, configuration. The configuration is written last, so a folder that has one is
 * whole.
 * @throws CountersignError `CONFIGURATION_MALFORMED`; `STACK_EXISTS` where something is there already; `FILE_UNWRITABLE`; of keys elsewhere what
 *   `openRemoteKeys` throws
 */
export async function createFolder(
  { folder, tufFolder, rootFolder, configText, passphrase, loadKey }: NewStack,
  world: Pick<World, 'now' | 'randomBytes'>,
  derive?: DeriveKey,
): Promise<void> {
  const config = parseStackConfig(configText, stackFiles.config)
  if ((await exists(join(folder, stackFiles.keys))) && !(await exists(join(folder, stackFiles.config))))
    throw new CountersignError(
      'STACK_EXISTS',
      `${quote(folder)} is half made: it has keys and no ${stackFiles.config}, which is written last`,
    )
  for (const path of [join(folder, stackFiles.keys), join(folder, stackFiles.config), rootFolder])
    if (await exists(path)) throw new CountersignError('STACK_EXISTS', `${quote(path)} is there already`)
  const remote = await openRemoteKeys(config.keys, loadKey) // before anything is written
  await makePrivateFolder(folder)
  const roots = signersOf(await createKeys(rootFolder, rootKeys, passphrase, world, derive))
  const kept = keysInFiles(config)
  const signers = { ...signersOf(await createKeys(join(folder, stackFiles.keys), kept, passphrase, world, derive)), ...remote }
  const ceremony = { ...world, operator: config.operator }
  const authority = await createAuthorityChain(ceremony, roots['authority-root'], signers.authority)
  const timestamps = await createTimestampChain(ceremony, roots['timestamps-root'], signers.timestamps)
  await makePrivateFolder(join(folder, 'certificates'))
  await writeNewFile(join(folder, stackFiles.authority), pemOfChain(authority))
  await writeNewFile(join(folder, stackFiles.timestamps), pemOfChain(timestamps))
  for (const name of logNames) await writeNewFile(join(folder, stackFiles.logKeys[name]), encodePublicKeyPem(signers[name].publicKey))
  const identity = await readIdentity(folder)
  await createStackRepository({ folder: tufFolder, config, identity, signers }, roots['tuf-root'], world)
  await writeNewFile(join(folder, stackFiles.config), configText)
}

/**
 * Opens what `createFolder` made.
 *
 * @throws CountersignError `FILE_UNREADABLE`, `CONFIGURATION_MALFORMED`, `PASSPHRASE_WRONG`; `RIGHTS_TOO_WIDE` where others may read the folder;
 *   `KEY_MISMATCH` where a log's key is another than it was; of keys elsewhere what `openRemoteKeys` throws
 */
export async function openFolder(
  folder: string,
  passphrase: Uint8Array,
  derive?: DeriveKey,
  loadKey?: LoadRemoteKey,
): Promise<OpenedFolder> {
  await checkPrivate(folder)
  const config = await readStackConfig(folder)
  const inFiles = signersOf(await loadKeys(join(folder, stackFiles.keys), keysInFiles(config), passphrase, derive))
  const signers = { ...inFiles, ...(await openRemoteKeys(config.keys, loadKey)) }
  if (config.witness && signers['rekor-v2'].publicKey.algorithm !== 'ed25519')
    throw new CountersignError(
      'CONFIGURATION_MALFORMED',
      `${stackFiles.config}: witness: witnesses want a log with an Ed25519 key, and keys.rekor-v2 is another`,
    )
  const issuerKeys = join(folder, stackFiles.issuerKeys)
  if (await exists(issuerKeys)) await checkPrivate(issuerKeys)
  const identity = await readIdentity(folder)
  for (const name of logNames)
    if (!bytesEqual(identity.logKeys[name].id, signers[name].publicKey.id))
      throw new CountersignError('KEY_MISMATCH', `${join(folder, stackFiles.logKeys[name])}: it is not of the key that signs`)
  return { config, signers, identity }
}

/** Which keys are files: those that the configuration does not keep elsewhere. */
function keysInFiles({ keys }: StackConfig): typeof onlineKeys {
  const kept = Object.entries(onlineKeys).filter(([name]) => !Object.hasOwn(keys, name))
  return Object.fromEntries(kept) as typeof onlineKeys // the rest is added by whoever has opened it
}

const logNames = ['ct-log', 'rekor-v1', 'rekor-v2'] as const

/** @throws CountersignError `FILE_UNREADABLE`, `CONFIGURATION_MALFORMED` */
export async function readStackConfig(folder: string): Promise<StackConfig> {
  const path = join(folder, stackFiles.config)
  return parseStackConfig(decodeUtf8(await readFileAt(path), path), path)
}

/** What is public of a stack: no passphrase is needed. @throws CountersignError `FILE_UNREADABLE`, `PEM_MALFORMED` and the like */
export async function readIdentity(folder: string): Promise<StackIdentity> {
  const chain = async (name: string): Promise<Chain> => {
    const path = join(folder, name)
    return parseCertificatesPem(await readFileAt(path), path)
  }
  const key = async (name: (typeof logNames)[number]) => {
    const path = join(folder, stackFiles.logKeys[name])
    return parsePublicKeyPem(await readFileAt(path), path)
  }
  const authority = await chain(stackFiles.authority)
  const former = (await namesIn(join(folder, stackFiles.formerAuthorities))).filter(name => name.endsWith('.pem'))
  const formerAuthorities = await Promise.all(former.map(name => chain(`${stackFiles.formerAuthorities}/${name}`)))
  return {
    authority,
    formerAuthorities: formerAuthorities.filter(([own]) => !bytesEqual(own.der, authority[0].der)), // one may have come back
    timestamps: await chain(stackFiles.timestamps),
    logKeys: { 'ct-log': await key('ct-log'), 'rekor-v1': await key('rekor-v1'), 'rekor-v2': await key('rekor-v2') },
  }
}

function signersOf<Name extends string>(keys: Keys<Name>): Readonly<Record<Name, Signer>> {
  const signers = Object.entries<Uint8Array>(keys).map(([name, pkcs8]) => [name, signerFromPkcs8(pkcs8, name)] as const)
  for (const pkcs8 of Object.values<Uint8Array>(keys)) pkcs8.fill(0)
  return Object.fromEntries<Signer>(signers) as Record<Name, Signer>
}

/** A chain as a PEM file, in its order. */
export function pemOfChain(chain: readonly Certificate[]): string {
  return chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
}
