import { CountersignError } from '../../codec/error.ts'
import { parseJson, readAs, readObject, readSafeInteger } from '../../codec/json.ts'
import type { World } from '../../codec/world.ts'
import { formatTime } from '../../formats/rfc3339.ts'
import type { KeptRepository } from './cache.ts'
import { metadataLimits, type ProvenMetadata, type TufTarget } from './metadata.ts'
import { httpRepository, parseMirror, type TufRepository } from './repository.ts'
import {
  checkTarget,
  type MetadataFiles,
  type ProvenRepository,
  proveKept,
  strongHashes,
  targetLimitBytes,
  updateFromRepository,
} from './update.ts'

/** How a repository is opened, and whom to tell what is less than ideal. */
export type TufOptions = {
  readonly mirror: string
  /** A root that is trusted beforehand; without one, only a root that is kept can be. */
  readonly anchor: Uint8Array | undefined
  readonly kept: KeptRepository | undefined
  readonly world: Pick<World, 'now' | 'fetch'>
  readonly signal: AbortSignal
  /** Only what is kept; no request is made. */
  readonly offline: boolean
  /** Asks the repository even where it was asked today, and fails where it cannot be asked. */
  readonly mustRefresh?: boolean
  /** In place of the mirror: a trust pack, which is a mirror in a file. */
  readonly repository?: TufRepository
  readonly warn: (line: string) => void
}

/** A repository whose metadata is proven, and its targets by name. */
export type OpenRepository = {
  readonly mirror: string
  readonly from: 'network' | 'cache'
  readonly checkedAt: Date | undefined // when the repository was last asked
  readonly metadata: ProvenMetadata
  readonly files: MetadataFiles
  readonly find: (path: string) => Promise<TufTarget | undefined>
  /**
   * Content of a target, proven by the metadata; nothing where there is no such target.
   *
   * @throws CountersignError `TUF_UNTRUSTED`, `SERVICE_UNAVAILABLE`, `TRUST_UNAVAILABLE` where it may not be fetched and is not kept
   */
  readonly target: (path: string) => Promise<Uint8Array | undefined>
}

/** How long what is kept is taken for current: sigstore-go's default. Repositories give timestamps days, so that it is never the longer. */
const freshForMs = 24 * 60 * 60 * 1_000

/**
 * Opens a TUF repository: what is kept, as long as it was checked today and nothing in it has expired; else what the repository says now,
 * and if that cannot be reached what is kept, as long as nothing has expired, and says so. An answer that proves wrong is no outage: it
 * is refused even though an older one is kept.
 *
 * @throws CountersignError `TRUST_EXPIRED`, `TRUST_UNAVAILABLE` for no root to begin with, or for nothing kept where it cannot be asked;
 *   `TUF_MALFORMED`, `TUF_UNTRUSTED`, `SERVICE_UNAVAILABLE` (where it must be asked), `LIMIT_EXCEEDED`, `USAGE` for a mirror that is no URL
 */
export async function openRepository(options: TufOptions): Promise<OpenRepository> {
  const { mirror, kept, world, signal, offline, mustRefresh = false, warn } = options
  const url = parseMirror(mirror)
  const { files, checkedAt } = (await readKept(kept, warn)) ?? { files: new Map<string, Uint8Array>(), checkedAt: undefined }
  const root = rootToBeginWith(options.anchor, files, mirror)
  const now = world.now()
  const repository = options.repository ?? (offline ? undefined : httpRepository(url, { fetch: world.fetch, signal }))
  const opened = (proven: ProvenRepository, from: 'network' | 'cache', at: Date | undefined): OpenRepository => ({
    mirror,
    from,
    checkedAt: at,
    ...proven,
    target: async path => await takeTarget(await proven.find(path), path, proven.metadata, { mirror, kept, repository, warn }),
  })
  const proveWhatIsKept = () => proveKept(root, files, mirror, now)
  if (!repository) return opened(await proveWhatIsKept(), 'cache', checkedAt)
  if (!mustRefresh && isFresh(checkedAt, now)) {
    const proven = await proveWhatIsKept().catch(orElse(undefined))
    if (proven) return opened(proven, 'cache', checkedAt)
  }
  try {
    const proven = await updateFromRepository(root, files, repository, now)
    await keep(warn, async () => await kept?.write(proven.files, now))
    return opened(proven, 'network', now)
  } catch (failure) {
    if (mustRefresh || !(failure instanceof CountersignError) || failure.code !== 'SERVICE_UNAVAILABLE') throw failure
    return opened(await keptInstead(mirror, proveWhatIsKept, failure, warn), 'cache', checkedAt)
  }
}

