import { CountersignError } from '../codec/error.ts'

/** A key that breaks its format. `what` begins the message; `problem` holds nothing of a private key. */
export function keyMalformed(what: string, problem: string): CountersignError {
  return new CountersignError('KEY_MALFORMED', `${what}: ${problem}`)
}

/** A sound key of a kind or strength that is refused. `what` begins the message. */
export function keyUnsupported(what: string, problem: string): CountersignError {
  return new CountersignError('KEY_UNSUPPORTED', `${what}: ${problem}`)
}
