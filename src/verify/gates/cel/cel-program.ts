import { Environment } from '@marcbachmann/cel-js'
import { CountersignError, type ErrorCode } from '../../../codec/error.ts'
import { parseJson } from '../../../codec/json.ts'
import { quote, quoteUpTo } from '../../../codec/text.ts'
import { parseTime } from '../../../formats/rfc3339.ts'
import { type Pattern, parsePattern } from '../../pattern.ts'
import { type Budget, createBudget } from './budget.ts'
import { type CelNode, countSteps, nodesUnder } from './count-steps.ts'

/** What an expression can see, by name. */
export type CelVariables = Readonly<Record<string, unknown>>

/** An expression that was parsed and checked. */
export type CelProgram = {
  /** @returns what it gives @throws CountersignError `POLICY_FAILED`, `POLICY_EXHAUSTED` */
  readonly run: (variables: CelVariables) => unknown
}

export const celLimits = { characters: 64 << 10, steps: 10_000_000 } as const

/** Depth: types of maps in maps double in length with each level. */
const limits = { maxAstNodes: 1000, maxDepth: 48, maxListElements: 1000, maxMapEntries: 1000, maxCallArguments: 32 }

/**
 * Parses an expression in CEL and checks its names and types. It must give true or false, as far as that can be told.
 *
 * @param source - at most 65,536 characters
 * @param what - begins every message
 * @param variables - their names and types in CEL
 * @param steps - a run takes at most; 10,000,000 unless told, which is a few seconds
 * @throws CountersignError `POLICY_MALFORMED` with line and column, `POLICY_EMPTY`, `LIMIT_EXCEEDED`
 * @see https://github.com/google/cel-spec/blob/master/doc/langdef.md
 */
