import { CountersignError } from '../../../codec/error.ts'
import { type JsonObject, readObjectOf } from '../../../codec/json.ts'

/** Reads an object of a request that has no other members than these. One that is null is one that is left out: Go's clients write so. services §0 */
export function readFields(value: unknown, at: string, members: readonly string[]): JsonObject {
  const object = readObjectOf(value, at, members)
  return Object.values(object).includes(null) ? Object.fromEntries(Object.entries(object).filter(([, member]) => member !== null)) : object
}

/** What is wrong with a request, all else being well-formed. */
export function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', problem)
}
