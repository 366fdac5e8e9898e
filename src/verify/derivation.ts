import { CountersignError, type ErrorCode } from '../codec/error.ts'
import type { EvidenceFormat } from './evidence.ts'

/** A step of the engine. Order, and what is to come: docs/decisions/0004-steps-of-the-engine.md. */
export type StepName =
  | 'membership'
  | 'decode'
  | 'predicate-type'
  | 'signer'
  | 'signature'
  | 'transparency-log'
  | 'timestamp'
  | 'key-validity'
  | 'time'
  | 'certificate'
  | 'sct'
  | 'identity'
  | 'artifact'
  | 'annotations'
  | GateStep

/** Steps that a policy adds, on what an attestation says: docs/gates.md. */
export const gateSteps = ['age', 'builder', 'source', 'commit', 'severity', 'license', 'component', 'policy'] as const
export type GateStep = (typeof gateSteps)[number]

/** One step taken on one candidate. `skipped` is said, never passed off as done. */
export type Step = {
  readonly name: StepName
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly wanted: string
  readonly found: string
  readonly code?: ErrorCode // of a failed step
}

/** All that happened to one candidate. The last step of a refused one is the one that failed. */
export type CandidateDerivation = {
  readonly source: string
  readonly format: EvidenceFormat
  readonly outcome: 'accepted' | 'refused'
  readonly steps: readonly Step[]
}

/** Why a verdict is what it is: a renderer turns it into text, JSON, an admission message or a page. */
export type Derivation = {
  readonly artifact: string
  readonly outcome: 'accepted' | 'refused'
  readonly candidates: readonly CandidateDerivation[]
  /** Index of the refused candidate that speaks for a refusal: one that a gate refused and with it the artifact; else the one that came furthest. */
  readonly closestMiss: number | undefined
}

/** A refusal with everything that led to it. `code` is the closest miss's, or `SIGNATURES_NOT_FOUND`. */
export class VerificationError extends CountersignError {
  readonly derivation: Derivation
  constructor(code: ErrorCode, message: string, derivation: Derivation, options?: ErrorOptions) {
    super(code, message, options)
    this.derivation = derivation
  }
}

/** What a step gives: a value for the steps after it, and words for the derivation. */
export type Found<T> = { readonly value: T; readonly found: Words }

/** Text of a derivation, or how to make it: of a thousand accepted bundles nobody reads one, and words cost as much as a signature check. */
export type Words = string | (() => string)

/** Records the steps taken on one candidate. Each is taken once; `artifact` a second time where a bundle also declares a digest. */
export class Trail {
  readonly #taken: {
    readonly name: StepName
    readonly outcome: Step['outcome']
    readonly wanted: Words
    readonly found: Words
    readonly code?: ErrorCode
  }[] = []

  /** The steps so far, in words. */
  get steps(): readonly Step[] {
    return this.#taken.map(step => ({ ...step, wanted: textOf(step.wanted), found: textOf(step.found) }))
  }

  /** How many steps passed. */
  get passed(): number {
    return this.#taken.filter(({ outcome }) => outcome === 'passed').length
  }

  /** The step that was taken last. */
  get last(): StepName | undefined {
    return this.#taken.at(-1)?.name
  }

  /** Takes a step: what `run` returns goes on, what it throws ends the candidate. */
  async take<T>(name: StepName, wanted: Words, run: () => Found<T> | Promise<Found<T>>): Promise<T> {
    try {
      const { value, found } = await run()
      this.#taken.push({ name, outcome: 'passed', wanted, found })
      return value
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause // a defect of ours is not a property of the evidence
      this.#taken.push({ name, outcome: 'failed', wanted, found: cause.message, code: cause.code })
      throw cause
    }
  }

  /** Notes a step that the policy leaves out. */
  skip(name: StepName, wanted: Words, why: string): void {
    this.#taken.push({ name, outcome: 'skipped', wanted, found: why })
  }
}

function textOf(words: Words): string {
  return typeof words === 'string' ? words : words()
}
