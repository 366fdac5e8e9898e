import { type Json, type JsonObject, readAs, readObject } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { malformed } from '../predicates/fields.ts'
import { readGrypeReport } from './grype.ts'
import { readSarif } from './sarif.ts'
import type { Scan } from './scan.ts'
import { readTrivyReport } from './trivy.ts'

const what = 'scan report'

/**
 * Reads the report of a scanner: Trivy's JSON, Grype's JSON or SARIF 2.1.0, told apart by members that only one of them has. What is
 * none of them, or could be two, is an error and never taken for a report without findings.
 *
 * @throws CountersignError `PREDICATE_MALFORMED` with the place in the document; `LIMIT_EXCEEDED` past 1,000,000 findings
 */
export function readScanReport(report: Json | undefined): Scan {
  return readAs('PREDICATE_MALFORMED', what, () => readScanReportAt(report, what))
}

/** The same inside another document, whose reader names the error. */
export function readScanReportAt(value: unknown, at: string): Scan {
  const report = readObject(value, at)
  const [format, other] = formats.filter(({ marks }) => marks.every(member => Object.hasOwn(report, member)))
  if (format && !other) return format.read(report, at === what ? '' : `${at}.`)
  const members = quote(Object.keys(report).slice(0, 8).join(', '))
  throw malformed(
    `${at}: want a report of Trivy or Grype in JSON, or SARIF, got ${other ? 'what could be two of them' : 'an object'} of ${members}`,
  )
}

const formats: readonly { readonly marks: readonly string[]; readonly read: (report: JsonObject, prefix: string) => Scan }[] = [
  { marks: ['SchemaVersion'], read: readTrivyReport },
  { marks: ['matches'], read: readGrypeReport },
  { marks: ['runs'], read: readSarif },
]
