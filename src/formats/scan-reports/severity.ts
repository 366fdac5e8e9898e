import type { Severity } from './scan.ts'

/** Words of Trivy and Grype, in any case. */
const severities: ReadonlyMap<string, Severity> = new Map([
  ['negligible', 'negligible'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['critical', 'critical'],
])

/** The severity that a scanner's word names: `unknown` for every word that is not in the table, `Unknown` itself among them. */
export function severityOfWord(word: string): Severity {
  return severities.get(word.toLowerCase()) ?? 'unknown'
}

/**
 * The severity of a score from 0 to 10, as CVSS rates them. 0 is `unknown`: CVSS calls it "none", but scanners write it where they
 * have no rating at all (Trivy for `UNKNOWN`, Grype for `Unknown` and `Negligible` alike).
 *
 * @see CVSS 3.1 §5, "Qualitative Severity Rating Scale"; GitHub, "SARIF support for code scanning", security-severity
 */
export function severityOfScore(score: number): Severity {
  if (!(score > 0 && score <= 10)) return 'unknown'
  if (score >= 9) return 'critical'
  if (score >= 7) return 'high'
  return score >= 4 ? 'medium' : 'low'
}