/** What is kept, when the repository cannot be reached. */
async function keptInstead(
  mirror: string,
  proveWhatIsKept: () => Promise<ProvenRepository>,
  outage: CountersignError,
  warn: (line: string) => void,
): Promise<ProvenRepository> {
  const proven = await proveWhatIsKept().catch((failure: unknown) => {
    if (failure instanceof CountersignError && failure.code === 'TRUST_EXPIRED')
      throw new CountersignError('TRUST_EXPIRED', `${failure.message}, and no newer could be had: ${outage.message}`, { cause: outage })
    // nothing usable is kept: the outage is what is wrong
    throw new CountersignError('TRUST_UNAVAILABLE', `TUF repository ${mirror}: ${outage.message}, and nothing usable is kept of it`, {
      cause: outage,
    })
  })
  const until = Math.min(...proven.metadata.standing.filter(({ role }) => role !== 'root').map(({ expires }) => expires.getTime()))
  warn(`the TUF repository cannot be reached (${outage.message}); using what is kept of it, valid until ${formatTime(new Date(until))}`)
  return proven
}

/** The one kept, unless the one trusted beforehand is newer. A root that is kept was proven when it was written. */
function rootToBeginWith(anchor: Uint8Array | undefined, files: MetadataFiles, mirror: string): Uint8Array {
  const kept = files.get('root.json')
  if (!kept && !anchor)
    throw new CountersignError('TRUST_UNAVAILABLE', `TUF repository ${mirror}: no root.json is trusted: none was given and none is kept`)
  if (!kept || !anchor) return (kept ?? anchor)!
  return versionOf(kept) >= versionOf(anchor) ? kept : anchor
}

/** The version a root states; ones that cannot be read come before all others. */
function versionOf(root: Uint8Array): number {
  try {
    const json = readObject(parseJson(root, 'root.json', metadataLimits.root), 'root.json')
    return readAs('TUF_MALFORMED', 'root.json', () => readSafeInteger(readObject(json['signed'], 'signed')['version'], 'signed.version'))
  } catch (failure) {
    return orElse(-1)(failure)
  }
}

/** A clock that was set back makes a time to come of the last check: then it is time to ask again. */
function isFresh(checkedAt: Date | undefined, now: Date): boolean {
  if (!checkedAt) return false
  const age = now.getTime() - checkedAt.getTime()
  return age >= 0 && age < freshForMs
}

type TargetSources = {
  readonly mirror: string
  readonly kept: KeptRepository | undefined
  readonly repository: TufRepository | undefined
  readonly warn: (line: string) => void
}

async function takeTarget(
  target: TufTarget | undefined,
  path: string,
  metadata: ProvenMetadata,
  { mirror, kept, repository, warn }: TargetSources,
): Promise<Uint8Array | undefined> {
  if (!target) return undefined
  const held = await kept?.readTarget(path).catch(orElse(undefined))
  if (held && isTarget(target, held)) return held
  if (!repository) throw new CountersignError('TRUST_UNAVAILABLE', `TUF repository ${mirror}: target ${path} is not kept`)
  const bytes = await fetchTarget(repository, target, metadata.isConsistent)
  checkTarget(target, bytes)
  await keep(warn, async () => await kept?.writeTarget(path, bytes))
  return bytes
}

/** Repositories name the file of a target by any of its hashes. */
async function fetchTarget(repository: TufRepository, target: TufTarget, isConsistent: boolean): Promise<Uint8Array> {
  const folders = target.path.split('/')
  const name = folders.pop()!
  const limit = Math.min(target.length, targetLimitBytes)
  for (const prefix of isConsistent ? strongHashes(target).map(({ wanted }) => `${wanted}.`) : ['']) {
    const bytes = await repository.get(['targets', ...folders, `${prefix}${name}`], limit)
    if (bytes) return bytes
  }
  throw new CountersignError('SERVICE_UNAVAILABLE', `TUF repository ${repository.name}: it has no target ${target.path}`)
}

function isTarget(target: TufTarget, bytes: Uint8Array): boolean {
  try {
    checkTarget(target, bytes)
    return true
  } catch (failure) {
    return orElse(false)(failure)
  }
}

async function readKept(kept: KeptRepository | undefined, warn: (line: string) => void) {
  try {
    return await kept?.read()
  } catch (failure) {
    if (!(failure instanceof CountersignError)) throw failure
    warn(`what is kept of the TUF repository cannot be read (${failure.message})`)
    return undefined
  }
}

/** A cache that cannot be written must not deny verification: GHSA-qjh3-4j3h-vmwp. */
async function keep(warn: (line: string) => void, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (failure) {
    if (!(failure instanceof CountersignError)) throw failure
    warn(`the TUF cache cannot be written (${failure.message}); the next command will fetch again`)
  }
}

/** What to take where something of ours failed; other failures are defects and pass. */
function orElse<T>(instead: T): (failure: unknown) => T {
  return failure => {
    if (!(failure instanceof CountersignError)) throw failure
    return instead
  }
}
