import { CountersignError, type ErrorKind } from '../codec/error.ts'
import { systemErrorCode } from '../codec/system-error.ts'
import { advice, adviceOnSignatures } from './advice.ts'
import { CommandFailure, type CommandFailureDetails, Interrupted } from './exit-code.ts'
import { spellControls } from './output/json-document.ts'

/** A failure as `--output json` prints it, on one line. The shape is stable: members are added, never renamed. */
export type FailureDocument = {
  readonly error: {
    /** A code of `errorKinds`, or `INTERNAL` or `INTERRUPTED`. */
    readonly code: string
    readonly kind: ErrorKind | 'internal' | 'interrupted'
    readonly message: string
    /** The verdict's derivation, for commands that verify. */
    readonly derivation?: unknown
    /** Those of several images that failed, each with its own `error`; the first 1000. */
    readonly images?: readonly unknown[]
  }
}

/** A failure as a document; anything that is no error of ours is a defect, kind `internal`. */
export function failureDocument(failure: unknown): FailureDocument {
  const error = failure instanceof CommandFailure ? failure.error : failure
  const message = messageOf(error)
  const { derivation, images }: CommandFailureDetails = failure instanceof CommandFailure ? failure.details : {}
  const more = { ...(derivation !== undefined && { derivation }), ...(images && { images }) }
  if (error instanceof Interrupted) return { error: { code: 'INTERRUPTED', kind: 'interrupted', message, ...more } }
  if (!(error instanceof CountersignError)) return { error: { code: 'INTERNAL', kind: 'internal', message, ...more } }
  return { error: { code: error.code, kind: error.kind, message, ...more } }
}

/** The document as one line of JSON that is safe to show. */
export function failureLine(failure: unknown): string {
  return `${spellControls(JSON.stringify(failureDocument(failure)))}\n`
}

/**
 * What standard error says of a failure: the explanation, what caused it when that says more, what to do about it, and last
 * the two lines that cosign ends with.
 */
export function failureText(failure: unknown, verbose: boolean): string {
  const explanation = failure instanceof CommandFailure ? (failure.details.explanation ?? '') : ''
  const error = failure instanceof CommandFailure ? failure.error : failure
  const message = messageOf(error)
  const isExpected = error instanceof CountersignError || error instanceof Interrupted
  const isOnSignatures = failure instanceof CommandFailure && failure.details.derivation !== undefined
  const advised = isOnSignatures ? { ...advice, ...adviceOnSignatures } : advice
  const tip = error instanceof CountersignError ? advised[error.code] : undefined
  const causes = verbose || (error instanceof CountersignError && error.kind === 'unavailable') ? causesOf(error) : []
  return [
    ...(explanation === '' ? [] : [explanation.replace(/\n$/, '')]),
    ...causes.map(cause => `  because: ${cause}`),
    ...(verbose && error instanceof Error && error.stack !== undefined ? [error.stack] : []),
    ...(tip === undefined ? [] : [`Try: ${tip}`]),
    ...(isExpected ? [] : ['This is a defect of countersign, not of your input; --verbose shows where it happened.']),
    `Error: ${message}`,
    `error during command execution: ${message}`,
    '',
  ].join('\n')
}

const mostCauses = 10

/** Messages of the causes behind an error, outermost first, without those that an outer message already holds. */
function causesOf(error: unknown): readonly string[] {
  const messages: string[] = []
  const open = [error]
  const seen = new Set<unknown>()
  while (open.length > 0 && messages.length < mostCauses) {
    const next = open.shift()
    if (!(next instanceof Error) || seen.has(next)) continue
    seen.add(next)
    const message = causeOf(next)
    if (next !== error && next.message !== '' && ![messageOf(error), ...messages].some(said => said.includes(message)))
      messages.push(message)
    if (next instanceof AggregateError) open.push(...next.errors)
    open.push(next.cause)
  }
  return messages
}

/** A system's error is told by its code: the words of a runtime can hold URLs, and with them secrets. */
function causeOf(error: Error): string {
  return error instanceof CountersignError ? messageOf(error) : systemErrorCode(error) || messageOf(error)
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' ? error.name : error.message
}
