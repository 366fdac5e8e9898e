import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { fallbackTag, type LegacySuffix, legacySuffixes, signatureTag } from '../attached/attached-tag.ts'
import { listReferrersByApi, listReferrersByTag } from '../attached/referrers.ts'
import { nameOfTag, readTag } from '../attached/tag.ts'
import { withinByteBudget } from '../byte-budget.ts'
import { isAboutContent } from '../content-failure.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type FetchedManifest, kindOf } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { ResolvedImage } from '../registry-client.ts'
import { type AttachmentKind, kindOfReferrer } from './attachment-kind.ts'
import { readParts } from './parts.ts'
import type { Place } from './place.ts'
import type { LeftBehind } from './report.ts'

/** A manifest of the source that is to be at the destination under its digest. */
export type SourceManifest = {
  readonly digest: OciDigest
  readonly mediaType: string
  readonly size: number
  readonly repository: Repository
  readonly level: number // 0: of the image itself; n: attached to something of level n - 1
  readonly children: readonly OciDigest[] // of an index, manifests only
  readonly blobs: readonly Descriptor[]
  readonly bytes?: Uint8Array // kept while all manifests together are small
}

/** A manifest that refers to another. */
export type SourceReferrer = {
  readonly subject: OciDigest
  readonly listed: Descriptor // as the source lists it
  readonly kind: AttachmentKind
}

/** A tag of cosign's older layout. */
export type SourceTag = {
  readonly subject: OciDigest
  readonly tag: string
  readonly kind: LegacySuffix
  readonly manifest: FetchedManifest
  readonly blobs: readonly Descriptor[]
  readonly repository: Repository
}

/** Everything there is of an image at the source. */
export type Survey = {
  readonly root: OciDigest
  readonly manifests: ReadonlyMap<OciDigest, SourceManifest>
  readonly levels: readonly SurveyLevel[] // what is attached to the image, then what is attached to that, and so on
  readonly leftBehind: readonly LeftBehind[]
}

export type SurveyLevel = { readonly referrers: readonly SourceReferrer[]; readonly tags: readonly SourceTag[] }

export type SurveyOptions = {
  readonly maxWorkers: number
  readonly tagPrefix: string // `--attachment-tag-prefix`
  readonly kinds: 'all' | ReadonlySet<AttachmentKind>
}

const keptBytes = 64 << 20

/**
 * Finds an image, all manifests of its indexes, and whatever is attached to any of these, to what is attached, and so on: by
 * the referrers API, by the fallback tag, by the tags of cosign's older layout.
 *
 * What hangs on the image's own manifests is asked for by name, of the API too. Deeper down, where one image may have
 * hundreds of signatures, a registry that has shown to have no API is not asked again, and the list of the repository's tags
 * says which tags there are to be read; where it cannot be had, they too are asked for by name.
 *
 * What the image itself needs must be there; of what is attached, what is listed and missing or broken is left behind.
 *
 * @throws CountersignError `IMAGE_NOT_FOUND` for a manifest of an index; `LIMIT_EXCEEDED` past 10,000 manifests, 256 MiB of
 *   them or 8 levels of attachments; `MANIFEST_MALFORMED`
 */
