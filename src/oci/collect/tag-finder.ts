import type { OciDigest } from '../../formats/oci-digest.ts'
import { digestOfTag } from '../attached/tag.ts'
import { inParallel } from '../in-parallel.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { attachedByTag } from './attached-by-tag.ts'

/** The tag that somebody gave a manifest, which would go with it; nothing where there is none. */
export type TagFinder = (digest: OciDigest) => Promise<string | undefined>

/** Makes a finder that looks through the tags of a repository once, when it is first asked; those of what is attached hold no referrers. */
export function createTagFinder(client: RegistryClient, repository: Repository, signal: AbortSignal): TagFinder {
  const look = async () => {
    const tags = (await client.listTags(repository, signal)).filter(tag => attachedByTag(tag, '').length === 0)
    const held = await inParallel(tags, 10, tag => digestOfTag(client, repository, tag, signal))
    return new Map(held.map((digest, index) => [digest, tags[index]!]))
  }
  let looked: ReturnType<typeof look> | undefined
  return async digest => {
    looked ??= look()
    return (await looked).get(digest)
  }
}
