import { type Json, readArray, readAs, readObject, readString } from '../../codec/json.ts'
import { readOptional, readWord } from './fields.ts'
import { type ResourceDescriptor, readResourceDescriptor } from './resource-descriptor.ts'

const results = ['PASSED', 'WARNED', 'FAILED'] as const

/** How a test run ended. */
export type TestResult = {
  readonly result: (typeof results)[number]
  readonly configuration: readonly ResourceDescriptor[]
  readonly url?: string | undefined
  readonly passedTests: readonly string[]
  readonly warnedTests: readonly string[]
  readonly failedTests: readonly string[]
}

const what = 'test result'
const limits = { configuration: 10_000, tests: 1_000_000 }

/**
 * Reads a test result of version 0.1.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`, `LIMIT_EXCEEDED`
 * @see in-toto attestation framework, predicates/test-result.md
 */
export function readTestResult(predicate: Json | undefined): TestResult {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const run = readObject(predicate, what)
    const readTests = (member: string) =>
      readOptional(run[member], member, (value, at) => readArray(value, at, limits.tests, readString)) ?? []
    return {
      result: readWord(run['result'], 'result', results),
      configuration: readArray(run['configuration'], 'configuration', limits.configuration, readResourceDescriptor),
      url: readOptional(run['url'], 'url', readString),
      passedTests: readTests('passedTests'),
      warnedTests: readTests('warnedTests'),
      failedTests: readTests('failedTests'),
    }
  })
}