export function parseCel(
  source: string,
  what: string,
  variables: Readonly<Record<string, string>>,
  steps: number = celLimits.steps,
): CelProgram {
  if (source.length > celLimits.characters)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${celLimits.characters} characters, got ${source.length}`)
  if (source.split('\n').every(line => /^\s*(\/\/.*)?$/s.test(line)))
    throw new CountersignError('POLICY_EMPTY', `${what}: empty: want an expression that is true of what may pass`)
  const budget = createBudget(steps)
  const told = (code: ErrorCode, error: unknown) => failure(code, what, source, error)
  const environment = createEnvironment(variables, budget)
  const parsed = attempt(
    () => environment.parse(source),
    error => told('POLICY_MALFORMED', error),
  )
  const root = parsed.ast as unknown as CelNode
  for (const node of nodesUnder(root)) {
    useRe2(node, source, what)
    useRfc3339(node)
    useStrictJson(node)
  }
  countSteps(root, budget)
  const { valid, type, error } = parsed.check()
  if (!valid) throw told('POLICY_MALFORMED', error)
  if (type !== 'bool' && type !== 'dyn')
    throw new CountersignError(
      'POLICY_MALFORMED',
      `${what}: want an expression that is true or false, got one of type ${quote(type ?? '')}`,
    )
  return {
    run: values => {
      budget.refill()
      const result = attempt(
        () => parsed(values),
        error => (budget.isSpent() ? outOfSteps(what, steps) : told('POLICY_FAILED', error)),
      )
      if (budget.isSpent()) throw outOfSteps(what, steps) // `||` and `exists` swallow errors, this one too
      return result
    },
  }
}

const re2Function = 'matchesRe2'
const rfc3339Function = 'timestampRfc3339'
const strictJsonFunction = 'strictJson'
const jsonLimits = { bytes: 128 << 20, depth: 128, values: 2_000_000 } // as of a predicate
const instructionsAtOnce = 10
const stepsToCompile = 100 // for each character, and for each instruction that it becomes

function createEnvironment(variables: Readonly<Record<string, string>>, budget: Budget): Environment {
  const environment = new Environment({ limits })
  for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type)
  const patterns = new Map<string, Pattern>() // a loop has one pattern and a thousand texts
  const compile = (source: string): Pattern => {
    const pattern = parsePattern(source, 'matches')
    budget.spend((source.length + pattern.size) * stepsToCompile)
    if (patterns.size < 100) patterns.set(source, pattern)
    return pattern
  }
  const matches = (text: string, source: string) => {
    const pattern = patterns.get(source) ?? compile(source)
    budget.spend((text.length * pattern.size) / instructionsAtOnce)
    return pattern.matches(text)
  }
  return environment
    .registerFunction(`string.${re2Function}(string): bool`, matches, { async: false })
    .registerFunction(`${rfc3339Function}(string): google.protobuf.Timestamp`, timeOfText, { async: false })
    .registerFunction(`${rfc3339Function}(int): google.protobuf.Timestamp`, timeOfSeconds, { async: false })
    .registerFunction(`bytes.${strictJsonFunction}(): map`, (bytes: Uint8Array) => parseJson(bytes, 'json', jsonLimits), { async: false })
}

function timeOfText(text: string): Date {
  const time = parseTime(text)
  if (!time) throw new Error(`timestamp: want an RFC 3339 time with its zone, got ${quote(text)}`)
  return time
}

const [firstSecond, lastSecond] = [-62_135_596_800n, 253_402_300_799n] // the years 1 to 9999

function timeOfSeconds(seconds: bigint): Date {
  if (seconds < firstSecond || seconds > lastSecond) throw new Error(`timestamp: want seconds of the years 1 to 9999, got ${seconds}`)
  return new Date(Number(seconds) * 1000)
}

/** CEL's `timestamp` is RFC 3339; the library's takes dates of any kind, and those without a zone for ones of the zone that it runs in. */
function useRfc3339({ op, args }: CelNode): void {
  const call = args as [string, CelNode[]]
  if (op === 'call' && call[0] === 'timestamp') call[0] = rfc3339Function
}

/** CEL's `matches` is RE2, the library's is JavaScript's, which may take for ever. A pattern that stands in the expression is compiled at once. */
function useRe2({ op, args }: CelNode, source: string, what: string): void {
  if (op !== 'rcall') return
  const call = args as [string, CelNode, CelNode[]]
  if (call[0] !== 'matches' || call[2].length !== 1) return
  call[0] = re2Function
  const [pattern] = call[2]
  if (pattern?.op === 'value' && typeof pattern.args === 'string') {
    const text = pattern.args
    attempt(
      () => parsePattern(text, 'matches'),
      error => failure('POLICY_MALFORMED', what, source, { summary: (error as Error).message, range: pattern }),
    )
  }
}

/** The library's `json` of bytes takes a member twice, and names as V8 reads them (nodejs/node#63785): JSON in a predicate is held to what predicates are. */
function useStrictJson({ op, args }: CelNode): void {
  const call = args as [string, CelNode, CelNode[]]
  if (op === 'rcall' && call[0] === 'json' && call[2].length === 0) call[0] = strictJsonFunction
}

function attempt<T>(run: () => T, refuse: (error: unknown) => CountersignError): T {
  try {
    return run()
  } catch (error) {
    throw refuse(error)
  }
}

function outOfSteps(what: string, steps: number): CountersignError {
  return new CountersignError('POLICY_EXHAUSTED', `${what}: gave no answer within ${steps} steps`)
}

/** An error of the library, or of the engine that runs it (a stack too deep, a text too long), with where it is in the expression. */
function failure(code: ErrorCode, what: string, source: string, error: unknown): CountersignError {
  const { summary, message, range } = error as { summary?: string; message?: string; range?: { start: number } }
  const reason = (summary ?? message ?? String(error))
    .replaceAll(re2Function, 'matches')
    .replaceAll(rfc3339Function, 'timestamp')
    .replaceAll(strictJsonFunction, 'json')
  return new CountersignError(code, `${what}: ${range ? `${placeOf(source, range.start)}: ` : ''}${quoteUpTo(reason, 200)}`)
}

function placeOf(source: string, at: number): string {
  const before = source.slice(0, at).split('\n')
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`
}
