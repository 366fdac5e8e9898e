import { type JsonObject, readArray, readObject, readSafeInteger, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { malformed, readOptional, readText } from '../predicates/fields.ts'
import type { Severity } from './scan.ts'
import { severityOfScore } from './severity.ts'

const limits = { rules: 1_000_000, components: 10_000 }

/** How a rule, or several of one id, or a result is rated; empty where nothing is said. */
export type Ratings = ReadonlySet<Severity>

type Rule = { readonly id: string; readonly severity: Severity | undefined }

type Component = {
  readonly name: string | undefined
  readonly guid: string | undefined // in small letters
  readonly rules: readonly Rule[]
  readonly ratings: ReadonlyMap<string, Ratings> // by id, which several rules may have; `unknown` where some have a score and some none
}

/** The components of a tool, by what a result may name them by. One that shares its name or GUID is not found by it. */
export type SarifRules = {
  readonly driver: Component
  readonly extensions: readonly Component[]
  readonly byGuid: ReadonlyMap<string, Component | undefined>
  readonly byName: ReadonlyMap<string, Component | undefined>
}

/** Reads the rules of the driver and of each extension. Source: SARIF 2.1.0 §3.18, §3.19.23, §3.49. */
export function readRules(tool: JsonObject, at: string): SarifRules {
  const driver = readComponent(tool['driver'], `${at}.driver`)
  const extensions =
    readOptional(tool['extensions'], `${at}.extensions`, (list, place) => readArray(list, place, limits.components, readComponent)) ?? []
  const components = [driver, ...extensions]
  return { driver, extensions, byGuid: indexed(components, ({ guid }) => guid), byName: indexed(components, ({ name }) => name) }
}

function indexed(components: readonly Component[], keyOf: (component: Component) => string | undefined) {
  const index = new Map<string, Component | undefined>()
  for (const component of components) {
    const key = keyOf(component)
    if (key !== undefined) index.set(key, index.has(key) ? undefined : component)
  }
  return index
}

function readComponent(value: unknown, at: string): Component {
  const component = readObject(value, at)
  const rules = readOptional(component['rules'], `${at}.rules`, (list, place) => readArray(list, place, limits.rules, readRule)) ?? []
  return {
    name: readOptional(component['name'], `${at}.name`, readString),
    guid: readOptional(component['guid'], `${at}.guid`, readString)?.toLowerCase(),
    rules,
    ratings: ratingsById(rules),
  }
}

function ratingsById(rules: readonly Rule[]): ReadonlyMap<string, Ratings> {
  const ratings = new Map<string, Ratings>()
  for (const { id, severity } of rules) {
    const others = ratings.get(id)
    const own = ratingsOf(severity)
    if (others === undefined || (others.size === 0 && own.size === 0)) ratings.set(id, own)
    else ratings.set(id, new Set([...orUnknown(others), ...orUnknown(own)]))
  }
  return ratings
}

const none: Ratings = new Set()
const alone: { readonly [severity in Severity]: Ratings } = {
  unknown: new Set(['unknown']),
  negligible: new Set(['negligible']),
  low: new Set(['low']),
  medium: new Set(['medium']),
  high: new Set(['high']),
  critical: new Set(['critical']),
}

function ratingsOf(severity: Severity | undefined): Ratings {
  return severity === undefined ? none : alone[severity]
}

function orUnknown(ratings: Ratings): Ratings {
  return ratings.size === 0 ? alone.unknown : ratings
}

function readRule(value: unknown, at: string): Rule {
  const rule = readObject(value, at)
  return { id: readText(rule['id'], `${at}.id`), severity: readScore(rule['properties'], `${at}.properties`) }
}

/** The severity of the property `security-severity`: a score as a string, or as a number; nothing where there is none. */
export function readScore(properties: unknown, at: string): Severity | undefined {
  const score = readOptional(properties, at, readObject)?.['security-severity']
  if (score === undefined) return undefined
  const text = typeof score === 'number' ? String(score) : readString(score, `${at}["security-severity"]`)
  return /^\d{1,2}(\.\d{1,16})?$/.test(text) ? severityOfScore(Number(text)) : 'unknown'
}

/**
 * The rule of a result: by its place among the rules of its component; else by its id, which may have parts of its own after that of the
 * rule. A component that is not there, or is told in two ways that differ, leaves the result rated `unknown`.
 *
 * @throws CountersignError `JSON_MALFORMED` for a place without a rule, for one of another id than the result's, and for two that differ
 * @see SARIF 2.1.0 §3.27.5 to §3.27.7, §3.52, §3.54
 */
export function findRule(
  result: JsonObject,
  at: string,
  rules: SarifRules,
): { readonly id: string | undefined; readonly ratings: Ratings } {
  const reference = readOptional(result['rule'], `${at}.rule`, readObject) ?? {}
  const id = readBoth(result['ruleId'], reference['id'], at, 'Id', readText)
  const index = readBoth(result['ruleIndex'], reference['index'], at, 'Index', readIndex)
  const component = findComponent(reference['toolComponent'], `${at}.rule.toolComponent`, rules)
  if (!component) return { id, ratings: alone.unknown }
  if (index === undefined) return { id, ratings: id === undefined ? none : ratingsOfId(component, id) }
  const rule = component.rules[index]
  if (!rule) throw malformed(`${at}.ruleIndex: want one of ${component.rules.length} rules, got ${index}`)
  if (id !== undefined && id !== rule.id && !id.startsWith(`${rule.id}/`))
    throw malformed(`${at}.ruleId: want that of rule ${index}, ${quote(rule.id)}, got ${quote(id)}`)
  return { id: id ?? rule.id, ratings: ratingsOf(rule.severity) }
}

/** A result may tell its rule by a member of its own and by one of `rule`: then they are equal. §3.27.7 */
function readBoth<T extends string | number>(
  own: unknown,
  referred: unknown,
  at: string,
  member: 'Id' | 'Index',
  read: (value: unknown, at: string) => T | undefined,
): T | undefined {
  const one = readOptional(own, `${at}.rule${member}`, read)
  const other = readOptional(referred, `${at}.rule.${member.toLowerCase()}`, read)
  if (one !== undefined && other !== undefined && one !== other)
    throw malformed(`${at}.rule${member}: want ${quote(String(other))} as in rule.${member.toLowerCase()}, got ${quote(String(one))}`)
  return one ?? other
}

function ratingsOfId({ ratings }: Component, id: string): Ratings {
  return ratings.get(id) ?? ratings.get(id.replace(/\/[^/]*$/, '')) ?? none
}

/** The driver, where nothing tells of another one. §3.52.6 */
function findComponent(value: unknown, at: string, rules: SarifRules): Component | undefined {
  const reference = readOptional(value, at, readObject) ?? {}
  const index = readOptional(reference['index'], `${at}.index`, readIndex)
  const guid = readOptional(reference['guid'], `${at}.guid`, readText)?.toLowerCase()
  const name = readOptional(reference['name'], `${at}.name`, readText)
  let component: Component | undefined = rules.driver
  if (index !== undefined) component = rules.extensions[index]
  else if (guid !== undefined) component = rules.byGuid.get(guid)
  else if (name !== undefined) component = rules.byName.get(name)
  const isAsTold = (guid === undefined || component?.guid === guid) && (name === undefined || component?.name === name)
  return isAsTold ? component : undefined
}

/** -1 stands for none. */
function readIndex(value: unknown, at: string): number | undefined {
  return value === -1 ? undefined : readSafeInteger(value, at)
}
