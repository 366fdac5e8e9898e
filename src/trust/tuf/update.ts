import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { quote } from '../../codec/text.ts'
import { digestOf } from '../../crypto/digest.ts'
import { metadataLimits, ProvenMetadata, type TopLevelRole, type TufTarget } from './metadata.ts'
import { encodeName, type TufRepository } from './repository.ts'

/** Metadata files as they are kept, by what `N.` precedes on the wire: `root.json`, `timestamp.json`, and those of delegated roles. */
export type MetadataFiles = ReadonlyMap<string, Uint8Array>

/** A repository, proven at one moment. */
export type ProvenRepository = {
  readonly metadata: ProvenMetadata
  readonly files: MetadataFiles // to be kept: what is proven now
  /** The next level of delegations is fetched as it is needed. Nothing where there is no such target. */
  readonly find: (path: string) => Promise<TufTarget | undefined>
}

const maxRootRotations = 256
const maxDelegations = 32
/** Bytes of a target at most. */
export const targetLimitBytes = 5_000_000

/**
 * Proves the newest metadata of a repository, from a trusted root on: roots one by one, timestamp, snapshot, targets. What was kept
 * from before is used where it is still current, and else tells which versions must not be gone back behind.
 *
 * @throws CountersignError `TUF_MALFORMED`, `TUF_UNTRUSTED` (signatures, versions, hashes), `TRUST_EXPIRED`, `SERVICE_UNAVAILABLE`
 * @see TUF specification 1.0.33 §5.3 to §5.6
 */
export async function updateFromRepository(
  root: Uint8Array,
  kept: MetadataFiles,
  repository: TufRepository,
  now: Date,
): Promise<ProvenRepository> {
  const update = await beginUpdate(root, kept, repository, now)
  const { metadata, files } = update
  const first = metadata.rootVersion + 1
  for (let version = first; version < first + maxRootRotations; version++) {
    const next = await repository.get([`${version}.root.json`], metadataLimits.root.bytes)
    if (!next) break
    metadata.acceptRoot(next)
    files.set('root.json', next)
  }
  await takeTimestamp(update)
  await takeSnapshot(update)
  await takeTargets(update, 'targets', 'root')
  return { metadata, files, find: path => walk(update, path) }
}

/**
 * Proves what is kept of a repository, as it is: nothing is fetched.
 *
 * @throws CountersignError as `updateFromRepository`; `TRUST_UNAVAILABLE` where a file is missing
 */
export async function proveKept(root: Uint8Array, kept: MetadataFiles, name: string, now: Date): Promise<ProvenRepository> {
  const update = await beginUpdate(root, kept, { name, get: async () => undefined }, now)
  const { metadata, files } = update
  const take = (role: TopLevelRole, accept: (bytes: Uint8Array) => unknown) => {
    const bytes = kept.get(`${role}.json`)
    if (!bytes) throw new CountersignError('TRUST_UNAVAILABLE', `TUF repository ${name}: no ${role}.json is kept`)
    accept(bytes)
    files.set(`${role}.json`, bytes)
  }
  take('timestamp', bytes => metadata.acceptTimestamp(bytes))
  take('snapshot', bytes => metadata.acceptSnapshot(bytes, { isKept: true }))
  take('targets', bytes => metadata.acceptTargets(bytes))
  return { metadata, files, find: path => walk(update, path) }
}

/**
 * Whether bytes are this target. At least one hash must be SHA-256 or SHA-512: others are not collision-proof, or not known here.
 *
 * @throws CountersignError `TUF_UNTRUSTED`
 */
export function checkTarget(target: TufTarget, bytes: Uint8Array): void {
  const name = `TUF target ${quote(target.path)}`
  if (bytes.length !== target.length) throw untrusted(`${name}: want ${target.length} bytes, got ${bytes.length}`)
  const strong = strongHashes(target)
  if (strong.length === 0) throw untrusted(`${name}: want a sha256 or sha512 of it, got ${[...target.hashes.keys()].join(', ') || 'none'}`)
  for (const { hash, wanted } of strong) {
    const digest = encodeHex(digestOf(hash, bytes))
    if (digest !== wanted) throw untrusted(`${name}: want ${hash} ${quote(wanted)}, got "${digest}"`)
  }
}

