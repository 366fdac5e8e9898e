import { CountersignError, type ErrorKind } from '../codec/error.ts'

/**
 * Exit statuses: 0 good; 1 usage, internal, or any failure of a command that cosign has; 3 malformed, 4 untrusted,
 * 5 denied, 6 unavailable (commands of our own); 10, 11, 12 as cosign's `verify`; 130 interrupted.
 */
export type ExitCode = 0 | 1 | 3 | 4 | 5 | 6 | 10 | 11 | 12 | 130

/** How a command's failures become exit statuses. `cosign verify` is for image verification alone. */
export type ExitRule = 'cosign' | 'cosign verify' | 'own'

/** A failure together with what only the command knows about it. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly error: Error // a CountersignError, or Interrupted
  readonly details: CommandFailureDetails
  constructor(error: Error, details: CommandFailureDetails) {
    super(error.message, { cause: error })
    this.error = error
    this.details = details
  }
}

export type CommandFailureDetails = {
  /** Legacy signatures are there and none of them verifies: cosign's exit status 12. In bundle mode cosign exits 1. */
  readonly noneMatched?: true
  /** The verdict's derivation as a JSON value: becomes `error.derivation` of the JSON output. */
  readonly derivation?: unknown
  /** The derivation as text; goes to standard error ahead of the error lines. */
  readonly explanation?: string
  /** What failed of several images: becomes `error.images` of the JSON output. */
  readonly images?: readonly unknown[]
  /** Standard output holds a report that says all of it: no JSON document follows. */
  readonly isReported?: true
}

/** The user pressed Ctrl-C or the process was asked to stop. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  constructor() {
    super('interrupted')
  }
}

/** The exit status of a failed command. */
export function exitCode(failure: unknown, rule: ExitRule): ExitCode {
  const details = failure instanceof CommandFailure ? failure.details : {}
  const error = failure instanceof CommandFailure ? failure.error : failure
  if (error instanceof Interrupted) return 130
  switch (rule) {
    case 'cosign':
      return 1
    case 'cosign verify':
      if (details.noneMatched) return 12
      if (!(error instanceof CountersignError)) return 1
      if (error.code === 'SIGNATURES_NOT_FOUND') return 10
      return error.code === 'IMAGE_NOT_FOUND' ? 11 : 1
    case 'own':
      return error instanceof CountersignError ? exitCodeOfKind(error.kind) : 1
    default:
      throw new TypeError(`unhandled exit rule ${rule satisfies never}`)
  }
}

function exitCodeOfKind(kind: ErrorKind): ExitCode {
  switch (kind) {
    case 'usage':
      return 1
    case 'malformed':
      return 3
    case 'untrusted':
      return 4
    case 'denied':
      return 5
    case 'unavailable':
      return 6
    default:
      throw new TypeError(`unhandled error kind ${kind satisfies never}`)
  }
}
