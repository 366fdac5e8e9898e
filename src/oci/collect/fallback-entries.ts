import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { appendToTag, type Draft, type WriterWorld } from '../attached/append-to-tag.ts'
import { fallbackTag } from '../attached/attached-tag.ts'
import { isReferrersIndex, readIndex, withoutReferrers } from '../attached/referrers-index.ts'
import { nameOfTag, tagInRegistry } from '../attached/tag.ts'
import type { FetchedManifest } from '../manifest.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { removeTag } from './remove-tag.ts'

/**
 * Takes entries out of the index at the fallback tag of a subject; every other entry and member stays. An index left empty
 * is deleted with its tag, or stays empty where that cannot be. Other writers of the index are treated as `appendToTag`
 * treats them: what they add survives, and what they bring back is taken out again. Nothing is done where the tag holds no
 * such entry, or no index of referrers.
 *
 * @throws CountersignError `REFERRERS_CONTENDED`, `REGISTRY_DENIED`, `REGISTRY_REFUSED`
 */
export async function removeFallbackEntries(
  client: RegistryClient,
  world: WriterWorld,
  repository: Repository,
  subject: OciDigest,
  digests: ReadonlySet<OciDigest>,
  signal: AbortSignal,
): Promise<void> {
  const tag = fallbackTag(subject)
  const what = nameOfTag(repository, tag)
  const place = tagInRegistry(client, repository, tag)
  const rest = (current: FetchedManifest) => readIndex(current, what).filter(({ digest }) => !digests.has(digest))
  const isClean = (current: FetchedManifest) =>
    !isReferrersIndex(current, subject) || rest(current).length === readIndex(current, what).length
  await appendToTag(
    world,
    {
      ...place,
      holds: isClean,
      merge: async (current): Promise<Rest | undefined> => {
        if (!current) return undefined // the tag went meanwhile, and with it the entries
        const rewritten = { bytes: withoutReferrers(current, digests, what), mediaType: current.mediaType }
        return { ...rewritten, ...(rest(current).length === 0 && { emptied: current.digest }) }
      },
      put: async (draft, precondition, putSignal) => {
        const { emptied } = draft
        if (emptied && (await removeIndex(client, repository, tag, emptied, putSignal))) return { digest: emptied, conditional: false }
        return place.put(draft, precondition, putSignal)
      },
    },
    signal,
  )
}

/** What is left of an index. */
type Rest = Draft & { readonly emptied?: OciDigest } // of the index that has no other entry

/** Whether the tag could be deleted. One that changed meanwhile is looked at again. */
async function removeIndex(
  client: RegistryClient,
  repository: Repository,
  tag: string,
  seen: OciDigest,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await removeTag(client, repository, tag, seen, signal)
    return true
  } catch (error) {
    if (error instanceof CountersignError && (error.code === 'DELETE_UNSUPPORTED' || error.code === 'MANIFEST_SHARED')) return false
    throw error
  }
}
