import { eachPiece } from '../../../codec/byte-source.ts'
import { releaseBytes } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import type { Json } from '../../../codec/json.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import { behindPreAuthPrefix } from '../../../formats/dsse.ts'
import { predicateTypeOf } from '../../../formats/predicate-type.ts'
import { type Statement, statementPayloadType } from '../../../formats/statement.ts'
import type { BlobContent } from '../../../oci/blob-content.ts'
import { type AttestedSubject, isSorted, type SortedJson, statementsOf } from '../../../sign/attestation/attested-statement.ts'
import { checkStatementAbout, readGivenStatement } from '../../../sign/attestation/given-statement.ts'
import { predicateLimitBytes, shapePredicate } from '../../../sign/attestation/predicate-shape.ts'
import type { StatementToSign } from '../../../sign/attestation/sign-attestation.ts'
import type { Artifact } from '../../../verify/policy.ts'
import type { FlagSource } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import { readBlob } from '../../inputs/artifacts.ts'
import { generateProvenance, type ProvenanceFlags } from './generated-provenance.ts'

/** The flags that say what is attested. */
export type ContentFlags = ProvenanceFlags & {
  readonly generate: boolean
  readonly predicate: string
  readonly statement: string
  readonly strict: boolean
  readonly type: string
  readonly rekorEntryType: 'dsse' | 'intoto'
  readonly given: ReadonlyMap<string, FlagSource>
}

/** What is attested, of whatever it may be. */
export type AttestedContent = {
  /** The statement that was given; with it nothing else is made. */
  readonly given: Statement | undefined
  /** Demands of a given statement that it is about an artifact. @throws CountersignError `ARTIFACT_MISMATCH` */
  readonly check: (artifact: Artifact) => void
  /** The statement about one artifact, made anew each time; a given one as it is. @throws as `check` */
  readonly about: (subject: AttestedSubject, artifact: Artifact) => StatementToSign
}

/**
 * Reads what is to be attested: the predicate of `--predicate` or `--generate`, in the shape of its type, or the statement of `--statement`.
 *
 * @throws CountersignError `USAGE` for both, or neither, or a type that is none; as `shapePredicate` and `readGivenStatement`; with
 *   `--strict` as `readPredicate` does, and `USAGE` for a type that has no reader
 */
export async function readAttestedContent(context: CommandContext, flags: ContentFlags): Promise<AttestedContent> {
  checkContentFlags(flags)
  const { predicate: path, statement: statementPath, strict, type, rekorEntryType, given } = flags
  const kind = { entryKind: rekorEntryType }
  if (statementPath !== '') {
    const bytes = behindPreAuthPrefix(statementPayloadType, await readBlob(context, statementPath, predicateLimitBytes))
    context.stderr(`Using statement from: ${nameOf(statementPath)}\n`)
    const statement = readGivenStatement(bytes, given.has('type') ? predicateTypeOf(type) : undefined)
    if (strict) await checkFormat(statement.predicateType, statement.predicate)
    const check = (artifact: Artifact) => checkStatementAbout(statement, artifact)
    const about: AttestedContent['about'] = (_, artifact) => {
      check(artifact)
      return { statement: bytes, predicateType: statement.predicateType, ...kind }
    }
    return { given: statement, check, about }
  }
  predicateTypeOf(type) // before anything is read: a type that is none is told at once
  const bytes = flags.generate ? await generateProvenance(context, flags) : await readPredicateFile(context, path)
  const shaped = shapePredicate(type, bytes, context.world.now())
  releaseBytes(bytes) // of which nothing is looked at again
  if (shaped.leftOut.length > 0) context.warn(`--type ${type} has no place for this, which is left out: ${listed(shaped.leftOut)}`)
  const { predicateType } = shaped
  if (strict) await checkFormat(predicateType, isSorted(shaped.predicate) ? documentOf(shaped.predicate) : shaped.predicate)
  const statementAbout = statementsOf(shaped)
  return { given: undefined, check: () => {}, about: subject => ({ statement: statementAbout(subject), predicateType, ...kind }) }
}

/** @throws CountersignError `USAGE` */
export function checkContentFlags({ predicate, statement, generate, type }: ContentFlags): void {
  if (generate) {
    if (predicate !== '' || statement !== '')
      throw new CountersignError('USAGE', 'want one of --predicate, --statement and --generate, got two')
    if (type !== 'slsaprovenance1')
      throw new CountersignError('USAGE', `--generate makes provenance: want --type slsaprovenance1 beside it, got ${quote(type)}`)
    return
  }
  if (predicate !== '' && statement !== '')
    throw new CountersignError('USAGE', 'want one of --predicate and --statement, got both: a statement has a predicate already')
  if (predicate === '' && statement === '') throw new CountersignError('USAGE', 'one of --predicate or --statement must be set')
}

/** Prints what was made, and a line end after it. */
export async function printContent(context: CommandContext, content: BlobContent): Promise<void> {
  if (content instanceof Uint8Array) context.stdout(content)
  else await eachPiece(content.open(), context.stdout)
  context.stdout('\n')
}

function documentOf({ sorted }: SortedJson): Json {
  return JSON.parse(decodeUtf8(sorted, 'predicate')) as Json
}

/** What nobody can read here is not passed off as having been looked at. */
async function checkFormat(predicateType: string, predicate: Json | undefined): Promise<void> {
  const { readPredicate } = await import('../../../formats/predicates/predicate.ts') // a dozen formats, for those who ask
  if (!readPredicate(predicateType, predicate))
    throw new CountersignError('USAGE', `--strict: no format is known here for predicates of type ${quote(predicateType)}`)
}

async function readPredicateFile(context: CommandContext, path: string): Promise<Uint8Array> {
  const bytes = await readBlob(context, path, predicateLimitBytes)
  context.stderr(`Using payload from: ${nameOf(path)}\n`)
  return bytes
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path
}

const listedAtMost = 10

function listed(places: readonly string[]): string {
  const shown = places.slice(0, listedAtMost).map(quote).join(', ')
  return places.length > listedAtMost ? `${shown} and ${places.length - listedAtMost} more` : shown
}
