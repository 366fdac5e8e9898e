import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { type JsonObject, readObject, readSafeInteger, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { targetLimitBytes } from '../../trust/tuf/update.ts'
import { draftMetadata, type MetadataFile, signMetadata } from './metadata-file.ts'
import type { Published } from './published.ts'
import { isSignedBy, type TufRoot } from './root-ceremony.ts'
import { tufKeyOf } from './tuf-key.ts'

/** A file to be distributed, and what its metadata says of it beside its digest. */
export type TufTargetFile = {
  readonly name: string // of letters, digits, `.`, `_` and `-`
  readonly content: Uint8Array
  readonly custom?: JsonObject
}

/** For how long metadata is good, in days. */
export type TufLifetimes = { readonly targets: number; readonly snapshot: number; readonly timestamp: number }

/** The roles that are signed again and again; the root is signed by people. */
export type OnlineRole = keyof TufLifetimes

/** Keys that are here to sign with, of any role. */
export type TufSigners = Readonly<Record<OnlineRole, readonly Signer[]>>

/** What is to be written, in this order: nothing that a file names comes after it, so the timestamp is the last of all. */
export type NextMetadata = {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly signed: readonly MetadataFile[]
}

type Change = {
  readonly folder: Folder
  readonly published: Published
  readonly root: TufRoot // under which it is to hold
  readonly targets?: readonly TufTargetFile[] // in place of those that are published
  readonly signers: TufSigners
  readonly lifetimes: TufLifetimes
  readonly now: Date
}

const dayMs = 86_400_000
const maxTargets = 1000

/**
 * The metadata that a repository needs next: what changes, what the root no longer accepts, what is half way to its expiry (of the timestamp:
 * a day old), and all that names it. Of a timestamp that is lost it is the next one, whichever that was.
 *
 * @throws CountersignError `THRESHOLD_NOT_MET` where keys are missing; `USAGE` for targets that cannot be distributed; `LIMIT_EXCEEDED`
 */
export async function nextMetadata(change: Change): Promise<NextMetadata> {
  const { current, unled } = change.published
  const latest = current ?? unled
  const files = new Map<string, Uint8Array>()
  const signed: MetadataFile[] = []
  const add = async (role: OnlineRole, version: number, name: string, body: JsonObject): Promise<MetadataFile> => {
    const expires = new Date(change.now.getTime() + change.lifetimes[role] * dayMs)
    const file = await signAs(role, draftMetadata(role, { version, expires, body }), change)
    files.set(name, file.bytes)
    signed.push(file)
    return file
  }
  const following = async (role: 'targets' | 'snapshot') => {
    const version = await freeVersion(change.folder, role, latest?.[role].version ?? 0)
    return [role, version, `${version}.${role}.json`] as const
  }

  let { targets, snapshot } = latest ?? {}
  if (change.targets || !targets || (await isDue('targets', targets, change))) {
    const listed = change.targets ? listTargets(change.targets, files) : targets?.signed['targets']
    targets = await add(...(await following('targets')), { targets: listed ?? {} })
  }
  if (targets !== latest?.targets || !snapshot || (await isDue('snapshot', snapshot, change)))
    snapshot = await add(...(await following('snapshot')), { meta: { 'targets.json': describe(targets) } })
  const timestamp = current?.timestamp
  if (snapshot !== current?.snapshot || !timestamp || (await isDue('timestamp', timestamp, change))) {
    const version = timestamp?.version ?? (unled ? minutesSince1970(change.now) : 0)
    await add('timestamp', version + 1, 'timestamp.json', { meta: { 'snapshot.json': describe(snapshot) } })
  }
  return { files, signed }
}

/** More than the version of any timestamp that was lost: none was signed as often as once a minute. Clients refuse lower ones than they have. */
function minutesSince1970(now: Date): number {
  return Math.floor(now.getTime() / 60_000)
}

/** A version that no file has: one that was cut off before it was published may have been seen, and kept by whoever saw it. */
async function freeVersion(folder: Folder, role: 'targets' | 'snapshot', latest: number): Promise<number> {
  let version = latest + 1
  while ((await folder.size(`${version}.${role}.json`)) !== undefined) version++
  return version
}

/** Targets whose keys are elsewhere are left until they must be signed: half way, nobody is refused anything. */
async function isDue(role: OnlineRole, file: MetadataFile, { root, signers, lifetimes, now }: Change): Promise<boolean> {
  if (!(await isSignedBy(file, root.roles[role]))) return true
  const leftMs = file.expires.getTime() - now.getTime()
  const restDays = role === 'timestamp' ? Math.max(lifetimes.timestamp - 1, lifetimes.timestamp / 2) : lifetimes[role] / 2
  return leftMs <= restDays * dayMs && canSign(role, root, signers)
}

function canSign(role: OnlineRole, { roles }: TufRoot, signers: TufSigners): boolean {
  const own = new Set(signers[role].map(({ publicKey }) => tufKeyOf(publicKey).id))
  return roles[role].keys.filter(key => own.has(tufKeyOf(key).id)).length >= roles[role].threshold
}

/** By all keys that are here and that the root, or the one before it, knows: clients of either accept it. */
async function signAs(role: OnlineRole, draft: MetadataFile, { published, root, signers }: Change): Promise<MetadataFile> {
  const known = new Set([...published.root.roles[role].keys, ...root.roles[role].keys].map(key => tufKeyOf(key).id))
  const file = await signMetadata(
    draft,
    signers[role].filter(({ publicKey }) => known.has(tufKeyOf(publicKey).id)),
  )
  if (await isSignedBy(file, root.roles[role])) return file
  throw new CountersignError(
    'THRESHOLD_NOT_MET',
    `TUF repository: ${role}: want ${root.roles[role].threshold} of its keys to sign, and not so many are here`,
  )
}

/** Adds the files of targets, each under its digest, and says what targets metadata says of them. */
function listTargets(targets: readonly TufTargetFile[], files: Map<string, Uint8Array>): JsonObject {
  if (targets.length > maxTargets)
    throw new CountersignError('LIMIT_EXCEEDED', `TUF repository: want at most ${maxTargets} targets, got ${targets.length}`)
  const listed = new Map<string, JsonObject>()
  for (const { name, content, custom } of targets) {
    if (!isTargetName(name)) throw usage(`target ${quote(name)}: want a name of letters, digits, ".", "_" and "-"`)
    if (listed.has(name)) throw usage(`target ${quote(name)} stands twice`)
    if (content.length > targetLimitBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `TUF repository: target ${quote(name)}: want at most ${targetLimitBytes} bytes`)
    const digest = encodeHex(sha256(content))
    // SHA-256 alone: of two hashes cosign 2 asks for the file by the other one first, services §7
    listed.set(name, { length: content.length, hashes: { sha256: digest }, ...(custom && { custom }) })
    files.set(`targets/${digest}.${name}`, content)
  }
  return Object.fromEntries(listed)
}

/** The targets that a file of this program lists. @throws CountersignError `JSON_MALFORMED` */
export function targetsOf({
  signed,
}: MetadataFile): readonly { readonly name: string; readonly digest: string; readonly length: number }[] {
  return Object.entries(readObject(signed['targets'], 'targets')).map(([name, value]) => {
    const { length, hashes } = readObject(value, name)
    const digest = readString(readObject(hashes, `${name}.hashes`)['sha256'], `${name}.hashes.sha256`)
    return { name, digest, length: readSafeInteger(length, `${name}.length`) }
  })
}

/** Whether a name can be one of a target here: what is left needs no escaping in any URL or file system. */
export function isTargetName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)
}

function describe({ version, bytes }: MetadataFile): JsonObject {
  return { version, length: bytes.length, hashes: { sha256: encodeHex(sha256(bytes)) } }
}

function usage(problem: string): CountersignError {
  return new CountersignError('USAGE', `TUF repository: ${problem}`)
}
