import { CountersignError, type ErrorCode } from '../../../codec/error.ts'
import { CommandFailure, type CommandFailureDetails } from '../../exit-code.ts'
import { failureDocument } from '../../report-error.ts'

/** An image that was not verified, and why. */
type Failed = { readonly image: string; readonly error: Error; readonly details: CommandFailureDetails }

const mostInJson = 1000 // failures with their derivations; each may be kilobytes

/** Counts what became of several images, and makes one failure of theirs. Of most failures it keeps a line. */
export class Tally {
  #verified = 0
  readonly #lines: string[] = []
  readonly #failures: Failed[] = []
  readonly #codes = new Set<ErrorCode>()
  #noneMatched = true // for every image that failed

  get verified(): number {
    return this.#verified
  }

  get failed(): number {
    return this.#lines.length
  }

  addVerified(): void {
    this.#verified++
  }

  addFailed(image: string, failure: unknown): void {
    const { error, details } = failure instanceof CommandFailure ? failure : { error: asError(failure), details: {} }
    const { code, message } = failureDocument(failure).error
    this.#lines.push(`  ${image}: ${code}: ${message}\n`)
    if (this.#failures.length < mostInJson) this.#failures.push({ image, error, details })
    this.#codes.add(error instanceof CountersignError ? error.code : 'IMAGES_NOT_VERIFIED')
    this.#noneMatched &&= details.noneMatched === true
  }

  /** How many were verified, in words. */
  summary(): string {
    const all = this.failed + this.#verified
    return this.failed === 0 ? `${all} images were verified` : `${this.failed} of ${all} images were not verified`
  }

  /** The images that were not verified, for people: one on each line under a heading. */
  list(): string {
    return `\n${this.summary()}:\n${this.#lines.join('')}`
  }

  /**
   * The failure of the whole. One image's keeps its code, and with it its exit status; several have the code that all of them
   * have, else `IMAGES_NOT_VERIFIED`, and the exit status 12 where each would have it.
   *
   * @param isReported - what was printed says all of it already
   * @param ending - what ended the command before its work was done, if anything: it then speaks for all
   */
  failure(isReported: boolean, ending?: unknown): CommandFailure {
    const [only, ...others] = this.#failures
    const images = this.#failures.map(({ image, error, details }) => ({ image, ...failureDocument(new CommandFailure(error, details)) }))
    const shared = { images, ...(isReported && { isReported: true as const }) }
    if (ending !== undefined) return new CommandFailure(asError(ending), shared)
    if (only && others.length === 0) {
      const { explanation: _, ...details } = only.details // it was printed when its turn came
      return new CommandFailure(only.error, { ...details, ...shared })
    }
    const [code = 'IMAGES_NOT_VERIFIED', ...different] = this.#codes
    const cause = new AggregateError(this.#failures.map(({ error }) => error))
    const error = new CountersignError(different.length > 0 ? 'IMAGES_NOT_VERIFIED' : code, this.summary(), { cause })
    return new CommandFailure(error, { ...shared, ...(this.#noneMatched && { noneMatched: true }) })
  }
}

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error(String(failure))
}
