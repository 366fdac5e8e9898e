import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { withinByteBudget } from '../byte-budget.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import type { Descriptor } from '../manifest.ts'
import { repositoryName } from '../reference.ts'
import type { ResolvedImage } from '../registry-client.ts'
import { createAttachmentFinder, type Leave, type SourceTag, type Subject } from './attachment-finder.ts'
import { type AttachmentKind, kindOfReferrer } from './attachment-kind.ts'
import { readParts } from './parts.ts'
import type { Place } from './place.ts'
import { canBeLeft, type LeftBehind } from './report.ts'
import { checkSize, collectManifests, type SourceManifest } from './source-manifests.ts'

/** A manifest that refers to another. */
export type SourceReferrer = {
  readonly subject: OciDigest
  readonly listed: Descriptor // as the source lists it
  readonly kind: AttachmentKind
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
  const visited = new Set<OciDigest>() // what was looked at for attachments
  const leftBehind: LeftBehind[] = []
  const leave: Leave = (what, of, error) => {
    if (!canBeLeft(error)) throw error
    leftBehind.push({ what, of, reason: error.message })
  }
  const what = `image ${image.digest} and what is attached to it`
  const client = withinByteBudget(source.client, ociLimits.mirrorManifestsTotalBytes, what)
  const { manifests, add } = collectManifests(client, options.maxWorkers, signal)
  const attachedTo = createAttachmentFinder({ ...source, client }, options, leave, signal)
  const levels: SurveyLevel[] = []
  let subjects: readonly Subject[] = await add(image.manifest, repository, 0)
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
        next.push(...(await add(fetched, place, levels.length + 1)))
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
