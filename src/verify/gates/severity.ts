import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Finding, Severity } from '../../formats/predicates/predicate.ts'
import { scanOf } from './attested-predicate.ts'
import type { Gate } from './gate.ts'
import { listed } from './listed.ts'

/** How bad what a scan found may be, from nothing at all to anything that is rated. */
export const severityLimits = ['none', 'negligible', 'low', 'medium', 'high', 'critical'] as const

export type SeverityLimit = (typeof severityLimits)[number]

/**
 * Step `severity`: a scan found nothing worse than this. A finding that nobody has rated may be the worst there is, and is refused unless
 * the caller says that it may pass.
 *
 * `check` throws CountersignError `SEVERITY_EXCEEDED`, `SEVERITY_UNKNOWN`, and what reading the report throws.
 */
export function severityGate(limit: SeverityLimit, options: { readonly allowsUnknown: boolean }): Gate {
  return {
    step: 'severity',
    wanted: `${limit === 'none' ? 'no findings' : `nothing worse than ${limit}`}${options.allowsUnknown ? ', unless nobody rated it' : ''}`,
    check: ({ statement }) => {
      const { scanner, findings } = scanOf(statement)
      const worse = findings.filter(({ severity }) => rankOf(severity) > severityLimits.indexOf(limit))
      const by = quote(scanner)
      if (worse.length > 0) {
        const worstFirst = worse.toSorted((one, other) => rankOf(other.severity) - rankOf(one.severity))
        throw new CountersignError(
          'SEVERITY_EXCEEDED',
          `${worse.length} of ${findings.length} findings by ${by} are worse than ${limit}: ${listed(worstFirst, describe)}`,
        )
      }
      const unrated = findings.filter(({ severity }) => severity === 'unknown')
      if (unrated.length > 0 && !options.allowsUnknown)
        throw new CountersignError(
          'SEVERITY_UNKNOWN',
          `${unrated.length} of ${findings.length} findings by ${by} are rated by nobody: ${listed(unrated, describe)}`,
        )
      return `${findings.length} findings by ${by}${unrated.length > 0 ? `, ${unrated.length} of them rated by nobody` : ''}`
    },
  }
}

/** Unrated ones have no rank: they are looked at apart. */
function rankOf(severity: Severity): number {
  return severity === 'unknown' ? -1 : severityLimits.indexOf(severity)
}

function describe({ id, severity, component }: Finding): string {
  return `${quote(id)} (${severity}${component === undefined ? '' : `, ${quote(component)}`})`
}
