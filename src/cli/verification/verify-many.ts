import { CountersignError } from '../../codec/error.ts'
import { CommandFailure } from '../exit-code.ts'
import { inOrder } from '../output/in-order.ts'
import { createProgress } from '../output/progress.ts'
import type { VerificationOutput } from '../output/verification-output.ts'
import type { ImageQueue, Queued } from './image-queue.ts'
import type { Subject } from './subject.ts'
import { Tally } from './tally.ts'
import { type Search, type Verified, verifyImage } from './verify-image.ts'

type Attempt = { readonly subject: Subject } & ({ readonly verified: Verified } | { readonly failure: unknown })

/**
 * Verifies images with at most `--max-workers` under way and writes what comes of each in their order, as it comes: nothing
 * but a line is kept of an image that was dealt with. A failure is that image's alone; when the command is interrupted, its
 * time is up, or it fails itself, every image that is left is listed as not verified.
 *
 * @throws CommandFailure when any was not verified
 */
export async function verifyMany(search: Search, queue: ImageQueue, output: VerificationOutput): Promise<void> {
  const { context, flags } = search
  const tally = new Tally()
  const progress = createProgress(context, { what: 'verifying', ...(queue.size !== undefined && { total: queue.size }) })
  const fail = (subject: Subject, failure: unknown) => {
    if (failure instanceof CommandFailure) context.stderr(`\n${failure.details.explanation ?? ''}`)
    tally.addFailed(subject.typed, failure)
    output.failed(subject, failure)
  }
  const handOn = (attempt: Attempt) => {
    queue.settle()
    if ('failure' in attempt) fail(attempt.subject, attempt.failure)
    else {
      tally.addVerified()
      output.verified(attempt.subject, attempt.verified)
    }
    progress.step(attempt.subject.name)
  }
  let ending: unknown
  try {
    await inOrder(queue.take(), flags.maxWorkers, queued => attempt(search, queued), handOn)
  } catch (cause) {
    ending = cause
    for (const subject of queue.left()) fail(subject, cause)
  }
  progress.end()
  output.end(tally)
  if (tally.failed === 0 && ending === undefined) return
  context.stderr(tally.list())
  throw tally.failure(output.isReport, ending)
}

/** What comes of one image. Only what is not about this image is thrown. */
async function attempt(search: Search, { subject, failure }: Queued): Promise<Attempt> {
  try {
    if (failure !== undefined) throw failure
    return { subject, verified: await verifyImage(search, subject) }
  } catch (failure) {
    search.context.signal.throwIfAborted()
    if (failure instanceof CommandFailure || failure instanceof CountersignError) return { subject, failure }
    throw failure // a defect of ours
  }
}
