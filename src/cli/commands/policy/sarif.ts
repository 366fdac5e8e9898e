import type { TextSpot } from '../../../formats/kubernetes-manifest/placed-documents.ts'
import { versionFacts } from '../version.ts'

/** Something that is said of a place in a file, or of what stands in none. */
export type SarifResult = {
  readonly rule: string
  readonly level: 'error' | 'warning' | 'note'
  readonly message: string
  readonly file?: string
  readonly spot?: TextSpot
  readonly logical?: string // what it is about, where that is in no file: the name of an image
}

/** A log of one run, as JSON that code scanning services take. Rules are those of the results, by name. Source: SARIF 2.1.0 §3. */
export function sarifLog(results: readonly SarifResult[]) {
  const rules = [...new Set(results.map(({ rule }) => rule))].toSorted()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'countersign',
            version: versionFacts().gitVersion,
            rules: rules.map(id => ({ id, shortDescription: { text: id.toLowerCase().replaceAll('_', ' ') } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: results.map(result => ({
          ruleId: result.rule,
          ruleIndex: rules.indexOf(result.rule),
          level: result.level,
          message: { text: result.message },
          locations: [locationOf(result)],
        })),
      },
    ],
  }
}

function locationOf({ file, spot, logical }: SarifResult) {
  return {
    ...(file !== undefined && {
      physicalLocation: {
        artifactLocation: { uri: uriOf(file) },
        ...(spot && { region: { startLine: spot.line, startColumn: spot.column } }),
      },
    }),
    ...(logical !== undefined && { logicalLocations: [{ fullyQualifiedName: logical }] }),
  }
}

/** Relative paths are relative references, of which none may look like one with a scheme. RFC 3986 §4.2 */
function uriOf(file: string): string {
  const path = file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
  return path.startsWith('/') ? `file://${path}` : path
}
