import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import { createDescriptor, type Descriptor, type FetchedManifest, kindOf, mediaTypes, parseManifest } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { appendToTag } from './append-to-tag.ts'
import { nameOfTag, readTag, tagInRegistry } from './tag.ts'

/** A manifest that refers to another by its `subject`, with what it needs. Made by `createBundleReferrer` and the like. */
export type Referrer = {
  readonly subject: Pick<Descriptor, 'digest'>
  readonly manifest: Uint8Array
  readonly blobs: readonly Uint8Array[] // config first
}

/**
 * Descriptors of the manifests that refer to a subject: of the referrers API, all pages; of the fallback tag where the
 * registry has no API or its API knows none (registries that gained the API later do not read the old tags). At most 1000.
 *
 * Nothing of a descriptor but its digest can be relied on. On the fallback tag `artifactType` is the media type of the
 * config, because go-containerregistry writes it so; whoever wants bundles must look into each manifest.
 *
 * @throws CountersignError `LIMIT_EXCEEDED`, `MANIFEST_MALFORMED`, `REGISTRY_RESPONSE_MALFORMED` (pages in a circle or elsewhere)
 * @see OCI distribution-spec 1.1 "Listing Referrers", "Referrers Tag Schema"
 */
export async function listReferrers(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const listed = await listReferrersByApi(client, repository, subject, signal)
  if (listed && listed.length > 0) return listed
  return await listReferrersByTag(client, repository, subject, signal)
}

/** What the fallback tag of a subject lists, nothing else: see `listReferrers`. A tag that holds an image lists none. */
export async function listReferrersByTag(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const current = await readTag(client, repository, fallbackTag(subject), signal)
  return current && isReferrersIndex(current, subject) ? distinct(readIndex(current, nameOfTag(repository, fallbackTag(subject)))) : []
}

/**
 * Pushes a referrer: its blobs, then its manifest by digest, then, where the registry does not list it by the referrers
 * API, its descriptor into the index at the fallback tag, beside whatever others have put there.
 *
 * Whether the API lists it is asked, not taken from the header OCI-Subject, which some registries send without having the
 * API (sigstore-js #1183).
 *
 * @throws CountersignError `REFERRERS_TAG_TAKEN` when the fallback tag holds something that is not a referrers index, as
 *   `cosign copy` leaves it: it is not overwritten, the tag may be all that keeps an image; `REFERRERS_CONTENDED`
 */
export async function attachReferrer(
  client: RegistryClient,
  world: Pick<World, 'now' | 'sleep' | 'randomBytes'>,
  repository: Repository,
  referrer: Referrer,
  signal: AbortSignal,
): Promise<Descriptor> {
  const { subject, manifest, blobs } = referrer
  await inParallel(blobs, 4, blob => client.pushBlob(repository, blob, signal, blob.length === 2 ? { mayExist: true } : {})) // `{}` is there from the second time on
  const digest = ociDigestOf(manifest)
  const parsed = parseManifest({ mediaType: '', bytes: manifest }, `manifest ${digest}`)
  if (parsed.kind !== 'image' || parsed.subject?.digest !== subject.digest)
    throw new TypeError('a referrer is an image manifest that names its subject')
  const descriptor = createDescriptor({
    mediaType: parsed.mediaType,
    size: manifest.length,
    digest,
    artifactType: parsed.config.mediaType, // not the bundle's type: go-containerregistry's choice, which cosign's readers know
  })
  const askReferrers = () => client.fetchReferrersPage(repository, subject.digest, undefined, signal)
  const [pushed, hasApi] = await Promise.all([
    withPatience(world, signal, () => client.pushManifest(repository, digest, manifest, parsed.mediaType, signal)),
    askReferrers(), // whether there is an API; what it lists is asked once the manifest is there
  ])
  const isListed = async () => {
    const page = await askReferrers()
    return page !== undefined && readIndex(page.index, 'referrers').some(other => other.digest === digest)
  }
  const listed = hasApi && (pushed.subject === subject.digest || (await isListed()))
  if (!listed) await addToFallbackTag(client, world, repository, { subject: subject.digest, referrers: [descriptor] }, signal)
  return descriptor
}

/** The tag that stands in for the referrers API: `sha256-HEX`. */
export function fallbackTag(subject: OciDigest): string {
  return subject.replace(':', '-')
}

const pausesMs = [50, 100, 200, 400]

/**
 * Repeats what may be repeated when the registry fails in passing: crowds that push the same config blob make
 * docker-registry refuse manifests that name it, for as long as one of them is writing it.
 */
