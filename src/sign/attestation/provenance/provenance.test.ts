import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPredicate } from '../../../formats/predicates/predicate.ts'
import { provenanceSource } from './generate.ts'

const sha = 'a9cd7bf0bbfd5732800b8196ce893ae9915b1e87'
const slsa1 = 'https://slsa.dev/provenance/v1'

type Words = Readonly<Record<string, string>>

const github: Words = {
  GITHUB_ACTIONS: 'true',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'acme/app',
  GITHUB_WORKFLOW_REF: 'acme/app/.github/workflows/release.yml@refs/heads/main',
  GITHUB_SHA: sha,
  GITHUB_REF: 'refs/heads/main',
  GITHUB_RUN_ID: '14115120610',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_EVENT_NAME: 'workflow_dispatch',
  GITHUB_REPOSITORY_ID: '891715444',
  GITHUB_REPOSITORY_OWNER_ID: '1304826',
  RUNNER_ENVIRONMENT: 'github-hosted',
}

const githubClaims: Words = {
  iss: 'https://token.actions.githubusercontent.com',
  repository: 'acme/app',
  workflow_ref: 'acme/app/.github/workflows/release.yml@refs/heads/main',
  job_workflow_ref: 'acme/builders/.github/workflows/build.yml@refs/tags/v2',
  sha,
  ref: 'refs/heads/main',
  run_id: '14115120610',
  run_attempt: '1',
  event_name: 'workflow_dispatch',
  repository_id: '891715444',
  repository_owner_id: '1304826',
  runner_environment: 'github-hosted',
}

const gitlab: Words = {
  GITLAB_CI: 'true',
  CI_SERVER_URL: 'https://gitlab.com',
  CI_PROJECT_PATH: 'acme/group/app',
  CI_COMMIT_SHA: sha,
  CI_COMMIT_REF_NAME: 'main',
  CI_JOB_ID: '4089072540',
  CI_JOB_NAME: 'build <it>',
  CI_JOB_STARTED_AT: '2026-01-02T03:00:00Z',
  CI_PIPELINE_ID: '77',
  CI_PIPELINE_SOURCE: 'push',
  CI_RUNNER_ID: '12270831',
  CI_RUNNER_DESCRIPTION: 'blue-2.runners.example',
  CI_RUNNER_EXECUTABLE_ARCH: 'linux/amd64',
  CI_RUNNER_REVISION: '598a7c91',
  DEPLOY_TOKEN: 'secret',
  CI_JOB_TOKEN: 'secret',
}

const gitlabClaims: Words = {
  iss: 'https://gitlab.com',
  project_path: 'acme/group/app',
  sha,
  ref: 'main',
  job_id: '4089072540',
  runner_id: '12270831',
  pipeline_id: '77',
  pipeline_source: 'push',
}

function generate(environment: Words, claims: Words | undefined) {
  const words = { environment: new Map(Object.entries(environment)), claims: claims && new Map(Object.entries(claims)) }
  return provenanceSource(words.environment).generate(words)
}

const githubPredicate = (builder: string) => ({
  buildDefinition: {
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    externalParameters: {
      workflow: { ref: 'refs/heads/main', repository: 'https://github.com/acme/app', path: '.github/workflows/release.yml' },
    },
    internalParameters: {
      github: {
        event_name: 'workflow_dispatch',
        repository_id: '891715444',
        repository_owner_id: '1304826',
        runner_environment: 'github-hosted',
      },
    },
    resolvedDependencies: [{ uri: 'git+https://github.com/acme/app@refs/heads/main', digest: { gitCommit: sha } }],
  },
  runDetails: {
    builder: { id: `https://github.com/${builder}` },
    metadata: { invocationId: 'https://github.com/acme/app/actions/runs/14115120610/attempts/1' },
  },
})

const gitlabPredicate = {
  buildDefinition: {
    buildType: 'https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1',
    externalParameters: {
      source: 'https://gitlab.com/acme/group/app',
      entryPoint: 'build <it>',
      variables: { CI_COMMIT_REF_NAME: 'main', CI_COMMIT_SHA: sha, CI_PIPELINE_ID: '77', CI_PIPELINE_SOURCE: 'push' },
    },
    internalParameters: { architecture: 'amd64', job: 4089072540, name: 'blue-2.runners.example' },
    resolvedDependencies: [{ uri: 'https://gitlab.com/acme/group/app', digest: { gitCommit: sha } }],
  },
  runDetails: {
    builder: { id: 'https://gitlab.com/acme/group/app/-/runners/12270831', version: { 'gitlab-runner': '598a7c91' } },
    metadata: { invocationId: '4089072540', startedOn: '2026-01-02T03:00:00Z' },
  },
}

