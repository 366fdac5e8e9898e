import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import type { WriterWorld } from '../attached/append-to-tag.ts'
import { addToFallbackTag } from '../attached/attach-referrer.ts'
import { isLegacySuffix, parseAttachedTag } from '../attached/attached-tag.ts'
import { listReferrersByApi } from '../attached/referrers.ts'
import { digestOfTag, nameOfTag, readTag } from '../attached/tag.ts'
import { inParallel } from '../in-parallel.ts'
import { kindOf } from '../manifest.ts'
import type { ResolvedImage } from '../registry-client.ts'
import type { SourceTag } from './attachment-finder.ts'
import type { AttachmentKind } from './attachment-kind.ts'
import { type Arrival, createDelivery, type Delivery } from './deliver.ts'
import { deliverTag, lackingBlobs, tagTaken } from './older-tag.ts'
import { attachedRepository, boundPlace, createSlots, type Place } from './place.ts'
import { canBeLeft, type MirrorReport, startTally, type Tally } from './report.ts'
import type { SourceManifest } from './source-manifests.ts'
import { type SourceReferrer, type Survey, type SurveyLevel, surveyImage } from './survey.ts'

export type MirrorOptions = {
  readonly world: WriterWorld
  readonly image: ResolvedImage // at the source
  readonly tag?: string // of the image at the destination; without it, what arrives has its digest alone
  readonly force: boolean // put the tag over another image, an SBOM over another one
  readonly replaceSubjects: boolean // put the index of referrers in place of the image that `cosign copy` left at a fallback tag
  readonly kinds: 'all' | ReadonlySet<AttachmentKind> // what travels with the image
  readonly tagPrefix: string // `--attachment-tag-prefix`
  readonly maxWorkers: number // requests under way at once
  readonly onArrival?: (what: string) => void // told of each manifest that is there
}

/**
 * Copies an image with everything that belongs to it: children of indexes, referrers of each (and theirs), tags of cosign's
 * older layout. Everything keeps its digest and is checked on arrival.
 *
 * The order is such that nothing is ever half there: blobs before the manifest that names them, children before their
 * index, what is attached after its subject (registries that want the subject first get it first), lists of what is
 * attached after all of it, from the innermost out, and the image's own tag last. Whenever it ends early, the tag is as it
 * was; run again, it sends what is missing, and nothing when nothing is.
 *
 * Lists at the destination are merged, never overwritten: fallback indexes and older tags keep what others put there.
 *
 * @throws CountersignError `TAG_TAKEN` before anything is written; `USAGE` for a tag under which what is attached to an image
 *   is looked for; `REFERRERS_TAG_TAKEN`, `IMAGE_NOT_FOUND`,
 *   `BLOB_NOT_FOUND`, `DIGEST_MISMATCH`, `LIMIT_EXCEEDED`, and whatever the registries refuse
 */
export async function mirror(source: Place, destination: Place, options: MirrorOptions, signal: AbortSignal): Promise<MirrorReport> {
  const inSlot = createSlots(options.maxWorkers)
  const [from, to] = [boundPlace(source, inSlot), boundPlace(destination, inSlot)]
  const held = await checkTag(to, options, signal)
  const survey = await surveyImage(from, options.image, options, signal)
  checkPurpose(options, survey)
  const tally = startTally()
  tally.leftBehind.push(...survey.leftBehind)
  const onArrival = options.onArrival ?? (() => {})
  const { maxWorkers } = options
  const delivery = createDelivery({ source: from, destination: to, survey, tally, maxWorkers, onArrival }, signal)
  const job: Job = { destination: to, options, survey, tally, delivery, signal, arrivals: new Map(), absent: new Map() }
  job.arrivals.set(survey.root, await delivery.manifest(survey.root, false))
  for (const level of survey.levels) await deliverLevel(job, level)
  for (const level of survey.levels.toReversed()) await publishLevel(job, level)
  if (options.tag !== undefined) {
    const { bytes, mediaType } = options.image.manifest
    const precondition = held === 'nothing' && !options.force ? 'absent' : undefined // whoever tags another image meanwhile is not overwritten
    if (held !== 'image') {
      await to.client.pushManifest(to.repository, options.tag, bytes, mediaType, signal, precondition)
      await checkArrival(to, options.tag, survey.root, signal)
    }
    tally.tags[held === 'image' ? 'present' : 'sent']++
  }
  return reportOf(job)
}

/** Asks once more: a registry may say 201 and keep nothing. */
async function checkArrival({ client, repository }: Place, tag: string, image: OciDigest, signal: AbortSignal): Promise<void> {
  const held = await digestOfTag(client, repository, tag, signal)
  if (held !== image)
    throw new CountersignError(
      'DIGEST_MISMATCH',
      `${nameOfTag(repository, tag)}: want ${image}, which the registry took, it holds ${held ?? 'nothing'}`,
    )
}

type Job = {
  readonly destination: Place
  readonly options: MirrorOptions
  readonly survey: Survey
  readonly tally: Tally
  readonly delivery: Delivery
  readonly signal: AbortSignal
  readonly arrivals: Map<OciDigest, Arrival> // of the image and of referrers
  readonly absent: Map<SourceTag, ReadonlySet<OciDigest>> // blobs of an older tag that the source lacks
}

