import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { fallbackTag, type LegacySuffix, legacySuffixes, signatureTag } from '../attached/attached-tag.ts'
import { listReferrersByApi, listReferrersByTag } from '../attached/referrers.ts'
import { nameOfTag, readTag } from '../attached/tag.ts'
import type { Descriptor, FetchedManifest } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { AttachmentKind } from './attachment-kind.ts'
import { readParts } from './parts.ts'
import type { Place } from './place.ts'

/** A tag of cosign's older layout. */
export type SourceTag = {
  readonly subject: OciDigest
  readonly tag: string
  readonly kind: LegacySuffix
  readonly manifest: FetchedManifest
  readonly blobs: readonly Descriptor[]
  readonly repository: Repository
}

/** What something may be attached to. */
export type Subject = { readonly digest: OciDigest }

/** A referrer as a listing of the source names it. */
export type Listed = { readonly subject: OciDigest; readonly descriptor: Descriptor; readonly place: Repository }

/** Notes what stays behind, and why; throws what is no reason to leave something behind. */
export type Leave = (what: string, of: OciDigest, error: unknown) => void

/**
 * Finds what is attached to a manifest.
 *
 * @param byName - ask for each thing, and not the list of tags or what is known of the registry's referrers API
 */
export type AttachmentFinder = (
  subject: Subject,
  byName: boolean,
) => Promise<{ readonly listed: readonly Listed[]; readonly tags: readonly SourceTag[] }>

/** Makes a finder that remembers what the repository of the source lists; `kinds` are those of tags that are read. */
export function createAttachmentFinder(
  source: Place,
  { tagPrefix, kinds }: { readonly tagPrefix: string; readonly kinds: 'all' | ReadonlySet<AttachmentKind> },
  leave: Leave,
  signal: AbortSignal,
): AttachmentFinder {
  const { client, repository, attached } = source
  const isElsewhere = attached !== undefined && repositoryName(attached) !== repositoryName(repository)
  const places = isElsewhere ? [repository, attached] : [repository]
  const tagLists = new Map<string, Promise<ReadonlySet<string> | undefined>>()
  const tagsOf = (place: Repository) => {
    const known = tagLists.get(repositoryName(place)) ?? listTags(source, place, signal)
    tagLists.set(repositoryName(place), known)
    return known
  }
  const byApi = async (place: Repository, subject: OciDigest, mayAssume: boolean) =>
    (await listReferrersByApi(client, place, subject, signal, mayAssume ? () => {} : undefined)) ?? []
  const byTag = async (place: Repository, subject: OciDigest) => {
    try {
      return await listReferrersByTag(client, place, subject, signal)
    } catch (error) {
      leave(nameOfTag(place, fallbackTag(subject)), subject, error)
      return []
    }
  }
  const older = async (place: Repository, subject: OciDigest, kind: SourceTag['kind'], tag: string): Promise<SourceTag[]> => {
    const what = nameOfTag(place, tag)
    try {
      const manifest = await readTag(client, place, tag, signal)
      return manifest ? [{ subject, tag, kind, manifest, blobs: readParts(manifest, what).blobs, repository: place }] : []
    } catch (error) {
      leave(what, subject, error)
      return []
    }
  }
  const attachedIn = async (place: Repository, subject: OciDigest, byName: boolean) => {
    const tags = byName ? undefined : await tagsOf(place)
    const mayHave = (tag: string) => !tags || tags.has(tag)
    const wanted = legacySuffixes
      .filter(kind => kinds === 'all' || kinds.has(kind))
      .map(kind => ({ kind, tag: signatureTag(subject, kind, tagPrefix) }))
      .filter(({ tag }) => mayHave(tag))
    const [listed, fallback, ...found] = await Promise.all([
      byApi(place, subject, !byName),
      mayHave(fallbackTag(subject)) ? byTag(place, subject) : [],
      ...wanted.map(({ kind, tag }) => older(place, subject, kind, tag)),
    ])
    return { listed: [...listed, ...fallback].map((descriptor): Listed => ({ subject, descriptor, place })), tags: found.flat() }
  }
  return async ({ digest }: Subject, byName: boolean) => {
    const found = await Promise.all(places.map(place => attachedIn(place, digest, byName)))
    const listed = new Map<OciDigest, Listed>()
    for (const entry of found.flatMap(place => place.listed))
      if (!listed.has(entry.descriptor.digest)) listed.set(entry.descriptor.digest, entry)
    return { listed: [...listed.values()], tags: found.flatMap(place => place.tags) }
  }
}

/** The tags of a repository; nothing where the registry does not tell them, or there are too many. */
async function listTags({ client }: Place, repository: Repository, signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
  try {
    return new Set(await client.listTags(repository, signal))
  } catch (error) {
    if (error instanceof CountersignError && error.kind !== 'unavailable') return undefined
    throw error
  }
}
