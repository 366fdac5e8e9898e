import { type JsonObject, readArray, readObject, readSafeInteger, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { malformed, readMoment, readOptional, readText, readWord } from '../predicates/fields.ts'
import { type Finding, maxFindings, type Scan, type Severity } from './scan.ts'
import { severityOfScore } from './severity.ts'

const limits = { runs: 1000, rules: 1_000_000, components: 10_000, invocations: 10_000, suppressions: 10_000 }

/** Results of these kinds tell that nothing is wrong. §3.27.9 */
const harmless = ['notApplicable', 'pass', 'informational']

/**
 * Reads SARIF 2.1.0. How bad a result is stands in the property `security-severity` of its rule, or in its own: a score from 0 to
 * 10, as Trivy, Grype and CodeQL write it. A result without one is `unknown`: its level (`error`, `warning`, `note`) tells how a tool
 * wishes to be heard, and two tools mean two things by it. Results that are suppressed are not findings, nor are those of a kind that
 * tells of nothing wrong. A run without results, or that says it failed, is an error: nobody can tell what it would have found.
 *
 * @param prefix - path of the report in the document, with its dot
 * @see SARIF 2.1.0 §3.14, §3.20.14, §3.27, §3.49
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
    const rules = readRules(tool, driver, `${at}.tool`)
    readArray(run['results'], `${at}.results`, maxFindings - findings.length, (result, path) => {
      const finding = readResult(readObject(result, path), path, rules)
      if (finding) findings.push(finding)
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

type Rule = { readonly id: string; readonly severity: Severity | undefined }

/** Rules of the driver and of each extension, in their order. */
type Rules = {
  readonly driver: readonly Rule[]
  readonly extensions: readonly (readonly Rule[])[]
  readonly byId: ReadonlyMap<string, Rule>
}

function readRules(tool: JsonObject, driver: JsonObject, at: string): Rules {
  const rulesOf = (component: JsonObject, place: string) =>
    readOptional(component['rules'], `${place}.rules`, (list, path) => readArray(list, path, limits.rules, readRule)) ?? []
  const own = rulesOf(driver, `${at}.driver`)
  const extensions = readOptional(tool['extensions'], `${at}.extensions`, (list, place) =>
    readArray(list, place, limits.components, (item, path) => rulesOf(readObject(item, path), path)),
  )
  return { driver: own, extensions: extensions ?? [], byId: new Map(own.map(rule => [rule.id, rule])) }
}

function readRule(value: unknown, at: string): Rule {
  const rule = readObject(value, at)
  return { id: readText(rule['id'], `${at}.id`), severity: readSeverity(rule['properties'], `${at}.properties`) }
}

/** A score as a string, or as a number; nothing where there is none. */
function readSeverity(properties: unknown, at: string): Severity | undefined {
  const score = readOptional(properties, at, readObject)?.['security-severity']
  if (score === undefined) return undefined
  const text = typeof score === 'number' ? String(score) : readString(score, `${at}["security-severity"]`)
  return /^\d{1,2}(\.\d{1,16})?$/.test(text) ? severityOfScore(Number(text)) : 'unknown'
}

function readResult(result: JsonObject, at: string, rules: Rules): Finding | undefined {
  const kind = readOptional(result['kind'], `${at}.kind`, readString)
  if (kind !== undefined && harmless.includes(kind)) return undefined
  if (isSuppressed(result['suppressions'], `${at}.suppressions`)) return undefined
  const reference = readOptional(result['rule'], `${at}.rule`, readObject) ?? {}
  const id = readOptional(result['ruleId'] ?? reference['id'], `${at}.ruleId`, readText)
  const rule = findRule(result, reference, id, at, rules)
  const name = id ?? rule?.id
  if (name === undefined) throw malformed(`${at}.ruleId: want the rule of a result, got nothing`)
  return { id: name, severity: rule?.severity ?? readSeverity(result['properties'], `${at}.properties`) ?? 'unknown' }
}

/** By its place among the rules; else by its id, which may have parts of its own after that of the rule. §3.27.5, §3.27.6, §3.52.4 */
function findRule(result: JsonObject, reference: JsonObject, id: string | undefined, at: string, rules: Rules): Rule | undefined {
  const index = readOptional(result['ruleIndex'] ?? reference['index'], `${at}.ruleIndex`, readIndex)
  const component = readOptional(reference['toolComponent'], `${at}.rule.toolComponent`, readObject)?.['index']
  const list = component === undefined ? rules.driver : rules.extensions[readSafeInteger(component, `${at}.rule.toolComponent.index`)]
  if (index === undefined || index === -1)
    return id === undefined ? undefined : (rules.byId.get(id) ?? rules.byId.get(id.replace(/\/[^/]*$/, '')))
  const rule = list?.[index]
  if (!rule) throw malformed(`${at}.ruleIndex: want one of ${list?.length ?? 0} rules, got ${index}`)
  if (id !== undefined && id !== rule.id && !id.startsWith(`${rule.id}/`))
    throw malformed(`${at}.ruleId: want that of rule ${index}, ${quote(rule.id)}, got ${quote(id)}`)
  return rule
}

/** -1 stands for none. */
function readIndex(value: unknown, at: string): number {
  return value === -1 ? -1 : readSafeInteger(value, at)
}

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
