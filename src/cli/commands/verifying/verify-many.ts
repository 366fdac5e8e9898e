import { CountersignError } from '../../../codec/error.ts'
import { CommandFailure } from '../../exit-code.ts'
import { inOrder } from '../../output/in-order.ts'
import { createProgress } from '../../output/progress.ts'
import type { ImageQueue } from './image-queue.ts'
import type { Named, Queued } from './subject.ts'
import { Tally } from './tally.ts'
import type { VerificationOutput } from './verification-output.ts'
import { type Search, type Verified, verifyImage } from './verify-image.ts'

type Attempt = { readonly image: Named } & ({ readonly verified: Verified } | { readonly failure: unknown })

/**
 * Verifies images with at most `--max-workers` under way and writes what comes of each in their order, as it comes: nothing
 * but a line is kept of an image that was dealt with. A failure is that image's alone; when the command is interrupted, its
 * time is up, or it fails itself, every image that is left is listed as not verified.
 *
 * @throws CommandFailure when any was not verified
 */
export async function verifyMany(search: Search, queue: ImageQueue, output: VerificationOutput, maxWorkers: number): Promise<void> {
  const { context } = search
  const tally = new Tally()
  const progress = createProgress(context, { what: 'verifying', ...(queue.size !== undefined && { total: queue.size }) })
  const fail = (image: Named, failure: unknown) => {
    if (failure instanceof CommandFailure) context.stderr(`\n${failure.details.explanation ?? ''}`)
    tally.addFailed(image.typed, failure)
    output.failed(image, failure)
  }
  const handOn = (attempt: Attempt) => {
    queue.settle()
    if ('failure' in attempt) fail(attempt.image, attempt.failure)
    else {
      tally.addVerified()
      output.verified(attempt.image, attempt.verified)
    }
    progress.step(attempt.image.name)
  }
  let ending: unknown
  try {
    await inOrder(queue.take(), maxWorkers, queued => attempt(search, queued), handOn)
  } catch (cause) {
    ending = cause
    for (const image of queue.left()) fail(image, cause)
  }
  progress.end()
  output.end(tally)
  if (tally.failed === 0 && ending === undefined) return
  context.stderr(tally.list())
  throw tally.failure(output.isReport, ending)
}

/** What comes of one image. Only what is not about this image is thrown. */
async function attempt(search: Search, image: Queued): Promise<Attempt> {
  try {
    if ('failure' in image) throw image.failure
    return { image, verified: await verifyImage(search, image) }
  } catch (failure) {
    search.context.signal.throwIfAborted()
    if (failure instanceof CommandFailure || failure instanceof CountersignError) return { image, failure }
    throw failure // a defect of ours
  }
}