/** What the tag holds at the destination, if that may be replaced. */
async function checkTag(
  { client, repository }: Place,
  { tag, image, force }: MirrorOptions,
  signal: AbortSignal,
): Promise<'image' | 'another' | 'nothing'> {
  const held = tag === undefined ? undefined : await digestOfTag(client, repository, tag, signal)
  if (tag === undefined || held === undefined) return 'nothing'
  if (held === image.digest) return 'image'
  if (!force) throw tagTaken(repository, tag)
  return 'another'
}

/** Keeps an image from the tags where its signatures are looked for: put there, it would hide them, whatever brought them there. */
function checkPurpose({ tag, image, tagPrefix }: MirrorOptions, { manifests }: Survey): void {
  const attached = parseAttachedTag(tag ?? '')
  if (!attached) return
  const { prefix, subject, suffix } = attached
  const isListing = prefix === '' && suffix === ''
  const isLegacy = prefix === tagPrefix && isLegacySuffix(suffix)
  if ((isListing && kindOf(image.mediaType) !== 'index') || ((isListing || isLegacy) && manifests.has(subject)))
    throw new CountersignError('USAGE', `destination: want a tag for an image, got ${tag}, the place of what is attached to one`)
}

/** Brings what is attached, under its digest; nothing lists it yet but a registry that does so by itself. */
async function deliverLevel(job: Job, { referrers, tags }: SurveyLevel): Promise<void> {
  const { delivery, arrivals, destination, tally } = job
  const to = attachedRepository(destination)
  await inParallel(referrers, job.options.maxWorkers, async ({ subject, listed }) => {
    try {
      const isNew = arrivals.get(subject)?.wasThere === false
      arrivals.set(listed.digest, await delivery.manifest(listed.digest, isNew))
    } catch (error) {
      if (!canBeLeft(error)) throw error
      tally.leftBehind.push({ what: listed.digest, of: subject, reason: error.message })
    }
  })
  await inParallel(tags, job.options.maxWorkers, async tag => {
    const absent = new Set<OciDigest>()
    const held = await readTag(destination.client, to, tag.tag, job.signal)
    await inParallel(lackingBlobs(tag, held), job.options.maxWorkers, async descriptor => {
      try {
        await delivery.blob(descriptor, tag.repository, to)
      } catch (error) {
        if (!canBeLeft(error)) throw error
        absent.add(descriptor.digest)
        tally.leftBehind.push({ what: descriptor.digest, of: tag.subject, reason: error.message })
      }
    })
    job.absent.set(tag, absent)
  })
}

/** Lists what has arrived: at fallback tags, where the registry does not list it by itself, and at older tags. */
async function publishLevel(job: Job, { referrers, tags }: SurveyLevel): Promise<void> {
  const { maxWorkers } = job.options
  const bySubject = Map.groupBy(
    referrers.filter(({ listed }) => job.arrivals.has(listed.digest)),
    ({ subject }) => subject,
  )
  await inParallel([...bySubject], maxWorkers, ([subject, arrived]) => publishReferrers(job, subject, arrived))
  const byTag = Map.groupBy(tags, ({ tag }) => tag) // the same one may be in two repositories of the source
  await inParallel([...byTag.values()], maxWorkers, async same => {
    for (const tag of same) await publishTag(job, tag)
  })
}

async function publishReferrers(job: Job, subject: OciDigest, referrers: readonly SourceReferrer[]): Promise<void> {
  const { destination, options, tally, signal } = job
  const { client } = destination
  const repository = attachedRepository(destination)
  // asked, not taken from the header OCI-Subject alone, which some registries send without having the API (sigstore-js #1183)
  const listed = await listReferrersByApi(client, repository, subject, signal)
  const known = new Set(listed?.map(({ digest }) => digest))
  const isListed = ({ listed: { digest } }: SourceReferrer) =>
    known.has(digest) || (listed && job.arrivals.get(digest)?.subject === subject)
  const unlisted = referrers.filter(referrer => !isListed(referrer))
  if (unlisted.length === 0) return
  const addition = { subject, referrers: unlisted.map(({ listed }) => listed), replaceSubject: options.replaceSubjects }
  const added = await addToFallbackTag(client, options.world, repository, addition, signal)
  tally.tags[added ? 'sent' : 'present']++
}

async function publishTag(job: Job, source: SourceTag): Promise<void> {
  const { destination, options, tally, signal } = job
  const absent = job.absent.get(source) ?? new Set()
  const delivery = { source, absent, force: options.force }
  const added = await deliverTag(destination.client, options.world, attachedRepository(destination), delivery, signal)
  tally.tags[added ? 'sent' : 'present']++
}

function reportOf({ survey, tally, arrivals }: Job): MirrorReport {
  const attached = { sig: 0, att: 0, sbom: 0, other: 0 }
  const arrived = new Map<OciDigest, SourceReferrer>()
  for (const referrer of survey.levels.flatMap(({ referrers }) => referrers))
    if (arrivals.has(referrer.listed.digest)) arrived.set(referrer.listed.digest, referrer)
  for (const { kind } of arrived.values()) attached[kind]++
  for (const { kind, blobs } of survey.levels.flatMap(({ tags }) => tags)) attached[kind] += Math.max(0, blobs.length - 1) // all but the config
  const isOfImage = ({ level }: SourceManifest) => level === 0
  return {
    ...tally,
    digest: survey.root,
    images: [...survey.manifests.values()].filter(isOfImage).length,
    referrers: arrived.size,
    attached,
  }
}
