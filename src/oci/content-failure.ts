import { CountersignError } from '../codec/error.ts'

/**
 * Whether an error says that one object is missing, broken or not what it is taken for: whoever looks through many can go on
 * without it. A registry that cannot or will not answer is everybody's problem, and no such error.
 */
export function isAboutContent(error: unknown): error is CountersignError {
  if (!(error instanceof CountersignError)) return false
  return error.kind === 'malformed' || error.kind === 'untrusted' || error.code === 'IMAGE_NOT_FOUND' || error.code === 'BLOB_NOT_FOUND'
}
