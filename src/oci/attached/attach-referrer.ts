import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { type BlobContent, describeBlob } from '../blob-content.ts'
import { inParallel } from '../in-parallel.ts'
import { createDescriptor, type Descriptor, mediaTypes, parseManifest } from '../manifest.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { appendToTag, type WriterWorld } from './append-to-tag.ts'
import { fallbackTag } from './attached-tag.ts'
import { isReferrersIndex, readIndex, withReferrers } from './referrers-index.ts'
import { nameOfTag, tagInRegistry } from './tag.ts'

/** A manifest that refers to another by its `subject`, with what it needs. Made by `createBundleReferrer` and the like. */
export type Referrer = {
  readonly subject: Pick<Descriptor, 'digest'>
  readonly manifest: Uint8Array
  readonly blobs: readonly BlobContent[] // config first
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
  world: WriterWorld,
  repository: Repository,
  referrer: Referrer,
  signal: AbortSignal,
): Promise<Descriptor> {
  const { subject, manifest, blobs } = referrer
  await inParallel(blobs, 4, blob => client.pushBlob(repository, blob, signal, describeBlob(blob).size === 2 ? { mayExist: true } : {})) // `{}` is there from the second time on
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
  world: WriterWorld,
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
        return { bytes: withReferrers(index, referrers, what), mediaType: index?.mediaType ?? mediaTypes.ociIndex }
      },
    },
    signal,
  )
  return added
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
