import { CountersignError } from '../../../codec/error.ts'
import { type MirrorOptions, mirror } from '../../../oci/mirror/mirror.ts'
import type { Place } from '../../../oci/mirror/place.ts'
import type { ImageReference } from '../../../oci/reference.ts'
import type { ResolvedImage } from '../../../oci/registry-client.ts'
import type { CommandContext } from '../../context.ts'
import { signatureRepository } from '../../inputs/image-options.ts'
import type { Target } from '../../inputs/targets.ts'
import { writeMirrorReport } from '../../output/mirror-report.ts'
import { createProgress } from '../../output/progress.ts'
import { variable } from '../../parsing/environment.ts'

/** One image on its way from one place to another. */
export type Move = {
  readonly verb: string // `copying`
  readonly source: Target
  readonly destination: Target
  /** At which end `COSIGN_REPOSITORY`, where it is set, holds what is attached; the other end has it beside the image. */
  readonly repositoryOf: 'source' | 'destination'
  readonly options: Omit<MirrorOptions, 'world' | 'tagPrefix' | 'maxWorkers' | 'onArrival'>
}

type MoveFlags = { readonly attachmentTagPrefix: string; readonly maxWorkers: number; readonly output: 'text' | 'json' }

/**
 * Mirrors an image, with progress on a terminal, and reports what came along.
 *
 * @throws CountersignError `USAGE` without workers; as `mirror`
 */
export async function moveImage(context: CommandContext, move: Move, flags: MoveFlags): Promise<void> {
  const { source, destination, repositoryOf } = move
  const { attachmentTagPrefix: tagPrefix, maxWorkers } = flags
  if (maxWorkers < 1) throw new CountersignError('USAGE', `--max-workers: want at least 1, got ${maxWorkers}`)
  const progress = createProgress(context, { what: move.verb })
  const from = placeOf(context, source, repositoryOf === 'source')
  const to = placeOf(context, destination, repositoryOf === 'destination')
  const options = { ...move.options, world: context.world, tagPrefix, maxWorkers, onArrival: progress.step }
  try {
    const report = await mirror(from, to, options, context.signal)
    progress.end()
    writeMirrorReport(context, { source: source.name, destination: destination.name, report }, flags.output)
  } finally {
    progress.end()
  }
}

/**
 * The tag that a copy is to have; none where it is named by its digest.
 *
 * @throws CountersignError `USAGE` when that is the digest of something else
 */
export function tagOf(reference: ImageReference, image: ResolvedImage): { readonly tag?: string } {
  if (reference.digest === undefined) return { tag: reference.tag ?? 'latest' }
  if (reference.digest !== image.digest)
    throw new CountersignError('USAGE', `destination: want the digest of what is copied, ${image.digest}, got ${reference.digest}`)
  return {}
}

function placeOf(context: CommandContext, { client, reference, isLocal }: Target, honoursRepository: boolean): Place {
  const place = { client, repository: { registry: reference.registry, repository: reference.repository } }
  const isElsewhere = honoursRepository && !isLocal && variable(context.environment, 'REPOSITORY')
  return isElsewhere ? { ...place, attached: signatureRepository(context, reference) } : place
}
