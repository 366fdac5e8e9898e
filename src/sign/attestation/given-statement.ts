import { CountersignError } from '../../codec/error.ts'
import { decodeHex } from '../../codec/hex.ts'
import { quote } from '../../codec/text.ts'
import { hashLength } from '../../crypto/digest.ts'
import { messageOfDigests } from '../../crypto/message.ts'
import { parseStatement, type Statement } from '../../formats/statement.ts'
import { checkStatementSubjects } from '../../verify/artifact.ts'
import type { Artifact } from '../../verify/policy.ts'
import { refuseSignature } from './attested-statement.ts'
import { predicateLimitBytes } from './predicate-shape.ts'

/**
 * Reads a statement that is to be signed as it is. cosign signs anything; what nobody could verify, or would be taken for a statement about
 * something else, is refused here.
 *
 * @param predicateType - that it must have, where one was asked for
 * @throws CountersignError `STATEMENT_MALFORMED`, also for a `_type` that is not known; `PREDICATE_TYPE_MISMATCH`, also for a signature's; `LIMIT_EXCEEDED`
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
  refuseSignature(statement.predicateType)
  return statement
}

/** Demands that a statement is about an artifact. @throws CountersignError `ARTIFACT_MISMATCH` */
export function checkStatementAbout(statement: Pick<Statement, 'subjects'>, artifact: Artifact): void {
  checkStatementSubjects(statement, artifact, 'statement')
}

/** The same, and that it is about nothing else: whoever signs it says so of all that it names. @throws CountersignError `ARTIFACT_MISMATCH` */
export function checkStatementOnlyAbout({ subjects }: Statement, artifact: Artifact): void {
  for (const subject of subjects) checkStatementAbout({ subjects: [subject] }, artifact)
}

/**
 * The artifact that a statement is about by its own word, where nobody said which: its first subject's digests.
 *
 * @throws CountersignError `STATEMENT_MALFORMED` where these are of no kind that anybody could compare
 */
export function artifactOfStatement({ subjects: [subject] }: Statement): Artifact {
  const digests = (['sha256', 'sha384', 'sha512'] as const).flatMap(hash => {
    const hex = subject?.digest.get(hash)
    if (hex === undefined) return []
    if (!/^[0-9a-f]+$/.test(hex) || hex.length !== 2 * hashLength(hash))
      throw malformed(`subject[0].digest.${hash}: want ${2 * hashLength(hash)} digits of lower-case hexadecimal, got ${quote(hex)}`)
    return [[hash, decodeHex(hex, hash)] as const]
  })
  if (digests.length === 0) throw malformed('subject[0].digest: want a SHA-256, SHA-384 or SHA-512 digest, got none')
  return { kind: 'blob', name: subject?.name ?? 'the subject', message: messageOfDigests(new Map(digests)) }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('STATEMENT_MALFORMED', `statement: ${problem}`)
}