async function withPatience<T>(world: Pick<World, 'sleep'>, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await task()
    } catch (error) {
      if (!(error instanceof CountersignError) || error.code !== 'REGISTRY_UNAVAILABLE') throw error
    }
    await world.sleep(pauseMs, signal)
  }
  return task()
}

/**
 * What the referrers API lists, all pages; nothing where the registry has no API: see `listReferrers`.
 *
 * @param onAssumed - see `fetchReferrersPage`
 */
export async function listReferrersByApi(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
  onAssumed?: () => void,
): Promise<readonly Descriptor[] | undefined> {
  const what = `referrers of ${repositoryName(repository)}@${subject}`
  const found: Descriptor[] = []
  const seen = new Set<string>()
  for (let next: URL | undefined; seen.size < ociLimits.referrerPages; ) {
    const page = await client.fetchReferrersPage(repository, subject, next, signal, onAssumed)
    if (!page) return undefined
    found.push(...readIndex(page.index, what))
    if (found.length > ociLimits.descriptors)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.descriptors}, the registry lists more`)
    if (!page.next) return distinct(found)
    if (seen.has(page.next.href)) throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: its pages go in a circle`)
    seen.add(page.next.href)
    next = page.next
  }
  throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.referrerPages} pages, the registry has more`)
}

/** What is to be listed at a fallback tag. */
export type FallbackAddition = {
  readonly subject: OciDigest
  readonly referrers: readonly Descriptor[]
  /** Where the tag holds the subject itself, as `cosign copy` leaves it: put the index in its place. Only for a subject that something else keeps. */
  readonly replaceSubject?: boolean
}

/**
 * Lists referrers at the fallback tag of their subject, all of them by one write, beside whatever others have put there.
 * Nothing is written when it lists them already.
 *
 * @returns whether anything was written
 * @throws CountersignError `REFERRERS_TAG_TAKEN`, `REFERRERS_CONTENDED`; `LIMIT_EXCEEDED` past 1000 entries
 */
export async function addToFallbackTag(
  client: RegistryClient,
  world: Pick<World, 'now' | 'sleep' | 'randomBytes'>,
  repository: Repository,
  { subject, referrers, replaceSubject }: FallbackAddition,
  signal: AbortSignal,
): Promise<boolean> {
  const tag = fallbackTag(subject)
  const what = nameOfTag(repository, tag)
  const { added } = await appendToTag(
    world,
    {
      ...tagInRegistry(client, repository, tag),
      holds: current => {
        if (!isReferrersIndex(current, subject)) return false
        const listed = new Set(readIndex(current, what).map(({ digest }) => digest))
        return referrers.every(({ digest }) => listed.has(digest))
      },
      merge: async current => {
        const index = current?.digest === subject && replaceSubject ? undefined : current
        if (index && !isReferrersIndex(index, subject))
          throw new CountersignError(
            'REFERRERS_TAG_TAKEN',
            `${what}: want an index of referrers there, it holds ${quote(index.mediaType)} ${index.digest}`,
          )
        return { bytes: extendIndex(index, referrers, what), mediaType: index?.mediaType ?? mediaTypes.ociIndex }
      },
    },
    signal,
  )
  return added
}

/** Whether a tag's content is an index of referrers and not the subject itself, which `cosign copy` puts under that tag. */
export function isReferrersIndex(current: FetchedManifest, subject: OciDigest): boolean {
  return kindOf(current.mediaType) === 'index' && current.digest !== subject
}

/** The entries of an index of referrers. @throws CountersignError `MANIFEST_MALFORMED` where it is none */
export function readIndex(index: FetchedManifest, what: string): readonly Descriptor[] {
  const parsed = parseManifest(index, what)
  if (parsed.kind !== 'index') throw new CountersignError('MANIFEST_MALFORMED', `${what}: want an index, got ${quote(parsed.mediaType)}`)
  return parsed.manifests
}

/** The index with more entries, in order of digests as go-containerregistry has them; every other member as it was. */
function extendIndex(current: FetchedManifest | undefined, added: readonly Descriptor[], what: string): Uint8Array {
  const listed = current ? readIndex(current, what) : []
  const known = new Set(listed.map(({ digest }) => digest))
  const entries = [...listed, ...added.filter(({ digest }) => !known.has(digest))]
  if (entries.length > ociLimits.descriptors)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: it holds ${ociLimits.descriptors} entries, as many as any client reads`)
  entries.sort((a, b) => (a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0))
  const manifests = entries.map(({ raw }) => raw)
  if (!current) return encodeUtf8(serializeGoJson({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }))
  return encodeUtf8(serializeGoJson({ ...parseManifest(current, what).raw, manifests }))
}

function distinct(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(descriptors.map(descriptor => [descriptor.digest, descriptor])).values()]
}
