import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { inParallel } from '../in-parallel.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'

/**
 * Makes sure that the word of these repositories counts: each lists tags and has a manifest under one of them, so we may read
 * it, and its 404 means that something is not there. Many registries answer 404 for what the asker may not see.
 *
 * @returns tags of the first one
 * @throws CountersignError `IMAGE_NOT_FOUND` for a repository without tags; `REGISTRY_DENIED` and the like
 */
export async function requireReadable(
  client: RegistryClient,
  repositories: readonly [Repository, ...Repository[]],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const listed = await inParallel(repositories, 4, repository => client.listTags(repository, signal))
  const silent = repositories.find((_, index) => listed[index]!.length === 0)
  if (silent)
    throw new CountersignError(
      'IMAGE_NOT_FOUND',
      `repository ${repositoryName(silent)}: it lists no tag, so nothing follows from what is not found in it`,
    )
  const shown = await inParallel(repositories, 4, (repository, index) => showsOneOf(client, repository, listed[index]!, signal))
  const hidden = repositories.find((_, index) => !shown[index])
  if (hidden)
    throw new CountersignError(
      'IMAGE_NOT_FOUND',
      `repository ${repositoryName(hidden)}: it lists tags and has no manifest under them, so nothing follows from what is not found in it`,
    )
  return listed[0]!
}

const triedTags = 10

async function showsOneOf(client: RegistryClient, repository: Repository, tags: readonly string[], signal: AbortSignal): Promise<boolean> {
  for (const tag of tags.slice(0, triedTags)) if (await client.headManifest(repository, tag, signal)) return true
  return false
}

/**
 * Where a subject still is; nothing when each repository answers a clear 404.
 *
 * @throws CountersignError whatever other answer one of them gives
 */
export async function findSubject(
  client: RegistryClient,
  repositories: readonly Repository[],
  subject: OciDigest,
  signal: AbortSignal,
): Promise<Repository | undefined> {
  for (const repository of repositories) if (await client.headManifest(repository, subject, signal)) return repository
  return undefined
}
