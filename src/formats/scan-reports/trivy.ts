import { type JsonObject, readArray, readObject, readSafeInteger, readString } from '../../codec/json.ts'
import { malformed, readMoment, readOptional, readText } from '../predicates/fields.ts'
import { type Finding, maxFindings, type Scan } from './scan.ts'
import { severityOfWord } from './severity.ts'

/** How each kind of finding names itself. */
const kinds: readonly { readonly member: string; readonly id: string; readonly name: string; readonly version?: string }[] = [
  { member: 'Vulnerabilities', id: 'VulnerabilityID', name: 'PkgName', version: 'InstalledVersion' },
  { member: 'Misconfigurations', id: 'ID', name: 'Type' },
  { member: 'Secrets', id: 'RuleID', name: 'Category' },
  { member: 'Licenses', id: 'Name', name: 'PkgName' },
]
const maxResults = 100_000

/**
 * Reads Trivy's JSON of schema version 2. Findings are what Trivy itself counts for `--severity` and `--exit-code`: vulnerabilities,
 * failed checks of configuration, secrets and licenses. Those that its user had it pass over (`ExperimentalModifiedFindings`) are not
 * among them, nor are checks that passed.
 *
 * @param prefix - path of the report in the document, with its dot
 * @see trivy, pkg/types/report.go
 */
export function readTrivyReport(report: JsonObject, prefix: string): Scan {
  const schema = readSafeInteger(report['SchemaVersion'], `${prefix}SchemaVersion`)
  if (schema !== 2) throw malformed(`${prefix}SchemaVersion: want 2, got ${schema}`)
  readText(report['ArtifactName'], `${prefix}ArtifactName`)
  const about = readOptional(report['Trivy'], `${prefix}Trivy`, readObject)
  const version = about && readOptional(about['Version'], `${prefix}Trivy.Version`, readString)
  const findings: Finding[] = []
  readOptional(report['Results'], `${prefix}Results`, (value, at) =>
    readArray(value, at, maxResults, (item, path) => {
      const result = readObject(item, path)
      const target = readString(result['Target'], `${path}.Target`)
      for (const kind of kinds)
        readOptional(result[kind.member], `${path}.${kind.member}`, (list, place) =>
          readArray(list, place, maxFindings - findings.length, (finding, where) =>
            readFinding(readObject(finding, where), where, kind, target, findings),
          ),
        )
    }),
  )
  return {
    scanner: `Trivy${version ? ` ${version}` : ''}`,
    findings,
    finishedOn: readOptional(report['CreatedAt'], `${prefix}CreatedAt`, readMoment),
  }
}

function readFinding(finding: JsonObject, at: string, kind: (typeof kinds)[number], target: string, into: Finding[]): void {
  if (kind.member === 'Misconfigurations' && finding['Status'] === 'PASS') return
  const name = readOptional(finding[kind.name], `${at}.${kind.name}`, readString)
  const version = kind.version && readOptional(finding[kind.version], `${at}.${kind.version}`, readString)
  into.push({
    id: readText(finding[kind.id], `${at}.${kind.id}`),
    severity: severityOfWord(readString(finding['Severity'], `${at}.Severity`)),
    component:
      kind.member === 'Vulnerabilities' || kind.member === 'Licenses' ? [name, version].filter(Boolean).join(' ') || target : target,
  })
}
