import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import type { TopLevelRole } from '../../trust/tuf/metadata.ts'
import { checkTarget, updateFromRepository } from '../../trust/tuf/update.ts'
import type { Handler } from '../listen.ts'
import { noEvents, type ServiceEvents } from '../service.ts'
import type { MetadataFile } from './metadata-file.ts'
import {
  type NextMetadata,
  nextMetadata,
  type OnlineRole,
  type TufLifetimes,
  type TufSigners,
  type TufTargetFile,
  targetsOf,
} from './next-metadata.ts'
import { serializeOlpcJson } from './olpc-json.ts'
import { type Published, readPublished, repositoryOf } from './published.ts'
import { isSignedBy, parseRoot, type TufRoot } from './root-ceremony.ts'
import { serveRepository } from './serve-repository.ts'

/** Days, services §7: the timestamp is signed anew each day, the others half way. */
export const defaultTufLifetimes: TufLifetimes = { targets: 180, snapshot: 21, timestamp: 7 }

/** What a repository is made of. */
export type TufRepositoryOptions = {
  readonly folder: Folder // written by nobody else
  /** Keys that are here; those of targets may be elsewhere. */
  readonly signers: TufSigners
  readonly now: World['now']
  readonly lifetimes?: TufLifetimes
  readonly prefix?: string // of the mirror's paths; none unless told
  readonly events?: ServiceEvents
}

/** A role as it is published now. */
export type RoleStanding = { readonly role: TopLevelRole; readonly version: number; readonly expires: Date }

/**
 * A TUF repository that writes and serves itself. Whatever is interrupted, what the folder holds is a repository that new clients and those of
 * earlier versions accept, and the next call finishes what was begun.
 */
export type TufRepositoryService = {
  /** The mirror: GET and HEAD of the files. */
  readonly handler: Handler
  /**
   * Publishes the first root, or the next one: signed by the threshold of the one before it and by its own. What it no longer accepts is signed
   * again, by former keys too where they are here, and is there before it: clients of either root accept that. The same root again changes nothing.
   *
   * @throws CountersignError `TUF_UNTRUSTED` where it does not follow, `TUF_MALFORMED`, `THRESHOLD_NOT_MET` where keys are missing for what it
   *   asks to be signed again; those of `publishTargets`
   */
  readonly publishRoot: (root: Uint8Array) => Promise<void>
  /**
   * Publishes these targets in place of those before.
   *
   * @param signers - keys of targets that are here for this call alone
   * @throws CountersignError `USAGE`, `LIMIT_EXCEEDED`, `THRESHOLD_NOT_MET`; `FILE_UNWRITABLE`: whether it is published is unknown, and may be
   *   tried again; `STORE_CORRUPT` for a folder that this program did not write
   */
  readonly publishTargets: (targets: readonly TufTargetFile[], signers?: readonly Signer[]) => Promise<void>
  /**
   * Signs anew what would expire, or a timestamp that is lost, and finishes what was interrupted. To be called each hour or so; names the roles
   * it signed.
   */
  readonly refresh: () => Promise<readonly TopLevelRole[]>
  /** What is published, as of the last call; of nothing published none. */
  readonly standing: () => readonly RoleStanding[]
  /** Why clients would refuse the repository now, nothing where they would not: for readiness. */
  readonly unready: () => string | undefined
}

