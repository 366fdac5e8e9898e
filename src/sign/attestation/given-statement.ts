import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { parseStatement, type Statement } from '../../formats/statement.ts'
import { checkStatementSubjects } from '../../verify/artifact.ts'
import type { Artifact } from '../../verify/policy.ts'
import { predicateLimitBytes } from './predicate-shape.ts'

/**
 * Reads a statement that is to be signed as it is. cosign signs anything; what nobody could verify, or would be taken for a statement about
 * something else, is refused here.
 *
 * @param predicateType - that it must have, where one was asked for
 * @throws CountersignError `STATEMENT_MALFORMED`, also for a `_type` that is not known; `PREDICATE_TYPE_MISMATCH`; `LIMIT_EXCEEDED`
 */
export function readGivenStatement(bytes: Uint8Array, predicateType: string | undefined): Statement {
  if (bytes.length > predicateLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `statement: want at most ${predicateLimitBytes} bytes, got ${bytes.length}`)
  const statement = parseStatement(bytes)
  if (predicateType !== undefined && statement.predicateType !== predicateType)
    throw new CountersignError(
      'PREDICATE_TYPE_MISMATCH',
      `statement: want one of type ${quote(predicateType)}, got ${quote(statement.predicateType)}`,
    )
  return statement
}

/** Demands that a statement is about an artifact. @throws CountersignError `ARTIFACT_MISMATCH` */
export function checkStatementAbout(statement: Statement, artifact: Artifact): void {
  try {
    checkStatementSubjects(statement, artifact)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError(cause.code, cause.message.replace('the signature is about', 'the statement is about'), { cause })
  }
}