const noVariables = (environment: Words) =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) =>
      ['GITHUB_ACTIONS', 'GITHUB_SERVER_URL', 'GITLAB_CI', 'CI_SERVER_URL', 'CI_JOB_NAME'].includes(name),
    ),
  )

for (const { name, environment, claims, predicate, doubts = [] } of [
  {
    name: 'GitHub, by its token and its environment: the builder is the reusable workflow',
    environment: github,
    claims: githubClaims,
    predicate: githubPredicate('acme/builders/.github/workflows/build.yml@refs/tags/v2'),
  },
  {
    name: 'GitHub, by its token alone',
    environment: noVariables(github),
    claims: githubClaims,
    predicate: githubPredicate('acme/builders/.github/workflows/build.yml@refs/tags/v2'),
  },
  {
    name: 'GitHub, by its environment alone',
    environment: github,
    claims: undefined,
    predicate: githubPredicate('acme/app/.github/workflows/release.yml@refs/heads/main'),
    doubts: ['whether the job is of a reusable workflow, which would be the builder'],
  },
  { name: 'GitLab, by both: no variable that may hold a secret', environment: gitlab, claims: gitlabClaims, predicate: gitlabPredicate },
  { name: 'GitLab, by its environment alone', environment: gitlab, claims: undefined, predicate: gitlabPredicate },
])
  test(`provenance of ${name}`, () => {
    assert.deepEqual(generate(environment, claims), { predicate, doubts })
    assert.equal(readPredicate(slsa1, predicate)?.kind, 'provenance')
  })

test('GitLab, by its token alone: what only variables say is left out', () => {
  const { predicate } = generate(noVariables(gitlab), gitlabClaims)
  const { buildDefinition, runDetails } = predicate as typeof gitlabPredicate
  assert.deepEqual(buildDefinition.externalParameters.variables, {})
  assert.deepEqual(buildDefinition.internalParameters, { job: 4089072540 })
  assert.deepEqual(runDetails, {
    builder: { id: 'https://gitlab.com/acme/group/app/-/runners/12270831' },
    metadata: { invocationId: '4089072540' },
  })
})

const pairs = [
  ['GITHUB_SERVER_URL', 'iss', 'https://github.example'],
  ['GITHUB_REPOSITORY', 'repository', 'acme/other'],
  ['GITHUB_WORKFLOW_REF', 'workflow_ref', 'acme/app/.github/workflows/other.yml@refs/heads/main'],
  ['GITHUB_SHA', 'sha', 'b'.repeat(40)],
  ['GITHUB_REF', 'ref', 'refs/heads/other'],
  ['GITHUB_RUN_ID', 'run_id', '7'],
  ['GITHUB_RUN_ATTEMPT', 'run_attempt', '2'],
  ['GITHUB_EVENT_NAME', 'event_name', 'push'],
  ['GITHUB_REPOSITORY_ID', 'repository_id', '7'],
  ['GITHUB_REPOSITORY_OWNER_ID', 'repository_owner_id', '7'],
  ['RUNNER_ENVIRONMENT', 'runner_environment', 'self-hosted'],
  ['CI_SERVER_URL', 'iss', 'https://gitlab.example'],
  ['CI_PROJECT_PATH', 'project_path', 'acme/other'],
  ['CI_COMMIT_SHA', 'sha', 'b'.repeat(40)],
  ['CI_COMMIT_REF_NAME', 'ref', 'other'],
  ['CI_JOB_ID', 'job_id', '7'],
  ['CI_RUNNER_ID', 'runner_id', '7'],
  ['CI_PIPELINE_ID', 'pipeline_id', '7'],
  ['CI_PIPELINE_SOURCE', 'pipeline_source', 'web'],
] as const

for (const [variable, claim, other] of pairs)
  test(`a token of another job is refused: ${variable}`, () => {
    const [environment, claims] = variable.startsWith('CI_') ? [gitlab, gitlabClaims] : [github, githubClaims]
    const message = new RegExp(`^identity token: it is not of this job: ${claim} is ".*", and ${variable} is "`)
    assert.throws(() => generate({ ...environment, [variable]: other }, claims), { code: 'TOKEN_INVALID', message })
  })