/** Opens a repository in a folder, which may be empty. @throws CountersignError `STORE_CORRUPT`, `FILE_UNREADABLE`. @see services §7 */
export async function openTufRepository(options: TufRepositoryOptions): Promise<TufRepositoryService> {
  const { folder, now, events = noEvents } = options
  const rig: Rig = { folder, signers: options.signers, now, lifetimes: options.lifetimes ?? defaultTufLifetimes, events }
  let standing = standingOf(await readPublished(folder))
  let last: Promise<unknown> = Promise.resolve()
  /** One at a time; afterwards it is known anew what is published, whatever came of it. */
  const inTurn = <T>(task: (published: Published | undefined) => Promise<T>): Promise<T> => {
    const turn = last.then(async () => {
      try {
        return await task(await readPublished(folder))
      } finally {
        standing = standingOf(await readPublished(folder).catch(() => undefined))
      }
    })
    last = turn.catch(() => {})
    return turn
  }
  return {
    handler: serveRepository(folder, options.prefix ?? '', events),
    publishRoot: root => inTurn(published => publishRoot(rig, published, root)),
    publishTargets: (targets, signers = []) => inTurn(published => publishTargets(rig, published, targets, signers)),
    refresh: () => inTurn(published => refresh(rig, published)),
    standing: () => standing,
    unready: () => {
      if (standing.length < 4) return 'TUF repository: nothing is published'
      const expired = standing.find(({ expires }) => expires <= now())
      return expired && `TUF repository: ${expired.role} expired at ${expired.expires.toISOString()}`
    },
  }
}

type Rig = {
  readonly folder: Folder
  readonly signers: TufSigners
  readonly now: World['now']
  readonly lifetimes: TufLifetimes
  readonly events: ServiceEvents
}

function standingOf(published: Published | undefined): readonly RoleStanding[] {
  if (!published) return []
  const { timestamp, snapshot, targets } = published.current ?? {}
  return [published.root.file, timestamp, snapshot, targets].flatMap(file => (file ? [pickStanding(file)] : []))
}

function pickStanding({ role, version, expires }: MetadataFile): RoleStanding {
  return { role, version, expires }
}

async function publishRoot(rig: Rig, published: Published | undefined, bytes: Uint8Array): Promise<void> {
  const next = parseRoot(bytes, 'root')
  if (published && isSameRoot(published.root, next)) return void (await refresh(rig, published))
  const { version, expires } = next.file
  const wanted = (published?.root.file.version ?? 0) + 1
  if (version !== wanted) throw untrusted(`root: want version ${wanted}, got ${version}`)
  if (expires <= rig.now()) throw untrusted(`root: expired at ${expires.toISOString()}`)
  if (published && !(await isSignedBy(next.file, published.root.roles.root)))
    throw untrusted(`root: want ${published.root.roles.root.threshold} keys of version ${version - 1} to have signed it`)
  if (!(await isSignedBy(next.file, next.roles.root)))
    throw untrusted(`root: want ${next.roles.root.threshold} of its own keys to have signed it`)
  const rootFiles = new Map([
    [`${version}.root.json`, bytes],
    ['root.json', bytes],
  ])
  if (!published?.current) await write(rig.folder, rootFiles)
  else await changeRoot(rig, { ...published, current: published.current }, next, rootFiles)
  rig.events.audit('tuf-root-published', { version, expires: expires.toISOString() })
}

/** Whatever its signatures: those of ECDSA differ each time. */
function isSameRoot(a: TufRoot, b: TufRoot): boolean {
  return serializeOlpcJson(a.file.signed) === serializeOlpcJson(b.file.signed)
}

type Complete = Published & { readonly current: NonNullable<Published['current']> }

async function changeRoot(rig: Rig, published: Complete, root: TufRoot, rootFiles: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const next = await nextMetadata({ ...rig, now: rig.now(), published, root })
  await prove(rig, published, new Map([...next.files, ...rootFiles]))
  const isForBoth = (await Promise.all(next.signed.map(file => isSignedBy(file, published.root.roles[file.role])))).every(Boolean)
  if (isForBoth) {
    await prove(rig, published, next.files)
    await write(rig.folder, next.files)
    await write(rig.folder, rootFiles)
    return
  }
  // Former keys are gone: until the timestamp is there, new clients are refused. Nothing else can be done, and `refresh` finishes it.
  rig.events.log('warn', 'TUF repository: former keys are not here, so clients are refused while the root changes')
  await write(rig.folder, rootFiles)
  await write(rig.folder, next.files)
}