export async function surveyImage(source: Place, image: ResolvedImage, options: SurveyOptions, signal: AbortSignal): Promise<Survey> {
  const { repository } = source
  const manifests = new Map<OciDigest, SourceManifest>()
  const underWay = new Map<OciDigest, Promise<readonly SourceManifest[]>>()
  const visited = new Set<OciDigest>() // what was looked at for attachments
  const leftBehind: LeftBehind[] = []
  const leave: Leave = (what, of, error) => {
    if (!canBeLeft(error)) throw error
    leftBehind.push({ what, of, reason: error.message })
  }
  const what = `image ${image.digest} and what is attached to it`
  const client = withinByteBudget(source.client, ociLimits.mirrorManifestsTotalBytes, what)
  const attachedTo = createAttachmentFinder({ ...source, client }, options, leave, signal)
  let bytes = 0

  const keep = (fetched: FetchedManifest) => {
    bytes += fetched.bytes.length
    return bytes <= keptBytes ? { bytes: fetched.bytes } : {}
  }
  /** Adds a manifest and all below it, once each. Broken or incomplete, it is no part of the survey, however many name it. */
  const add = (fetched: FetchedManifest, place: Repository, level: number, depth: number): Promise<readonly SourceManifest[]> => {
    const known = underWay.get(fetched.digest) ?? addNew(fetched, place, level, depth)
    underWay.set(fetched.digest, known)
    return known
  }
  const addNew = async (fetched: FetchedManifest, place: Repository, level: number, depth: number): Promise<readonly SourceManifest[]> => {
    const { digest, mediaType } = fetched
    const what = `manifest ${repositoryName(place)}@${digest}`
    if (underWay.size >= ociLimits.mirrorManifests)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.mirrorManifests} manifests with one image`)
    if (depth > ociLimits.indexDepth)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want indexes at most ${ociLimits.indexDepth} deep`)
    const { children, blobs } = readParts(fetched, what)
    const kept = keep(fetched)
    const found = await inParallel(children, options.maxWorkers, async child => {
      const below = await client.fetchManifest(place, child.digest, signal).catch(orBlob(child))
      if (below) checkSize(below, child, what)
      return below ? { digest: child.digest, nodes: await add(below, place, level, depth + 1) } : child
    })
    const node: SourceManifest = {
      digest,
      mediaType,
      size: fetched.bytes.length,
      repository: place,
      level,
      children: found.flatMap(child => ('nodes' in child ? [child.digest] : [])),
      blobs: [...blobs, ...found.flatMap(child => ('nodes' in child ? [] : [child]))],
      ...kept,
    }
    manifests.set(digest, node)
    return [node, ...found.flatMap(child => ('nodes' in child ? child.nodes : []))]
  }

  const levels: SurveyLevel[] = []
  let subjects: readonly Subject[] = await add(image.manifest, repository, 0, 0)
  while (subjects.length > 0) {
    const fresh = [...new Map(subjects.map(subject => [subject.digest, subject])).values()].filter(({ digest }) => !visited.has(digest))
    for (const { digest } of fresh) visited.add(digest)
    const found = await inParallel(fresh, options.maxWorkers, subject => attachedTo(subject, levels.length === 0))
    const tags = found.flatMap(({ tags }) => tags)
    const listed = found.flatMap(({ listed }) => listed)
    const next: Subject[] = tags.map(({ manifest }) => manifest)
    const referrers = await inParallel(listed, options.maxWorkers, async ({ subject, descriptor, place }) => {
      const what = `referrer ${repositoryName(place)}@${descriptor.digest}`
      try {
        const fetched = await client.fetchManifest(place, descriptor.digest, signal)
        checkSize(fetched, descriptor, what)
        if (manifests.get(fetched.digest)?.level === 0) return [] // cosign 3 signs into the index that `cosign copy` left at the fallback tag
        const { subject: named } = readParts(fetched, what)
        if (named !== subject)
          throw new CountersignError('ARTIFACT_MISMATCH', `${what}: its subject is ${named ?? 'not there'}, not ${subject}`)
        const kind = kindOfReferrer(fetched, what)
        if (options.kinds !== 'all' && !options.kinds.has(kind)) return []
        next.push(...(await add(fetched, place, levels.length + 1, 0)))
        return [{ subject, listed: descriptor, kind }]
      } catch (error) {
        leave(descriptor.digest, subject, error)
        return []
      }
    })
    const level = { referrers: referrers.flat(), tags }
    if (level.referrers.length === 0 && tags.length === 0) break
    if (levels.push(level) > ociLimits.attachedDepth)
      throw new CountersignError('LIMIT_EXCEEDED', `image ${image.digest}: want attachments at most ${ociLimits.attachedDepth} levels deep`)
    subjects = next
  }
  return { root: image.digest, manifests, levels, leftBehind }
}

type Subject = { readonly digest: OciDigest }

type Listed = { readonly subject: OciDigest; readonly descriptor: Descriptor; readonly place: Repository }

/** Notes what stays behind, and why; throws what is no reason to leave something behind. */
type Leave = (what: string, of: OciDigest, error: unknown) => void

/**
 * Makes a function that finds what is attached to one manifest after the other. Its second argument says whether to ask for
 * each thing by name, and not the list of tags or what is known of the registry's referrers API.
 */
function createAttachmentFinder(source: Place, { tagPrefix, kinds }: SurveyOptions, leave: Leave, signal: AbortSignal) {
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

/** An index may list plain blobs, as build caches do. */
function orBlob({ mediaType }: Descriptor) {
  return (error: unknown): undefined => {
    if (error instanceof CountersignError && error.code === 'IMAGE_NOT_FOUND' && mediaType !== '' && !kindOf(mediaType)) return undefined
    throw error
  }
}

function checkSize({ bytes }: FetchedManifest, { digest, size }: Descriptor, what: string): void {
  if (bytes.length !== size)
    throw new CountersignError('SIZE_MISMATCH', `${what}: ${digest} has ${bytes.length} bytes, its descriptor says ${size}`)
}

/** Whether what is attached can be left behind for this: it is missing or broken, and no failure of the registry. */
export function canBeLeft(error: unknown): error is CountersignError {
  return isAboutContent(error) && error.code !== 'LIMIT_EXCEEDED'
}
