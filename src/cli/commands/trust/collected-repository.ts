import { type CacheFolder, type KeptRepository, keptRepository, pruneCache, writeRemote } from '../../../trust/tuf/cache.ts'
import type { MetadataFiles } from '../../../trust/tuf/update.ts'

/** What an update would keep, collected: nothing on the disk changes before all of it is proven. */
export type CollectedRepository = {
  readonly kept: KeptRepository
  /** Puts it in place of what is kept of this mirror, and makes the mirror the one that later commands use. */
  readonly store: (cache: CacheFolder, mirror: string) => Promise<void>
}

/**
 * Collects what an update keeps.
 *
 * @param before - what is there already, that the update must not go back behind
 */
export function collectRepository(before: KeptRepository | undefined): CollectedRepository {
  const targets = new Map<string, Uint8Array>()
  let written: { readonly files: MetadataFiles; readonly checkedAt: Date } | undefined
  return {
    kept: {
      folder: 'memory',
      read: async () => (await before?.read()) ?? { files: new Map<string, Uint8Array>(), checkedAt: undefined },
      write: async (files, checkedAt) => {
        written = { files, checkedAt }
      },
      readTarget: async path => targets.get(path),
      writeTarget: async (path, bytes) => void targets.set(path, bytes),
    },
    store: async (cache, mirror) => {
      if (!written) throw new TypeError('nothing was collected')
      const place = keptRepository(cache, mirror)
      for (const [path, bytes] of targets) await place.writeTarget(path, bytes)
      await place.write(written.files, written.checkedAt)
      await writeRemote(cache, mirror) // last of what counts: until then later commands ask the former mirror
      await pruneCache(cache, mirror, written.files, targets.keys())
    },
  }
}