async function publishTargets(
  rig: Rig,
  published: Published | undefined,
  targets: readonly TufTargetFile[],
  signers: readonly Signer[],
): Promise<void> {
  if (!published) throw new CountersignError('USAGE', 'TUF repository: want a root before targets')
  const all = { ...rig.signers, targets: [...rig.signers.targets, ...signers] }
  const next = await nextMetadata({ ...rig, signers: all, now: rig.now(), published, root: published.root, targets })
  await prove(rig, published, next.files)
  await write(rig.folder, next.files)
  await writeAliases(rig.folder)
  rig.events.audit('tuf-targets-published', { targets: targets.map(({ name }) => name).join(' ') })
}

async function refresh(rig: Rig, published: Published | undefined): Promise<readonly TopLevelRole[]> {
  if (!published?.current && !published?.unled) return []
  if (published.unled) rig.events.log('warn', 'TUF repository: timestamp.json is lost, and signed anew')
  const next = await nextMetadata({ ...rig, now: rig.now(), published, root: published.root })
  if (next.files.size > 0) {
    await prove(rig, published, next.files)
    await write(rig.folder, next.files)
  }
  await writeAliases(rig.folder)
  if (published.current) warnOfExpiry(rig, published.current, published.root, next)
  return next.signed.map(({ role }) => role)
}

/** In order, each durable before the next. */
async function write(folder: Folder, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [name, bytes] of files) await folder.write(name, bytes)
}

/** Files under their plain names: for people, and for clients that know no consistent snapshots. Nothing is proven by way of them. */
async function writeAliases(folder: Folder): Promise<void> {
  const published = await readPublished(folder)
  if (!published?.current) return
  const aliases = new Map([['root.json', published.root.file.bytes]])
  for (const { name, digest, length } of targetsOf(published.current.targets)) {
    const content = await folder.read(`targets/${digest}.${name}`, length)
    if (content) aliases.set(`targets/${name}`, content)
  }
  for (const [name, bytes] of aliases) {
    const old = (await folder.size(name)) === bytes.length ? await folder.read(name, bytes.length) : undefined
    if (!old || !bytesEqual(old, bytes)) await folder.write(name, bytes)
  }
}

/**
 * Demands that clients will accept what is about to be written, all of it: one that begins with the first root, and one that has what is
 * published now.
 */
async function prove({ folder, now }: Rig, { firstRoot, current }: Published, written: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const repository = repositoryOf(folder, written)
  const kept = current
    ? [current.timestamp, current.snapshot, current.targets].map(({ role, bytes }) => [`${role}.json`, bytes] as const)
    : []
  for (const files of [new Map<string, Uint8Array>(), new Map(kept)]) {
    const { metadata } = await updateFromRepository(firstRoot, files, repository, now())
    for (const path of metadata.targetPaths) {
      const target = metadata.targetOf('targets', path)!
      const content = await repository.get(['targets', `${target.hashes.get('sha256')}.${path}`], target.length)
      if (!content) throw new CountersignError('STORE_CORRUPT', `TUF repository ${folder.name}: target ${path} is missing`)
      checkTarget(target, content)
    }
  }
}

const dayMs = 86_400_000
const rootLifetimeDays = 180

/** A quarter of the time left is when somebody must act: on the root always, on the others where their keys are not here. */
function warnOfExpiry({ now, lifetimes, events }: Rig, current: Complete['current'], root: TufRoot, { signed }: NextMetadata): void {
  const isSigned = (role: OnlineRole) => signed.some(file => file.role === role)
  const files = [root.file, ...(['targets', 'snapshot', 'timestamp'] as const).filter(role => !isSigned(role)).map(role => current[role])]
  for (const { role, expires } of files) {
    const days = role === 'root' ? rootLifetimeDays : lifetimes[role]
    const leftDays = (expires.getTime() - now().getTime()) / dayMs
    if (leftDays < days / 4) events.log('warn', `TUF repository: ${role} must be signed soon`, { expires: expires.toISOString() })
  }
}

function untrusted(problem: string): CountersignError {
  return new CountersignError('TUF_UNTRUSTED', `TUF repository: ${problem}`)
}
