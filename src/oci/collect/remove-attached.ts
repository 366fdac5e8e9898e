import { encodeHex } from '../../codec/hex.ts'
import type { World } from '../../codec/world.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { parseOciDigest } from '../../formats/oci-digest.ts'
import type { WriterWorld } from '../attached/append-to-tag.ts'
import { listReferrersByTag } from '../attached/referrers.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { removeFallbackEntries } from './fallback-entries.ts'
import { closeJournal, writeJournal } from './journal.ts'
import type { Removal } from './removal.ts'
import { removeTag } from './remove-tag.ts'

/** A digest that no content has. */
export function absentDigest(world: Pick<World, 'randomBytes'>): OciDigest {
  return parseOciDigest(`sha256:${encodeHex(world.randomBytes(32))}`, 'random digest')
}

/**
 * Makes sure that we may delete here, by deleting what is not there: whatever is begun can then be finished.
 *
 * @throws CountersignError `DELETE_UNSUPPORTED`, `REGISTRY_DENIED`, `REGISTRY_UNAUTHORIZED`
 */
export async function requireDeletes(
  client: RegistryClient,
  world: WriterWorld,
  repository: Repository,
  signal: AbortSignal,
): Promise<void> {
  await client.deleteManifest(repository, absentDigest(world), signal)
}

/**
 * Removes what was planned, and tells of each thing as it goes; what is gone already counts as removed. Stopped anywhere and
 * run again, it finishes:
 *
 * - a tag goes whole or not at all;
 * - a referrer of the fallback index is written into the journal, then taken out of the index, then deleted. An index never
 *   names a manifest that is gone: strict registries would let nobody add to it, and readers would meet broken evidence. A
 *   manifest that nothing lists any more is found by the journal, which goes last;
 * - a referrer that only the registry lists is deleted, and the registry stops listing it.
 *
 * @throws CountersignError as `removeTag` and `removeFallbackEntries`; what was told of by then is removed
 */
export async function removeAttached(
  client: RegistryClient,
  world: WriterWorld,
  repository: Repository,
  removals: readonly Removal[],
  onRemoved: (removal: Removal) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const removal of removals)
    if (removal.tag !== undefined && removal.kind !== 'journal') {
      await removeTag(client, repository, removal.tag, removal.digest, signal)
      onRemoved(removal)
    }
  const untagged = removals.filter(({ tag, kind }) => tag === undefined || kind === 'journal')
  for (const [subject, group] of Map.groupBy(untagged, removal => removal.subject)) {
    await unlist(client, world, repository, subject, group, signal)
    for (const { kind, digest } of group) if (kind === 'referrer') await client.deleteManifest(repository, digest, signal)
    await closeJournal(client, repository, subject, signal)
    for (const removal of group) onRemoved(removal)
  }
}

async function unlist(
  client: RegistryClient,
  world: WriterWorld,
  repository: Repository,
  subject: OciDigest,
  group: readonly Removal[],
  signal: AbortSignal,
): Promise<void> {
  const digests = new Set(group.map(({ digest }) => digest))
  const present = new Set(group.flatMap(({ kind, digest }) => (kind === 'referrer' ? [digest] : [])))
  const listed = (await listReferrersByTag(client, repository, subject, signal)).filter(({ digest }) => digests.has(digest))
  if (listed.length === 0) return
  const leaving = listed.filter(({ digest }) => present.has(digest))
  if (leaving.length > 0) await writeJournal(client, repository, subject, leaving, signal)
  await removeFallbackEntries(client, world, repository, subject, digests, signal)
}
