import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { listReferrersByTag } from '../attached/referrers.ts'
import { readTag } from '../attached/tag.ts'
import { isAboutContent } from '../content-failure.ts'
import { inParallel } from '../in-parallel.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { type AttachedByTag, attachedByTag } from './attached-by-tag.ts'
import { findReferrers } from './attached-referrers.ts'
import { type NamedRepositories, namedByReferrer, namedByTag } from './named-repositories.ts'
import type { Kept, Removal } from './removal.ts'
import { findSubject, requireReadable } from './subjects.ts'
import { createTagFinder, type TagFinder } from './tag-finder.ts'

export type CollectionQuery = {
  readonly repository: Repository // where signatures are kept
  readonly images: readonly Repository[] // where else their images may be
  readonly prefix: string // `--attachment-tag-prefix`
  readonly exclusive: boolean // nobody else keeps signatures in `repository`: what names no repository is collected too
}

/** Something to collect, and why. */
export type Orphan = Removal & { readonly reason: string }

export type CollectionPlan = {
  readonly tags: number // of the repository
  readonly subjects: number // images that something is attached to
  readonly orphans: readonly Orphan[]
  readonly kept: readonly Kept[] // of subjects that are gone
}

/**
 * Finds what is attached to images that are gone, by the tags of a repository. Nothing is changed. A mistake here would delete
 * signatures that people rely on, so doubt keeps:
 *
 * - a subject is gone by a clear 404 of each repository that may hold it, each of which has shown that we may read it;
 * - what names another repository than those looked in is kept: a shared `COSIGN_REPOSITORY` holds signatures for many;
 * - what names none (bundles of `sign`, SBOMs) is kept unless `exclusive`, and what cannot be read is kept always.
 *
 * @throws CountersignError whatever answer of a registry is neither yes nor a clear 404
 */
export async function planCollection(client: RegistryClient, query: CollectionQuery, signal: AbortSignal): Promise<CollectionPlan> {
  const { repository, images, prefix } = query
  const places = [repository, ...images] as const
  const tags = await requireReadable(client, places, signal)
  const bySubject = Map.groupBy(
    tags.flatMap(tag => attachedByTag(tag, prefix)),
    ({ subject }) => subject,
  )
  const tagOf = createTagFinder(client, repository, signal)
  const plans = await inParallel(
    [...bySubject].sort(([a], [b]) => (a < b ? -1 : 1)),
    4,
    async ([subject, attached]) => {
      if (await findSubject(client, places, subject, signal)) return await findGoneEntries(client, repository, subject, signal)
      return await judgeOrphans(client, query, subject, { attached, tagOf }, signal)
    },
  )
  return {
    tags: tags.length,
    subjects: bySubject.size,
    orphans: plans.flatMap(({ orphans }) => orphans),
    kept: plans.flatMap(({ kept }) => kept),
  }
}

type SubjectPlan = Pick<CollectionPlan, 'orphans' | 'kept'>
/** Of an image that is there: entries of its fallback index whose manifests are gone. */
async function findGoneEntries(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
): Promise<SubjectPlan> {
  const entries = await listReferrersByTag(client, repository, subject, signal)
  const found = await inParallel(entries, 4, ({ digest }) => client.headManifest(repository, digest, signal))
  const gone = entries.filter((_, index) => found[index] === undefined)
  const reason = 'the fallback index lists it, but there is no such manifest'
  return { orphans: gone.map(({ digest }) => ({ kind: 'entry', subject, digest, reason })), kept: [] }
}

async function judgeOrphans(
  client: RegistryClient,
  query: CollectionQuery,
  subject: OciDigest,
  { attached, tagOf }: { readonly attached: readonly AttachedByTag[]; readonly tagOf: TagFinder },
  signal: AbortSignal,
): Promise<SubjectPlan> {
  const { repository } = query
  const orphans: Orphan[] = []
  const kept: Kept[] = []
  const judge = async (removal: Removal, names: () => Promise<NamedRepositories>): Promise<void> => {
    const doubt = await reasonToKeep(query, names)
    if (doubt === undefined) orphans.push({ ...removal, reason: 'its image is gone' })
    else kept.push({ ...removal, reason: doubt })
  }
  for (const { tag, kind } of attached) {
    if (kind === 'listing') continue // what it lists comes below
    const current = await readTag(client, repository, tag, signal)
    if (current)
      await judge({ kind, subject, tag, digest: current.digest }, () => namedByTag(client, repository, { tag, kind, subject }, signal))
  }
  for (const found of await findReferrers(client, repository, subject, tagOf, signal)) {
    const { digest } = found
    if (found.state === 'gone') orphans.push({ kind: 'entry', subject, digest, reason: 'its image is gone, and so is it' })
    else if (found.state === 'foreign') kept.push({ kind: 'referrer', subject, digest, reason: found.reason })
    else await judge({ kind: 'referrer', subject, digest }, () => namedByReferrer(client, repository, found.manifest, subject, signal))
  }
  return { orphans, kept }
}

async function reasonToKeep(
  { repository, images, exclusive }: CollectionQuery,
  names: () => Promise<NamedRepositories>,
): Promise<string | undefined> {
  const looked = new Set([repository, ...images].map(repositoryName))
  try {
    const named = await names()
    const other = [...named].find(name => name !== undefined && !looked.has(name))
    if (other !== undefined) return `it is about ${quote(other)}, which was not looked in`
    return named.has(undefined) && !exclusive ? 'it names no repository; --exclusive collects it' : undefined
  } catch (error) {
    if (isAboutContent(error)) return `it cannot be read: ${error.message}`
    throw error
  }
}
