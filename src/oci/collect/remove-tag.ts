import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { digestOfTag, nameOfTag, readTag } from '../attached/tag.ts'
import { inParallel } from '../in-parallel.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'

/**
 * Deletes a tag that still holds what was seen there. Where the registry deletes no tags (docker-registry 2.8 does not), the
 * manifest is deleted by digest, but only if no other tag holds it: a manifest goes with all its tags.
 *
 * @param seen - what the tag held when the decision to delete it was made
 * @returns false where there is no such tag any more
 * @throws CountersignError `MANIFEST_CHANGED` when the tag holds something else by now; `MANIFEST_SHARED` when it can only be
 *   deleted along with other tags; `DELETE_UNSUPPORTED`, `REGISTRY_DENIED`
 */
export async function removeTag(
  client: RegistryClient,
  repository: Repository,
  tag: string,
  seen: OciDigest,
  signal: AbortSignal,
): Promise<boolean> {
  const what = nameOfTag(repository, tag)
  const current = await readTag(client, repository, tag, signal)
  if (!current) return false
  if (current.digest !== seen)
    throw new CountersignError('MANIFEST_CHANGED', `${what}: it held ${seen} when this was planned, it holds ${current.digest} now`)
  try {
    return await client.deleteManifest(repository, tag, signal)
  } catch (error) {
    if (!(error instanceof CountersignError) || error.code !== 'DELETE_UNSUPPORTED') throw error
  }
  const other = await findOtherTag(client, repository, tag, seen, signal)
  if (other !== undefined)
    throw new CountersignError(
      'MANIFEST_SHARED',
      `${what}: the registry deletes no tags, only manifests with all their tags, and tag ${quote(other)} holds ${seen} too`,
    )
  return await client.deleteManifest(repository, seen, signal)
}

/** Another tag that holds the same manifest. */
async function findOtherTag(
  client: RegistryClient,
  repository: Repository,
  tag: string,
  digest: OciDigest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const others = (await client.listTags(repository, signal)).filter(other => other !== tag)
  const held = await inParallel(others, 10, other => digestOfTag(client, repository, other, signal))
  return others.find((_, index) => held[index] === digest)
}
