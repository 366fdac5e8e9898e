import { CountersignError } from '../../codec/error.ts'
import type { WriterWorld } from '../attached/append-to-tag.ts'
import type { RegistryClient } from '../registry-client.ts'
import type { CollectionQuery, Orphan } from './plan-collection.ts'
import type { Kept, Removal } from './removal.ts'
import { removeAttached } from './remove-attached.ts'
import { findSubject } from './subjects.ts'

/** Told of each orphan: what became of it. */
export type CollectionEvents = { readonly onRemoved: (removal: Removal) => void; readonly onKept: (kept: Kept) => void }

/**
 * Deletes what was planned, subject by subject, after another look at each: an image that was pushed meanwhile, a tag that
 * holds something else by now, and a manifest that other tags hold as well keep what is attached.
 *
 * @throws CountersignError at the first answer that is neither yes nor a clear no; what was told of by then is removed
 */
export async function collectOrphans(
  client: RegistryClient,
  world: WriterWorld,
  query: CollectionQuery,
  orphans: readonly Orphan[],
  { onRemoved, onKept }: CollectionEvents,
  signal: AbortSignal,
): Promise<void> {
  const { repository, images } = query
  const remove = async (group: readonly Orphan[]): Promise<void> => {
    try {
      await removeAttached(client, world, repository, group, onRemoved, signal)
    } catch (error) {
      if (!(error instanceof CountersignError) || !['MANIFEST_CHANGED', 'MANIFEST_SHARED'].includes(error.code)) throw error
      for (const orphan of group) onKept({ ...orphan, reason: error.message })
    }
  }
  for (const [subject, group] of Map.groupBy(orphans, orphan => orphan.subject)) {
    const place = await findSubject(client, [repository, ...images], subject, signal)
    const due: Orphan[] = []
    for (const orphan of group) {
      if (orphan.kind !== 'entry') {
        if (place) onKept({ ...orphan, reason: 'its image is there by now' })
        else due.push(orphan)
      } else if (await client.headManifest(repository, orphan.digest, signal)) onKept({ ...orphan, reason: 'its manifest is there by now' })
      else due.push(orphan)
    }
    for (const orphan of due) if (orphan.tag !== undefined) await remove([orphan])
    const referrers = due.filter(({ tag }) => tag === undefined)
    if (referrers.length > 0) await remove(referrers)
  }
}
