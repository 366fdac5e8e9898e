import { CountersignError } from '../../../codec/error.ts'
import type { JsonObject } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { commitPattern, factOf, type JobWords, numberPattern, ofAnotherJob, optionalFactOf, type WantedFact } from './job-facts.ts'

/** What GitHub documents for provenance of a workflow's run. */
const buildType = 'https://actions.github.io/buildtypes/workflow/v1'

const repository = {
  variable: 'GITHUB_REPOSITORY',
  claim: 'repository',
  pattern: /^[\w.-]{1,100}\/[\w.-]{1,100}$/,
  what: 'the repository as OWNER/NAME',
  isInEveryToken: true,
} as const satisfies WantedFact

const workflow = {
  variable: 'GITHUB_WORKFLOW_REF',
  claim: 'workflow_ref',
  pattern: /^[^\s@]{1,1000}@\S{1,1000}$/,
  what: 'the workflow as PATH@REF',
}

/**
 * SLSA provenance 1 of a run of GitHub Actions: what was built by which workflow from which commit, and by whom.
 *
 * @returns the predicate, and what it could not be sure of
 * @throws CountersignError as `factOf`
 * @see the build type's own page, and `github-actions` of formats-and-flows §7
 */
export function githubProvenance(words: JobWords): { readonly predicate: JsonObject; readonly doubts: readonly string[] } {
  const server = serverOf(words)
  const name = factOf(words, repository)
  const workflowRef = factOf(words, workflow)
  const [path, ref] = splitWorkflow(workflowRef, name)
  const commit = factOf(words, { variable: 'GITHUB_SHA', claim: 'sha', pattern: commitPattern, what: 'the commit in hex' })
  const sourceRef = factOf(words, { variable: 'GITHUB_REF', claim: 'ref', pattern: /^refs\/\S{1,1000}$/, what: 'the ref as refs/…' })
  const run = factOf(words, { variable: 'GITHUB_RUN_ID', claim: 'run_id', pattern: numberPattern, what: 'the id of the run' })
  const attempt = factOf(words, { variable: 'GITHUB_RUN_ATTEMPT', claim: 'run_attempt', pattern: numberPattern, what: 'the attempt' })
  const jobWorkflow = optionalFactOf(words, { ...workflow, variable: '', claim: 'job_workflow_ref' })
  const predicate = {
    buildDefinition: {
      buildType,
      externalParameters: { workflow: { ref, repository: `${server}/${name}`, path } },
      internalParameters: { github: internalParameters(words) },
      resolvedDependencies: [{ uri: `git+${server}/${name}@${sourceRef}`, digest: { gitCommit: commit } }],
    },
    runDetails: {
      builder: { id: `${server}/${jobWorkflow ?? workflowRef}` },
      metadata: { invocationId: `${server}/${name}/actions/runs/${run}/attempts/${attempt}` },
    },
  }
  return { predicate, doubts: jobWorkflow === undefined ? ['whether the job is of a reusable workflow, which would be the builder'] : [] }
}

/** Issuers of GitHub's tokens, and the server that each is of. Source: docs.github.com, "OpenID Connect" of each of its products. */
const issuers: readonly (readonly [issuer: RegExp, server: string])[] = [
  [/^https:\/\/token\.actions\.githubusercontent\.com(\/[\w.-]+)?$/, 'https://github.com'],
  [/^https:\/\/token\.actions\.([\w-]+\.ghe\.com)$/, 'https://$1'],
  [/^(https:\/\/[\w.-]+(?::\d+)?)\/_services\/token$/, '$1'],
]

/** No claim names the server, but the issuer of a token is of one. A token by anybody else says nothing of a job. */
function serverOf(words: JobWords): string {
  const variable = 'GITHUB_SERVER_URL'
  const server = factOf(words, { variable, pattern: /^https:\/\/[\w.-]+(?::\d+)?$/, what: "the server's https URL" })
  if (!words.claims) return server
  const issuer = words.claims.get('iss') ?? ''
  const known = issuers.find(([pattern]) => pattern.test(issuer))
  if (!known)
    throw new CountersignError(
      'TOKEN_INVALID',
      `identity token: it is not by GitHub: want the issuer https://token.actions.githubusercontent.com, or another of GitHub's, got ${quote(issuer)}`,
    )
  if (issuer.replace(known[0], known[1]) !== server) throw ofAnotherJob('iss', issuer, variable, server)
  return server
}

function internalParameters(words: JobWords): JsonObject {
  const word = (variable: string, claim: string, pattern: RegExp, what: string) => factOf(words, { variable, claim, pattern, what })
  return {
    event_name: word('GITHUB_EVENT_NAME', 'event_name', /^\w{1,100}$/, 'the event'),
    repository_id: word('GITHUB_REPOSITORY_ID', 'repository_id', numberPattern, "the repository's id"),
    repository_owner_id: word('GITHUB_REPOSITORY_OWNER_ID', 'repository_owner_id', numberPattern, "its owner's id"),
    runner_environment: word('RUNNER_ENVIRONMENT', 'runner_environment', /^[\w-]{1,100}$/, "the runner's environment"),
  }
}

function splitWorkflow(workflowRef: string, name: string): readonly [path: string, ref: string] {
  const at = workflowRef.indexOf('@')
  const [place, ref] = [workflowRef.slice(0, at), workflowRef.slice(at + 1)]
  if (!place.startsWith(`${name}/`))
    throw new CountersignError('USAGE', `--generate: want a workflow of ${quote(name)}, got ${quote(workflowRef)}`)
  return [place.slice(name.length + 1), ref]
}
