import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import type { ServiceEvents } from '../service.ts'
import type { TufSigners } from '../tuf/next-metadata.ts'
import { readPublished } from '../tuf/published.ts'
import { draftRoot, signRoot } from '../tuf/root-ceremony.ts'
import { sigstoreTargets } from '../tuf/sigstore-targets.ts'
import { openTufRepository, type TufRepositoryService } from '../tuf/tuf-repository.ts'
import type { StackConfig } from './config.ts'
import type { OnlineKey } from './keys/key-files.ts'
import { type StackIdentity, servicePaths, trustFilesOf } from './trust.ts'

const day = 86_400_000
const rootDays = 3653 // as long as the certificates of the roots: docs/decisions/0016-trust-that-renews-itself.md

/** What a stack's repository is made of. */
type Parts = {
  readonly folder: Folder
  readonly config: StackConfig
  readonly identity: StackIdentity
  readonly signers: Readonly<Record<OnlineKey, Signer>>
}

/**
 * Publishes the first root of a stack's repository, signed by a key that the stack does not have, and under it what clients trust.
 *
 * @throws CountersignError `FILE_UNWRITABLE`, `TUF_UNTRUSTED` where the folder has another root
 */
export async function createStackRepository(parts: Parts, rootSigner: Signer, { now }: Pick<World, 'now'>): Promise<void> {
  const { signers } = parts
  const role = (signer: Signer) => ({ keys: [signer.publicKey], threshold: 1 })
  const roles = {
    root: role(rootSigner),
    targets: role(signers['tuf-targets']),
    snapshot: role(signers['tuf-online']),
    timestamp: role(signers['tuf-online']),
  }
  const root = draftRoot({ version: 1, expires: new Date(now().getTime() + rootDays * day), roles })
  const repository = await openTufRepository({ folder: parts.folder, signers: tufSigners(signers), now })
  await repository.publishRoot(await signRoot(root, rootSigner))
  await publishTrust(repository, parts)
}

/**
 * Opens the repository of a stack that is about to serve: what it distributes is made to follow the configuration, and what would expire is
 * signed anew.
 *
 * @throws CountersignError `KEY_MISMATCH` where it has not the keys that clients expect; as `openTufRepository`, `publishTargets` and `refresh`
 */
export async function openStackRepository(parts: Parts, { now }: Pick<World, 'now'>, events: ServiceEvents): Promise<TufRepositoryService> {
  await checkSigners(parts)
  const options = { folder: parts.folder, signers: tufSigners(parts.signers), now, prefix: servicePaths.tuf, events }
  const repository = await openTufRepository(options)
  if (!(await isPublished(parts))) await publishTrust(repository, parts)
  await repository.refresh()
  return repository
}

/** Keys in each other's place would be noticed when something is signed anew, days later, and by then clients refuse. */
async function checkSigners({ folder, signers }: Parts): Promise<void> {
  const roles = (await readPublished(folder))?.root.roles
  if (!roles) throw new CountersignError('STORE_CORRUPT', `TUF repository ${folder.name}: 1.root.json is missing`)
  const names = { targets: 'tuf-targets', snapshot: 'tuf-online', timestamp: 'tuf-online' } as const
  for (const role of ['targets', 'snapshot', 'timestamp'] as const) {
    const name = names[role]
    if (!roles[role].keys.some(({ id }) => bytesEqual(id, signers[name].publicKey.id)))
      throw new CountersignError('KEY_MISMATCH', `${name}.key: the root of the TUF repository has another key for ${role}`)
  }
}

/** Publishes what clients trust. @throws CountersignError as `publishTargets` */
export async function publishTrust(
  repository: TufRepositoryService,
  { config, identity }: Pick<Parts, 'config' | 'identity'>,
): Promise<void> {
  await repository.publishTargets(sigstoreTargets(trustFilesOf(config, identity), config.url.origin))
}

/** Whether what clients get is what the configuration says. */
async function isPublished({ folder, config, identity }: Parts): Promise<boolean> {
  for (const [name, bytes] of trustFilesOf(config, identity)) {
    const published = await folder.read(`targets/${name}`, 2 * bytes.length)
    if (!published || !bytesEqual(published, bytes)) return false
  }
  return true
}

function tufSigners(signers: Parts['signers']): TufSigners {
  return { targets: [signers['tuf-targets']], snapshot: [signers['tuf-online']], timestamp: [signers['tuf-online']] }
}
