import { type JsonObject, readArray, readObject, readString } from '../../codec/json.ts'
import { readMoment, readOptional, readText, readWord } from '../predicates/fields.ts'
import { type Finding, maxFindings, type Scan } from './scan.ts'
import { severityOfWord } from './severity.ts'

/**
 * Reads Grype's JSON: its matches. Those that its user had it ignore stand elsewhere (`ignoredMatches`) and are not among them.
 *
 * @param prefix - path of the report in the document, with its dot
 * @see grype, grype/presenter/models/document.go
 */
export function readGrypeReport(report: JsonObject, prefix: string): Scan {
  const descriptor = readObject(report['descriptor'], `${prefix}descriptor`)
  readWord(descriptor['name'], `${prefix}descriptor.name`, ['grype'])
  const version = readOptional(descriptor['version'], `${prefix}descriptor.version`, readString)
  return {
    scanner: `Grype${version ? ` ${version}` : ''}`,
    findings: readArray(report['matches'], `${prefix}matches`, maxFindings, readMatch),
    finishedOn: readOptional(descriptor['timestamp'], `${prefix}descriptor.timestamp`, readMoment),
  }
}

function readMatch(value: unknown, at: string): Finding {
  const match = readObject(value, at)
  const vulnerability = readObject(match['vulnerability'], `${at}.vulnerability`)
  const artifact = readObject(match['artifact'], `${at}.artifact`)
  const name = readString(artifact['name'], `${at}.artifact.name`)
  const version = readOptional(artifact['version'], `${at}.artifact.version`, readString)
  return {
    id: readText(vulnerability['id'], `${at}.vulnerability.id`),
    severity: severityOfWord(readOptional(vulnerability['severity'], `${at}.vulnerability.severity`, readString) ?? ''),
    component: version ? `${name} ${version}` : name,
  }
}
