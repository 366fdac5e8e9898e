import { CountersignError } from '../../codec/error.ts'
import { type Json, parseJson } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import {
  type ComponentVisitor,
  type Predicate,
  type Provenance,
  readPredicateOf,
  type Scan,
  visitComponents,
} from '../../formats/predicates/predicate.ts'
import { readScanReport } from '../../formats/scan-reports/scan-report.ts'
import { predicateLimits, type Statement } from '../../formats/statement.ts'

const unknown = { kind: 'unknown' } as const
const known = new WeakMap<Statement, Predicate | typeof unknown>() // several gates look at one of megabytes

function predicateOf(statement: Statement): Predicate | typeof unknown {
  const before = known.get(statement)
  if (before) return before
  const predicate = readPredicateOf(statement) ?? unknown
  known.set(statement, predicate)
  return predicate
}

/**
 * What an attestation says of a build.
 *
 * @throws CountersignError `PREDICATE_TYPE_MISMATCH` where it is of another type, and what `readPredicate` throws
 */
export function provenanceOf(statement: Statement): Provenance {
  const predicate = predicateOf(statement)
  if (predicate.kind !== 'provenance') throw unreadable(statement, 'SLSA provenance')
  return predicate.provenance
}

/**
 * Hands on each component that an attestation says something is made of, and keeps none.
 *
 * @returns how many there are
 * @throws CountersignError `PREDICATE_TYPE_MISMATCH` where it is of another type, and what `readPredicate` throws
 */
export function forEachComponent(statement: Statement, visit: ComponentVisitor): number {
  const count = visitComponents(statement, visit)
  if (count === undefined) throw unreadable(statement, 'an SBOM')
  return count
}

/**
 * What an attestation says that a scanner found. Reports of scanners are attested as cosign's own type, as custom data (in text, as cosign
 * has it, or not), and as they are under any type that has no reader here.
 *
 * @throws CountersignError `PREDICATE_TYPE_MISMATCH` where it is of a type that is something else; `PREDICATE_MALFORMED` where it is no
 *   report known here; `LIMIT_EXCEEDED`
 */
export function scanOf(statement: Statement): Scan {
  const predicate = predicateOf(statement)
  switch (predicate.kind) {
    case 'scan':
      return predicate.scan
    case 'custom':
      return readScanReport(reportIn(predicate.custom.data))
    case 'unknown':
      return readScanReport(statement.predicate)
    default:
      throw unreadable(statement, 'a scan')
  }
}

function reportIn(data: Json): Json {
  if (typeof data !== 'string') return data
  try {
    return parseJson(encodeUtf8(data), 'scan report: Data', predicateLimits)
  } catch (cause) {
    if (!(cause instanceof CountersignError) || cause.code !== 'JSON_MALFORMED') throw cause
    throw new CountersignError('PREDICATE_MALFORMED', cause.message, { cause })
  }
}

function unreadable({ predicateType }: Statement, wanted: string): CountersignError {
  return new CountersignError('PREDICATE_TYPE_MISMATCH', `the statement is of type ${quote(predicateType)}, which is not ${wanted}`)
}
