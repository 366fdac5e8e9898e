import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { readTag } from '../attached/tag.ts'
import { inParallel } from '../in-parallel.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'

/** Says why a manifest must not be deleted by its digest: a tag that somebody gave it would go with it. Nothing where there is none. */
export type TagFinder = (digest: OciDigest) => Promise<string | undefined>

const attached = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom|removing))?$/ // hold no referrers

/** Makes a finder that looks through the tags of a repository once, when it is first asked. */
export function createTagFinder(client: RegistryClient, repository: Repository, signal: AbortSignal): TagFinder {
  const look = async () => {
    const tags = (await client.listTags(repository, signal)).filter(tag => !attached.test(tag))
    const held = await inParallel(tags, 10, tag => digestOfTag(client, repository, tag, signal))
    return new Map(held.map((digest, index) => [digest, tags[index]!]))
  }
  let looked: ReturnType<typeof look> | undefined
  return async digest => {
    looked ??= look()
    const tag = (await looked).get(digest)
    return tag === undefined ? undefined : `tag ${quote(tag)} holds it, and would go with it`
  }
}

/** What a tag holds; it is read where the registry does not tell its digest. */
export async function digestOfTag(
  client: RegistryClient,
  repository: Repository,
  tag: string,
  signal: AbortSignal,
): Promise<OciDigest | undefined> {
  const head = await client.headManifest(repository, tag, signal)
  return head && (head.digest ?? (await readTag(client, repository, tag, signal))?.digest)
}