/** Hashes of a target that prove something, SHA-256 first: repositories with consistent snapshots name its file by one of them. */
export function strongHashes({ hashes }: TufTarget): readonly { readonly hash: 'sha256' | 'sha512'; readonly wanted: string }[] {
  return (['sha256', 'sha512'] as const).flatMap(hash => {
    const wanted = hashes.get(hash)
    return wanted === undefined ? [] : [{ hash, wanted }]
  })
}

/** An update under way: what is proven so far, what was kept and may still be good, and where the rest comes from. */
type Update = {
  readonly metadata: ProvenMetadata
  readonly files: Map<string, Uint8Array>
  readonly kept: MetadataFiles
  readonly repository: TufRepository
}

async function beginUpdate(root: Uint8Array, kept: MetadataFiles, repository: TufRepository, now: Date): Promise<Update> {
  return { metadata: await ProvenMetadata.begin(root, now), files: new Map([['root.json', root]]), kept, repository }
}

async function takeTimestamp({ metadata, files, kept, repository }: Update): Promise<void> {
  const old = kept.get('timestamp.json')
  if (old && tries(() => metadata.acceptTimestamp(old))) files.set('timestamp.json', old)
  const bytes = await required(repository, 'timestamp.json', metadataLimits.timestamp.bytes)
  if (metadata.acceptTimestamp(bytes)) files.set('timestamp.json', bytes) // else it is the old one; the snapshot is refused if that is expired
}

async function takeSnapshot({ metadata, files, kept, repository }: Update): Promise<void> {
  const old = kept.get('snapshot.json')
  if (old && tries(() => metadata.acceptSnapshot(old, { isKept: true }))) return void files.set('snapshot.json', old)
  const { version, length } = metadata.statedOf('snapshot.json')
  const limit = Math.min(length ?? metadataLimits.snapshot.bytes, metadataLimits.snapshot.bytes)
  const bytes = await required(repository, metadata.isConsistent ? `${version}.snapshot.json` : 'snapshot.json', limit)
  metadata.acceptSnapshot(bytes)
  files.set('snapshot.json', bytes)
}

async function takeTargets({ metadata, files, kept, repository }: Update, role: string, delegator: string): Promise<void> {
  const file = `${encodeName(role)}.json`
  const old = kept.get(file)
  if (old && tries(() => metadata.acceptTargets(old, role, delegator))) return void files.set(file, old)
  const { version, length } = metadata.statedOf(`${role}.json`)
  const limit = Math.min(length ?? metadataLimits.targets.bytes, metadataLimits.targets.bytes)
  const bytes = await required(repository, metadata.isConsistent ? `${version}.${role}.json` : `${role}.json`, limit)
  metadata.acceptTargets(bytes, role, delegator)
  files.set(file, bytes)
}

/** Looks for a target through the delegations, most trusted first, each role once. §5.6.7 */
async function walk(update: Update, path: string): Promise<TufTarget | undefined> {
  const { metadata } = update
  const open = [{ role: 'targets', delegator: 'root' }]
  const visited = new Set<string>()
  for (let next = open.shift(); next && visited.size < maxDelegations; next = open.shift()) {
    const { role, delegator } = next
    if (visited.has(role)) continue
    visited.add(role)
    if (!metadata.hasRole(role)) await takeTargets(update, role, delegator)
    const target = metadata.targetOf(role, path)
    if (target) return target
    const { roles, isTerminating } = metadata.delegatesFor(role, path)
    if (isTerminating) open.length = 0
    open.unshift(...roles.map(name => ({ role: name, delegator: role })))
  }
  return undefined
}

/** Whether what was kept is still good for this; a repository that has moved on, or a damaged file, is no failure. */
function tries(accept: () => unknown): boolean {
  try {
    accept()
    return true
  } catch (failure) {
    if (!(failure instanceof CountersignError)) throw failure
    return false
  }
}

async function required(repository: TufRepository, path: string, limitBytes: number): Promise<Uint8Array> {
  const bytes = await repository.get([path], limitBytes)
  if (!bytes) throw new CountersignError('SERVICE_UNAVAILABLE', `TUF repository ${repository.name}: it has no ${path}`)
  return bytes
}

function untrusted(message: string): CountersignError {
  return new CountersignError('TUF_UNTRUSTED', message)
}