for (const { iss, server } of [
  { iss: 'https://token.actions.githubusercontent.com/acme', server: 'https://github.com' },
  { iss: 'https://token.actions.acme.ghe.com', server: 'https://acme.ghe.com' },
  { iss: 'https://github.acme.example/_services/token', server: 'https://github.acme.example' },
])
  test(`a token of ${iss} is of a job at ${server} alone`, () => {
    const at = (url: string) => generate({ ...github, GITHUB_SERVER_URL: url }, { ...githubClaims, iss })
    assert.ok(JSON.stringify(at(server).predicate).includes(`"repository":"${server}/acme/app"`))
    assert.throws(() => at('https://other.example'), { code: 'TOKEN_INVALID', message: /: iss is ".*", and GITHUB_SERVER_URL is "/ })
  })

for (const [environment, variable, claim] of [
  [github, 'GITHUB_REPOSITORY', 'repository'],
  [gitlab, 'CI_PROJECT_PATH', 'project_path'],
] as const)
  test(`a token of a person does not pass for that of the job: ${variable}`, () => {
    const claims = { iss: environment === gitlab ? gitlabClaims['iss']! : githubClaims['iss']!, email: 'a@example.com' }
    const message = new RegExp(`^identity token: it is of no job: it has no claim ${claim}, and ${variable} is "acme/`)
    assert.throws(() => generate(environment, claims), { code: 'TOKEN_INVALID', message })
  })

for (const iss of [
  'https://accounts.example',
  '',
  'https://token.actions.githubusercontent.com.accounts.example',
  'https://token.actions.githubusercontent.com/acme/more',
  'http://token.actions.githubusercontent.com',
  'https://gitlab.com',
])
  test(`a token of GitHub by another issuer is refused: "${iss}"`, () =>
    assert.throws(() => generate(github, { ...githubClaims, iss }), {
      code: 'TOKEN_INVALID',
      message: `identity token: it is not by GitHub: want the issuer https://token.actions.githubusercontent.com, or another of GitHub's, got "${iss}"`,
    }))

for (const { name, environment, claims, code = 'USAGE', message } of [
  { name: 'no CI system', environment: { CI: 'true' }, code: 'CAPABILITY_MISSING', message: /knows jobs of GitHub Actions and GitLab CI/ },
  {
    name: 'neither says the repository',
    environment: noVariables(github),
    claims: { iss: 'https://token.actions.githubusercontent.com', sha },
    code: 'VARIABLE_UNSET',
    message: /neither GITHUB_REPOSITORY is set nor has the identity token a claim repository/,
  },
  {
    name: 'no server',
    environment: { GITHUB_ACTIONS: 'true' },
    claims: githubClaims,
    code: 'VARIABLE_UNSET',
    message: /want the server's https URL, and GITHUB_SERVER_URL is not set/,
  },
  {
    name: 'a token of GitLab, and nothing says of which',
    environment: { GITLAB_CI: 'true' },
    claims: gitlabClaims,
    code: 'VARIABLE_UNSET',
    message: /want the server's URL, and CI_SERVER_URL is not set/,
  },
  {
    name: 'a token of a person',
    environment: noVariables(gitlab),
    claims: { iss: 'https://gitlab.com', email: 'a@example.com' },
    code: 'VARIABLE_UNSET',
    message: /claim project_path/,
  },
  {
    name: 'a commit that is none',
    environment: { ...github, GITHUB_SHA: 'main' },
    message: /GITHUB_SHA: want the commit in hex, got "main"/,
  },
  {
    name: 'a repository with a space',
    environment: { ...github, GITHUB_REPOSITORY: 'acme/app x' },
    message: /GITHUB_REPOSITORY: want the repository as OWNER\/NAME/,
  },
  {
    name: 'a workflow of another repository',
    environment: { ...github, GITHUB_WORKFLOW_REF: 'acme/other/.github/workflows/x.yml@refs/heads/main' },
    message: /want a workflow of "acme\/app", got "acme\/other/,
  },
  {
    name: 'a server without TLS',
    environment: { ...github, GITHUB_SERVER_URL: 'http://github.com' },
    message: /GITHUB_SERVER_URL: want the server's https URL/,
  },
  {
    name: 'a claim that is no commit',
    environment: noVariables(github),
    claims: { ...githubClaims, sha: 'x' },
    message: /claim sha: want the commit in hex, got "x"/,
  },
  {
    name: 'a start that is no time',
    environment: { ...gitlab, CI_JOB_STARTED_AT: 'noon' },
    message: /CI_JOB_STARTED_AT: want an RFC 3339 time, got "noon"/,
  },
] as const satisfies readonly { name: string; environment: Words; claims?: Words; code?: string; message: RegExp }[])
  test(`no provenance is made of ${name}`, () =>
    assert.throws(() => generate(environment, claims), { name: 'CountersignError', code, message }))
