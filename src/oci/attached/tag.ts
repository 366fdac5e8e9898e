import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import type { FetchedManifest } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import type { TagAddition } from './append-to-tag.ts'

/** Reads what a tag holds; nothing where there is no such tag. */
export async function readTag(
  client: RegistryClient,
  repository: Repository,
  tag: string,
  signal: AbortSignal,
): Promise<FetchedManifest | undefined> {
  try {
    return await client.fetchManifest(repository, tag, signal)
  } catch (error) {
    if (error instanceof CountersignError && error.code === 'IMAGE_NOT_FOUND') return undefined
    throw error
  }
}

/** The digest of what a tag holds; that is read where the registry does not tell it. Nothing where there is no such tag. */
export async function digestOfTag(
  client: RegistryClient,
  repository: Repository,
  tag: string,
  signal: AbortSignal,
): Promise<OciDigest | undefined> {
  const head = await client.headManifest(repository, tag, signal)
  return head && (head.digest ?? (await readTag(client, repository, tag, signal))?.digest)
}

/** What messages call a tag: `tag r.io/app:sha256-….sig`. */
export function nameOfTag(repository: Repository, tag: string): string {
  return `tag ${repositoryName(repository)}:${tag}`
}

/** A tag in a registry, for `appendToTag`. */
export function tagInRegistry(client: RegistryClient, repository: Repository, tag: string): Pick<TagAddition, 'what' | 'read' | 'put'> {
  return {
    what: nameOfTag(repository, tag),
    read: signal => readTag(client, repository, tag, signal),
    put: (draft, precondition, signal) => client.pushManifest(repository, tag, draft.bytes, draft.mediaType, signal, precondition),
  }
}
