import { CountersignError } from '../../../codec/error.ts'
import type { JsonObject } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { parseTime } from '../../../formats/rfc3339.ts'
import { commitPattern, factOf, type JobWords, numberPattern, ofAnotherJob, optionalFactOf } from './job-facts.ts'

/** What GitLab documents for provenance of a job, and writes itself. */
const buildType = 'https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1'

/** Variables of GitLab's own that hold no secret. Which of the others are masked only GitLab knows, so none of them is told. */
const variables = [
  'CI_COMMIT_BRANCH',
  'CI_COMMIT_REF_NAME',
  'CI_COMMIT_REF_PROTECTED',
  'CI_COMMIT_SHA',
  'CI_COMMIT_TAG',
  'CI_CONFIG_PATH',
  'CI_JOB_STAGE',
  'CI_PIPELINE_ID',
  'CI_PIPELINE_SOURCE',
  'CI_PIPELINE_URL',
] as const

const longestText = 1_000

/**
 * SLSA provenance 1 of a job of GitLab CI: what was built by which job from which commit, and on which runner.
 *
 * @returns the predicate, and what it could not be sure of
 * @throws CountersignError as `factOf`; where there is a token, the server is asked of the variable: the token must be by it
 * @see the build type's own page, and `gitlab-ci` of formats-and-flows §7
 */
export function gitlabProvenance(words: JobWords): { readonly predicate: JsonObject; readonly doubts: readonly string[] } {
  const server = factOf(words, {
    variable: 'CI_SERVER_URL',
    pattern: /^https?:\/\/[\w.-]+(?::\d+)?(?:\/[\w./-]*)?$/,
    what: "the server's URL",
  })
  const issuer = words.claims && (words.claims.get('iss') ?? '')
  if (issuer !== undefined && issuer !== server) throw ofAnotherJob('iss', issuer, 'CI_SERVER_URL', server)
  const path = factOf(words, {
    variable: 'CI_PROJECT_PATH',
    claim: 'project_path',
    pattern: /^[\w.-]+(?:\/[\w.-]+){1,20}$/,
    what: 'the path of the project',
    isInEveryToken: true,
  })
  const project = `${server}/${path}`
  const commit = factOf(words, { variable: 'CI_COMMIT_SHA', claim: 'sha', pattern: commitPattern, what: 'the commit in hex' })
  const job = factOf(words, { variable: 'CI_JOB_ID', claim: 'job_id', pattern: numberPattern, what: 'the id of the job' })
  const runner = factOf(words, { variable: 'CI_RUNNER_ID', claim: 'runner_id', pattern: numberPattern, what: 'the id of the runner' })
  for (const [variable, claim] of [
    ['CI_PIPELINE_ID', 'pipeline_id'],
    ['CI_PIPELINE_SOURCE', 'pipeline_source'],
    ['CI_COMMIT_REF_NAME', 'ref'],
  ] as const)
    optionalFactOf(words, { variable, claim, pattern: /^\S{1,1000}$/, what: 'a word' }) // the two must agree
  const text = (variable: string) => words.environment.get(variable)?.slice(0, longestText)
  const [name, architecture, revision] = [text('CI_RUNNER_DESCRIPTION'), text('CI_RUNNER_EXECUTABLE_ARCH'), text('CI_RUNNER_REVISION')]
  const startedOn = text('CI_JOB_STARTED_AT')
  const predicate = {
    buildDefinition: {
      buildType,
      externalParameters: {
        source: project,
        entryPoint: factOf(words, { variable: 'CI_JOB_NAME', pattern: /^.{1,1000}$/su, what: 'the name of the job' }),
        variables: Object.fromEntries(variables.flatMap(variable => (text(variable) === undefined ? [] : [[variable, text(variable)!]]))),
      },
      internalParameters: {
        ...(architecture && { architecture: architecture.replace(/^.*\//, '') }),
        job: Number(job),
        ...(name && { name }),
      },
      resolvedDependencies: [{ uri: project, digest: { gitCommit: commit } }],
    },
    runDetails: {
      builder: { id: `${project}/-/runners/${runner}`, ...(revision && { version: { 'gitlab-runner': revision } }) },
      metadata: { invocationId: job, ...(startedOn && { startedOn: timeOf(startedOn) }) },
    },
  }
  return { predicate, doubts: [] }
}

function timeOf(text: string): string {
  if (!parseTime(text)) throw new CountersignError('USAGE', `--generate: CI_JOB_STARTED_AT: want an RFC 3339 time, got ${quote(text)}`)
  return text
}
