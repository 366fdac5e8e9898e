import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readArray, readObject, readString } from '../../codec/json.ts'
import { malformed, readMoment, readOptional, readText, readWord } from '../predicates/fields.ts'
import { findRule, readRules, readScore, type SarifRules } from './sarif-rules.ts'
import { type Finding, maxFindings, type Scan, type Severity } from './scan.ts'

const limits = { runs: 1000, invocations: 10_000, suppressions: 10_000 }

/** Results of these kinds tell that nothing is wrong. §3.27.9 */
const harmless = ['notApplicable', 'pass', 'informational']

/**
 * Reads SARIF 2.1.0. How bad a result is stands in the property `security-severity` of its rule, or in its own: a score from 0 to
 * 10, as Trivy, Grype and CodeQL write it. Where several stand there (a rule's and its own, those of rules of one id) the worst counts,
 * and where one of them says nothing, the result is a second finding that is `unknown`. A result without a score is `unknown`: its level
 * (`error`, `warning`, `note`) tells how a tool wishes to be heard, and two tools mean two things by it. Results that are suppressed are
 * not findings, nor are those of a kind that tells of nothing wrong. A run without results, or that says it failed, is an error: nobody
 * can tell what it would have found.
 *
 * @param prefix - path of the report in the document, with its dot
 * @see SARIF 2.1.0 §3.14, §3.20.14, §3.27, §3.49.3
 */
export function readSarif(report: JsonObject, prefix: string): Scan {
  readWord(report['version'], `${prefix}version`, ['2.1.0'])
  const scanners = new Set<string>()
  const findings: Finding[] = []
  let finishedOn: Date | undefined
  const runs = readArray(report['runs'], `${prefix}runs`, limits.runs, (value, at) => {
    const run = readObject(value, at)
    const tool = readObject(run['tool'], `${at}.tool`)
    const driver = readObject(tool['driver'], `${at}.tool.driver`)
    const version = readOptional(driver['version'], `${at}.tool.driver.version`, readString)
    scanners.add(`${readText(driver['name'], `${at}.tool.driver.name`)}${version ? ` ${version}` : ''}`)
    finishedOn = later(finishedOn, readEnd(run['invocations'], `${at}.invocations`))
    const rules = readRules(tool, `${at}.tool`)
    readArray(run['results'], `${at}.results`, maxFindings, (result, path) => {
      findings.push(...readResult(readObject(result, path), path, rules))
      if (findings.length > maxFindings) throw new CountersignError('LIMIT_EXCEEDED', `${path}: want at most ${maxFindings} findings`)
    })
  })
  if (runs.length === 0) throw malformed(`${prefix}runs: want at least one, got none`)
  return { scanner: [...scanners].join(', '), findings, finishedOn }
}

function later(one: Date | undefined, other: Date | undefined): Date | undefined {
  return one && other && one > other ? one : (other ?? one)
}

/** When the last invocation ended; each must have done what it was to do. */
function readEnd(value: unknown, at: string): Date | undefined {
  let end: Date | undefined
  readOptional(value, at, (list, place) =>
    readArray(list, place, limits.invocations, (item, path) => {
      const invocation = readObject(item, path)
      if (invocation['executionSuccessful'] === false) throw malformed(`${path}.executionSuccessful: want a scan that succeeded, got false`)
      end = later(end, readOptional(invocation['endTimeUtc'], `${path}.endTimeUtc`, readMoment))
    }),
  )
  return end
}

/** One finding by the worst of its ratings; one more that is `unknown`, where some rating is, for no limit orders the two. */
function readResult(result: JsonObject, at: string, rules: SarifRules): readonly Finding[] {
  const kind = readOptional(result['kind'], `${at}.kind`, readString)
  if (kind !== undefined && harmless.includes(kind)) return []
  if (isSuppressed(result['suppressions'], `${at}.suppressions`)) return []
  const { id, ratings } = findRule(result, at, rules)
  if (id === undefined) throw malformed(`${at}.ruleId: want the rule of a result, got nothing`)
  const own = readScore(result['properties'], `${at}.properties`)
  const isRated = (severity: Severity) => severity === own || ratings.has(severity)
  const worst = worstFirst.find(isRated)
  return [...(worst ? [worst] : []), ...(isRated('unknown') || !worst ? ['unknown' as const] : [])].map(severity => ({ id, severity }))
}

const worstFirst = ['critical', 'high', 'medium', 'low', 'negligible'] as const

/** §3.27.23: some suppression is in force, and none is still under review or was rejected. */
function isSuppressed(value: unknown, at: string): boolean {
  const list = readOptional(value, at, (items, place) =>
    readArray(
      items,
      place,
      limits.suppressions,
      (item, path) => readOptional(readObject(item, path)['status'], `${path}.status`, readString) ?? 'accepted',
    ),
  )
  return list !== undefined && list.length > 0 && list.every(status => status === 'accepted')
}
