import assert from 'node:assert/strict'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import type { TufTargetFile } from '../../services/tuf/next-metadata.ts'
import { draftRoot, signRoot, type TufRoles } from '../../services/tuf/root-ceremony.ts'
import { openTufRepository, type TufRepositoryOptions, type TufRepositoryService } from '../../services/tuf/tuf-repository.ts'
import { httpRepository } from '../../trust/tuf/repository.ts'
import { checkTarget, type MetadataFiles, updateFromRepository } from '../../trust/tuf/update.ts'
import { type MemoryFile, memoryFolder } from '../memory-folder.ts'
import { freshSigner } from '../sigstore/certificate-authority.ts'

/** When tests publish for the first time. */
export const tufStart = new Date('2026-05-04T03:02:01.234Z')

/** So many days after that. */
export function later(days: number): Date {
  return new Date(tufStart.getTime() + days * 86_400_000)
}

export type TufKeys = Readonly<Record<'root' | 'targets' | 'snapshot' | 'timestamp', readonly Signer[]>>

const fresh = () => [freshSigner('p256')]

/** Keys of the repository that tests open: three of the root, of which two must sign. */
export const tufKeys: TufKeys = { root: [...fresh(), ...fresh(), ...fresh()], targets: fresh(), snapshot: fresh(), timestamp: fresh() }

/** Keys to be replaced by. */
export const otherKeys: readonly [Signer, Signer, Signer] = [freshSigner('p256'), freshSigner('p256'), freshSigner('p256')]

/** Roles of the usual keys but for those given. */
export function rolesOf(changes: Partial<TufKeys> = {}, thresholds: Partial<Record<keyof TufKeys, number>> = {}): TufRoles {
  const role = (name: keyof TufKeys) => ({
    keys: (changes[name] ?? tufKeys[name]).map(({ publicKey }) => publicKey),
    threshold: thresholds[name] ?? (name === 'root' ? 2 : 1),
  })
  return { root: role('root'), targets: role('targets'), snapshot: role('snapshot'), timestamp: role('timestamp') }
}

/** A root that these have signed. */
export async function rootOf(version: number, signers: readonly Signer[], roles = rolesOf(), expires = later(180)): Promise<Uint8Array> {
  let root = draftRoot({ version, expires, roles })
  for (const signer of signers) root = await signRoot(root, signer)
  return root
}

/** The root that clients begin with. */
export const firstRoot: Promise<Uint8Array> = rootOf(1, tufKeys.root.slice(0, 2))

/** A target of text. */
export function targetFile(name: string, text: string): TufTargetFile {
  return { name, content: encodeUtf8(text) }
}

/** What is published first. */
export const oldTargets: readonly TufTargetFile[] = [
  targetFile('trusted_root.json', '{"old":true}'),
  { ...targetFile('rekor.pub', 'old key'), custom: { sigstore: { usage: 'Rekor' } } },
]

/** What is published then. */
export const newTargets: readonly TufTargetFile[] = [targetFile('trusted_root.json', '{"new":true}'), targetFile('ctfe.pub', 'new key')]

/** Targets as a client shows them. */
export function textsOf(targets: readonly TufTargetFile[]): ReadonlyMap<string, string> {
  return new Map(targets.map(({ name, content }) => [name, decodeUtf8(content, name)]))
}

export type TufDisk = Map<string, MemoryFile>

/** A repository on a disk in memory, and its clock. */
export type TufRig = TufRepositoryService & { readonly disk: TufDisk; readonly folder: Folder; readonly clock: { now: Date } }

/** The folder in which a disk holds its repository. */
export function folderOf(disk: TufDisk): Folder {
  return memoryFolder(disk, 'tuf')
}

/** Opens a repository with all keys, on an empty disk unless told. */
export async function openRig(options: Partial<TufRepositoryOptions> = {}, disk: TufDisk = new Map(), now = tufStart): Promise<TufRig> {
  const folder = folderOf(disk)
  const clock = { now }
  return { ...(await openTufRepository({ folder, signers: tufKeys, now: () => clock.now, ...options })), disk, folder, clock }
}

let publishedDisk: TufDisk = new Map()

/** The old targets are published, at the start; what is on the disk is made once. */
export async function publishedRig(options: Partial<TufRepositoryOptions> = {}): Promise<TufRig> {
  const rig = await openRig(options, options.lifetimes ? new Map() : new Map(publishedDisk))
  if (rig.disk.size > 0) return rig
  await rig.publishRoot(await firstRoot)
  await rig.publishTargets(oldTargets)
  if (!options.lifetimes) publishedDisk = new Map(rig.disk)
  return rig
}

/** What a client gets by HTTP from a mirror, and keeps of it for the next time. */
export async function clientOf(rig: Pick<TufRig, 'handler'>, root: Uint8Array, kept: MetadataFiles = new Map(), now = tufStart) {
  const fetch = async (input: string | URL) => await rig.handler(new Request(input))
  const repository = httpRepository(new URL('https://tuf.example/'), { fetch, signal: AbortSignal.timeout(60_000) })
  const { metadata, files } = await updateFromRepository(root, kept, repository, now)
  const targets = new Map<string, string>()
  for (const path of metadata.targetPaths) {
    const target = metadata.targetOf('targets', path)!
    const bytes = await repository.get(['targets', `${target.hashes.get('sha256')}.${path}`], target.length)
    assert.ok(bytes, path)
    checkTarget(target, bytes)
    targets.set(path, decodeUtf8(bytes, path))
  }
  return { files, targets, metadata, versions: metadata.standing.map(({ role, version }) => `${role} ${version}`).join(', ') }
}
