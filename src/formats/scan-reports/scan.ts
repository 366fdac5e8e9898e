/** How bad a finding is, from the least to the worst; `unknown` is none of them, and may be the worst. */
export type Severity = 'unknown' | 'negligible' | 'low' | 'medium' | 'high' | 'critical'

/** One thing that a scanner found. */
export type Finding = {
  readonly id: string // `CVE-2024-3094`, or the name of a rule
  readonly severity: Severity
  readonly component?: string | undefined // name and version, as the scanner writes them
}

/** What a scanner says of an artifact: as it was that day, by its database of that day. */
export type Scan = {
  readonly scanner: string // name and version, as far as the report tells
  readonly findings: readonly Finding[]
  readonly finishedOn?: Date | undefined
}

/** Findings of one report, at most. */
export const maxFindings = 1_000_000
