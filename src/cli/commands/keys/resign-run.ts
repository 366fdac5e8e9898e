import { CountersignError } from '../../../codec/error.ts'
import { inParallel } from '../../../oci/in-parallel.ts'
import { repositoryName } from '../../../oci/reference.ts'
import { findMissing, type Missing, type Resigning, type Signatures } from '../../../sign/resign/find-missing.ts'
import type { FoundImage, Place } from '../../../sign/resign/list-images.ts'
import { type Resigner, signMissing } from '../../../sign/resign/sign-missing.ts'
import type { CommandContext } from '../../context.ts'
import { CommandFailure, type ExitCode } from '../../exit-code.ts'
import { createProgress } from '../../output/progress.ts'
import { type Outcome, outcomeLine, type PlannedSignature, reportJson, reportText } from './resign-report.ts'

type Planned = Exclude<Outcome, { readonly status: 'already' | 'left alone' | 'failed' }>

type RunOptions = { readonly workers: number; readonly isJson: boolean; readonly isDry: boolean }

/** One run of `resign`: what is known of every image, from when it was found until it was dealt with. */
export class ResignRun {
  readonly #context: CommandContext
  readonly #resigner: Resigner
  readonly #resigning: Resigning
  readonly #options: RunOptions
  readonly #outcomes = new Map<FoundImage, Outcome>()

  constructor(context: CommandContext, resigner: Resigner, resigning: Resigning, options: RunOptions) {
    this.#context = context
    this.#resigner = resigner
    this.#resigning = resigning
    this.#options = options
  }

  /** How many signatures are to be made. */
  get planned(): number {
    return this.#toSign().reduce((sum, [, { signatures }]) => sum + signatures.length, 0)
  }

  /** Of how many images. */
  get images(): number {
    return this.#toSign().length
  }

  /** Finds the images of all places, and what each has been signed with. What goes wrong with one image is that image's. */
  async lookAt(list: (place: Place) => Promise<readonly FoundImage[]>, places: readonly Place[]): Promise<void> {
    const found = new Map<string, FoundImage>()
    for (const place of places) for (const image of await list(place)) found.set(nameOf(image), image)
    const images = [...found.values()]
    const looked = await this.#each('looking at', images, async image => this.#planOf(await this.#find(image)))
    for (const [index, image] of images.entries()) this.#outcomes.set(image, looked[index]!)
  }

  /** Shows what will be signed: on standard output where that is all that is asked for. */
  showPlan(): void {
    const { isDry, isJson } = this.#options
    if (isDry) return // the report is the plan
    const plan = this.#toSign()
    const write = isJson ? () => {} : this.#context.stderr
    write(plan.length === 0 ? 'Nothing to sign\n' : `To be signed (${plan.length}):\n`)
    for (const [image, outcome] of plan) write(`  ${outcomeLine(image, outcome)}\n`)
  }

  /** Signs what was planned. Each image is looked at again first: somebody else may have signed it meanwhile. */
  async sign(): Promise<void> {
    const images = this.#toSign().map(([image]) => image)
    const done = await this.#each('signing', images, async image => {
      const { missing } = await this.#find(image)
      const made: PlannedSignature[] = []
      try {
        for (const one of missing) {
          await signMissing(this.#resigner, this.#resigning, image, one, this.#context.signal)
          made.push(plannedOf(one))
        }
      } catch (error) {
        this.#context.signal.throwIfAborted()
        if (!(error instanceof CountersignError)) throw error
        return { status: 'failed', signatures: made, error }
      }
      return made.length === 0 ? { status: 'already' } : { status: 'signed', signatures: made }
    })
    for (const [index, image] of images.entries()) this.#outcomes.set(image, done[index]!)
  }

  /**
   * Reports what became of every image.
   *
   * @throws CommandFailure when any failed
   */
  end(): ExitCode {
    const outcomes = [...this.#outcomes]
    this.#context.stdout(this.#options.isJson ? reportJson(outcomes, this.#options.isDry) : reportText(outcomes))
    const errors = outcomes.flatMap(([, outcome]) => (outcome.status === 'failed' ? [outcome.error] : []))
    const [first, ...others] = errors
    if (!first) return 0
    const isAlike = others.every(({ code }) => code === first.code)
    const failure =
      others.length === 0
        ? first
        : new CountersignError(
            isAlike ? first.code : 'IMAGES_NOT_SIGNED',
            `${errors.length} of ${outcomes.length} images were not signed`,
            {
              cause: new AggregateError(errors),
            },
          )
    throw new CommandFailure(failure, this.#options.isJson ? { isReported: true } : {})
  }

  #find(image: FoundImage): Promise<Signatures> {
    return findMissing(this.#resigner.client, this.#resigning, image, this.#context.signal)
  }

  #planOf({ missing, already, reason }: Signatures): Outcome {
    if (missing.length > 0) return { status: 'planned', signatures: missing.map(plannedOf) }
    return already > 0 ? { status: 'already' } : { status: 'left alone', reason: reason ?? '' }
  }

  /** Deals with images side by side. Whoever interrupts is told how far it came. */
  async #each(what: string, images: readonly FoundImage[], task: (image: FoundImage) => Promise<Outcome>): Promise<readonly Outcome[]> {
    const { signal } = this.#context
    const progress = createProgress(this.#context, { what, total: images.length })
    let done = 0
    try {
      return await inParallel(images, this.#options.workers, async image => {
        const outcome = await attempt(task, image, signal)
        progress.step(nameOf(image))
        done++
        return outcome
      })
    } catch (error) {
      if (signal.aborted)
        this.#context.stderr(`Ended early, ${what} ${done} of ${images.length} images done; what was signed stays: run it again to go on\n`)
      throw error
    } finally {
      progress.end()
    }
  }

  #toSign(): readonly (readonly [FoundImage, Planned])[] {
    return [...this.#outcomes].flatMap(([image, outcome]) => (outcome.status === 'planned' ? [[image, outcome] as const] : []))
  }
}

/** What comes of one image. Only what is not about this image is thrown. */
async function attempt(task: (image: FoundImage) => Promise<Outcome>, image: FoundImage, signal: AbortSignal): Promise<Outcome> {
  try {
    return await task(image)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof CountersignError) return { status: 'failed', signatures: [], error }
    throw error // a defect of ours
  }
}

function plannedOf({ layout, predicateType }: Missing): PlannedSignature {
  return { layout, predicateType }
}

function nameOf({ repository, descriptor }: FoundImage): string {
  return `${repositoryName(repository)}@${descriptor.digest}`
}
