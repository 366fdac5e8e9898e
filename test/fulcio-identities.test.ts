import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ciProvidersConfig } from './fulcio/ci-providers.ts'
import { certificatesOf, createRig, type FulcioRig, tokenOf } from './fulcio/rig.ts'

// Golden names and extensions of every type of issuer, by the tables of services.md §1.3 and §1.4, read from the bytes of certificates.

const config = `${ciProvidersConfig}
meta-issuers:
  https://*.clusters.example: {client-id: sigstore, type: kubernetes}
`
const plain = `oidc-issuers:
  https://people.example: {client-id: sigstore, type: email}
  https://dex.example: {client-id: sigstore, type: email, issuer-claim: $.federated_claims.connector_id}
  https://lax.example: {client-id: sigstore, type: email, skip-email-verification: true}
  https://github.example: {client-id: sigstore, type: github-workflow}
  https://gitlab.example: {client-id: sigstore, type: gitlab-pipeline}
  https://buildkite.example: {client-id: sigstore, type: buildkite-job}
  https://codefresh.example: {client-id: sigstore, type: codefresh-workflow}
  https://chainguard.example: {client-id: sigstore, type: chainguard-identity}
  https://spiffe.example: {client-id: sigstore, type: spiffe, spiffe-trust-domain: mesh.example}
  https://accounts.uri.example: {client-id: sigstore, type: uri, subject-domain: https://users.uri.example}
  https://accounts.name.example: {client-id: sigstore, type: username, subject-domain: name.example}
meta-issuers:
  https://*.clusters.example: {client-id: sigstore, type: kubernetes}
`

const workflow = {
  job_workflow_ref: 'octo/shared/.github/workflows/build.yml@refs/heads/main',
  sha: 'a'.repeat(40),
  event_name: 'push',
  repository: 'octo/app',
  workflow: 'Release it',
  ref: 'refs/tags/v1',
  job_workflow_sha: 'b'.repeat(40),
  runner_environment: 'github-hosted',
  repository_id: '11',
  repository_owner: 'octo',
  repository_owner_id: '12',
  repository_visibility: 'public',
  workflow_ref: 'octo/app/.github/workflows/release.yml@refs/tags/v1',
  workflow_sha: 'c'.repeat(40),
  run_id: '13',
  run_attempt: '1',
}
const workflowValues = {
  2: 'push',
  3: workflow.sha,
  4: 'Release it',
  5: 'octo/app',
  6: 'refs/tags/v1',
  9: `https://github.com/${workflow.job_workflow_ref}`,
  10: workflow.job_workflow_sha,
  11: 'github-hosted',
  12: 'https://github.com/octo/app',
  13: workflow.sha,
  14: 'refs/tags/v1',
  15: '11',
  16: 'https://github.com/octo',
  17: '12',
  18: `https://github.com/${workflow.workflow_ref}`,
  19: workflow.workflow_sha,
  20: 'push',
  21: 'https://github.com/octo/app/actions/runs/13/attempts/1',
  22: 'public',
}
const pipeline = {
  project_path: 'group/app',
  project_id: '21',
  pipeline_source: 'web',
  pipeline_id: '22',
  ci_config_ref_uri: 'gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main',
  ci_config_sha: 'd'.repeat(40),
  job_id: '23',
  ref: 'main',
  ref_type: 'branch',
  namespace_path: 'group',
  namespace_id: '24',
  sha: 'e'.repeat(40),
  runner_environment: 'self-hosted',
  runner_id: 25,
  project_visibility: 'private',
}
const codefresh = {
  account_id: 'a1',
  account_name: 'team',
  pipeline_id: 'p1',
  pipeline_name: 'app/build',
  workflow_id: 'w1',
  scm_repo_url: 'https://github.com/team/app',
}

type Golden = {
  readonly name: string
  readonly iss: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly challenge?: string // `sub` unless told
  readonly san: readonly [kind: string, value: string]
  readonly values?: Readonly<Record<number, string>> // besides issuer and subject
  readonly issuer?: string // `iss` unless told
}

const goldens: readonly Golden[] = [
  {
    name: 'email',
    iss: 'https://people.example',
    claims: { email: 'dev@example.com', email_verified: 'true' },
    challenge: 'dev@example.com',
    san: ['email', 'dev@example.com'],
  },
  {
    name: 'email by way of another issuer',
    iss: 'https://dex.example',
    claims: { email: 'dev@example.com', email_verified: true, federated_claims: { connector_id: 'https://github.com/login/oauth' } },
    challenge: 'dev@example.com',
    san: ['email', 'dev@example.com'],
    issuer: 'https://github.com/login/oauth',
  },
  {
    name: 'email that nobody verified, where that is wanted',
    iss: 'https://lax.example',
    claims: { email: 'dev@example.com' },
    challenge: 'dev@example.com',
    san: ['email', 'dev@example.com'],
  },
  {
    name: 'github-workflow',
    iss: 'https://github.example',
    claims: workflow,
    san: ['uri', `https://github.com/${workflow.job_workflow_ref}`],
    values: workflowValues,
  },
  {
    name: 'gitlab-pipeline',
    iss: 'https://gitlab.example',
    claims: pipeline,
    san: ['uri', `https://${pipeline.ci_config_ref_uri}`],
    values: {
      9: `https://${pipeline.ci_config_ref_uri}`,
      10: pipeline.ci_config_sha,
      11: 'self-hosted',
      12: 'https://gitlab.com/group/app',
      13: pipeline.sha,
      14: 'refs/heads/main',
      15: '21',
      16: 'https://gitlab.com/group',
      17: '24',
      18: `https://${pipeline.ci_config_ref_uri}`,
      19: pipeline.ci_config_sha,
      20: 'web',
      21: 'https://gitlab.com/group/app/-/jobs/23',
      22: 'private',
    },
  },
  {
    name: 'buildkite-job',
    iss: 'https://buildkite.example',
    claims: { organization_slug: 'team', pipeline_slug: 'app' },
    san: ['uri', 'https://buildkite.com/team/app'],
  },
  {
    name: 'codefresh-workflow',
    iss: 'https://codefresh.example',
    claims: codefresh,
    san: ['uri', 'https://g.codefresh.io/team/app/build:a1/p1'],
    values: {
      9: 'https://g.codefresh.io/build/w1',
      12: 'https://github.com/team/app',
      18: 'https://g.codefresh.io/api/pipelines/p1',
      21: 'https://g.codefresh.io/build/w1',
    },
  },
  {
    name: 'chainguard-identity',
    iss: 'https://chainguard.example',
    claims: { sub: 'group/identity' },
    challenge: 'group/identity',
    san: ['uri', 'https://chainguard.example/group/identity'],
  },
  {
    name: 'chainguard-identity with an address, which the client signs',
    iss: 'https://chainguard.example',
    claims: { sub: 'group/identity', email: 'dev@example.com', email_verified: true },
    challenge: 'dev@example.com',
    san: ['uri', 'https://chainguard.example/group/identity'],
  },
  {
    name: 'kubernetes',
    iss: 'https://one.clusters.example',
    claims: { 'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'builder', uid: 'x' }, pod: {} } },
    san: ['uri', 'https://kubernetes.io/namespaces/ci/serviceaccounts/builder'],
  },
  {
    name: 'spiffe',
    iss: 'https://spiffe.example',
    claims: { sub: 'spiffe://mesh.example/ns/ci/sa/builder' },
    san: ['uri', 'spiffe://mesh.example/ns/ci/sa/builder'],
  },
  {
    name: 'uri',
    iss: 'https://accounts.uri.example',
    claims: { sub: 'https://users.uri.example/7' },
    san: ['uri', 'https://users.uri.example/7'],
  },
  { name: 'username', iss: 'https://accounts.name.example', claims: { sub: 'dev' }, san: ['other-name', 'dev!name.example'] },
  {
    name: 'ci-provider as GitHub',
    iss: 'https://hub.example',
    claims: { ...workflow, environment: 'production' },
    san: ['uri', `https://github.com/${workflow.job_workflow_ref}`],
    values: { ...workflowValues, 23: 'production' },
  },
  {
    name: 'ci-provider as GitHub without environment; a branch beyond ASCII',
    iss: 'https://hub.example',
    claims: { ...workflow, job_workflow_ref: 'octo/app/.github/workflows/b.yml@refs/heads/für alle' },
    san: ['uri', 'https://github.com/octo/app/.github/workflows/b.yml@refs/heads/f%C3%BCr%20alle'],
    values: { ...workflowValues, 9: 'https://github.com/octo/app/.github/workflows/b.yml@refs/heads/für alle' },
  },
  {
    name: 'ci-provider as GitLab, of a tag',
    iss: 'https://lab.example',
    claims: { ...pipeline, ref_type: 'tag', ref: 'v1', url: 'https://gitlab.internal' },
    san: ['uri', `https://${pipeline.ci_config_ref_uri}`],
    values: { 9: `https://${pipeline.ci_config_ref_uri}`, 14: 'refs/tags/v1', 21: 'https://gitlab.internal/group/app/-/jobs/23' },
  },
  {
    name: 'ci-provider as Buildkite, with a number',
    iss: 'https://kite.example',
    claims: {
      organization_slug: 'team',
      pipeline_slug: 'app',
      build_number: 1e21,
      job_id: 'j',
      build_commit: 'f'.repeat(40),
      build_source: 'ui',
      runner_environment: 'self-hosted',
    },
    san: ['uri', 'https://buildkite.com/team/app'],
    values: { 11: 'self-hosted', 13: 'f'.repeat(40), 20: 'ui', 21: 'https://buildkite.com/team/app/builds/1000000000000000000000#j' },
  },
  {
    name: 'ci-provider as Codefresh',
    iss: 'https://fresh.example',
    claims: codefresh,
    san: ['uri', 'https://g.codefresh.io/team/app/build:a1/p1'],
    values: { 9: 'https://g.codefresh.io/build/w1' },
  },
  {
    name: 'ci-provider as CircleCI',
    iss: 'https://circle.example',
    claims: {
      'oidc.circleci.com/project-id': 'p',
      'oidc.circleci.com/pipeline-definition-id': 'd',
      'oidc.circleci.com/ssh-rerun': true,
      'oidc.circleci.com/vcs-ref': 'refs/heads/main',
    },
    san: ['uri', 'https://circleci.com/api/v2/projects/p/pipeline-definitions/d'],
    values: { 9: 'https://circleci.com/api/v2/projects/p/pipeline-definitions/d', 11: 'ssh-rerun', 14: 'refs/heads/main' },
  },
  {
    name: 'ci-provider as Buddy',
    iss: 'https://buddy.example',
    claims: { pipeline_url: 'https://app.buddy.works/team/app/pipelines/pipeline/1', revision: '9'.repeat(40) },
    san: ['uri', 'https://app.buddy.works/team/app/pipelines/pipeline/1'],
    values: { 9: 'https://app.buddy.works/team/app/pipelines/pipeline/1', 13: '9'.repeat(40) },
  },
]

const rigs: Promise<readonly FulcioRig[]> = Promise.all([createRig({ config: plain }), createRig({ config })])

async function rigFor(iss: string): Promise<FulcioRig> {
  const [first, second] = await rigs
  return plain.includes(`${iss}:`) || iss.includes('clusters') ? first! : second!
}

/** As the table has it: bare text up to number 6, then DER. */
function bytesOf(number: number, text: string): string {
  const bytes = Buffer.from(text)
  if (number <= 6) return bytes.toString('hex')
  const length = bytes.length < 128 ? [bytes.length] : [0x81, bytes.length]
  return Buffer.from([0x0c, ...length, ...bytes]).toString('hex')
}

for (const { name, iss, claims, challenge, san, values = {}, issuer = iss } of goldens)
  test(`golden: ${name}`, async () => {
    const rig = await rigFor(iss)
    const sub = String(claims['sub'] ?? 'subject')
    const response = await rig.ask({ iss, ...claims }, { challenge: challenge ?? sub })
    assert.equal(response.status, 200, await response.clone().text())
    const [leaf] = await certificatesOf(response)
    const [only, ...others] = leaf!.subjectAlternativeNames
    assert.equal(others.length, 0)
    assert.equal(leaf!.extensions.get('2.5.29.17')?.critical, true)
    assert.deepEqual([only!.kind, 'value' in only! ? only.value : ''], san)
    if (only?.kind === 'other-name') assert.equal(only.type, '1.3.6.1.4.1.57264.1.7')
    const expected = Object.entries({ ...values, 1: issuer, 8: issuer, 24: sub }).map(([number, text]) => [Number(number), text] as const)
    assert.deepEqual(
      [...leaf!.extensions]
        .filter(([oid]) => oid.startsWith('1.3.6.1.4.1.57264.'))
        .map(([oid, { value }]) => [Number(oid.split('.').at(-1)), Buffer.from(value).toString('hex')]),
      expected.sort(([a], [b]) => a - b).map(([number, text]) => [number, bytesOf(number, text)]),
    )
  })

const generic = /^There was an error processing the identity token$/
const without = (claims: Readonly<Record<string, unknown>>, name: string) => ({ ...claims, [name]: undefined })

for (const { name, iss, claims, message = generic, reason = /./ } of [
  ...Object.keys(workflow).map(claim => ({
    name: `github-workflow without ${claim}`,
    iss: 'https://github.example',
    claims: without(workflow, claim),
    reason: new RegExp(`missing ${claim} claim`),
  })),
  ...Object.keys(pipeline)
    .filter(claim => claim !== 'ci_config_sha' && claim !== 'project_visibility')
    .map(claim => ({
      name: `gitlab-pipeline without ${claim}`,
      iss: 'https://gitlab.example',
      claims: without(pipeline, claim),
      reason: new RegExp(`missing ${claim} claim`),
    })),
  {
    name: 'gitlab-pipeline of another kind of ref',
    iss: 'https://gitlab.example',
    claims: { ...pipeline, ref_type: 'merge' },
    reason: /unexpected ref_type/,
  },
  {
    name: 'gitlab-pipeline without runner',
    iss: 'https://gitlab.example',
    claims: { ...pipeline, runner_id: 0 },
    reason: /missing runner_id/,
  },
  ...['organization_slug', 'pipeline_slug'].map(claim => ({
    name: `buildkite-job without ${claim}`,
    iss: 'https://buildkite.example',
    claims: without({ organization_slug: 'a', pipeline_slug: 'b' }, claim),
    reason: new RegExp(`missing ${claim} claim`),
  })),
  ...['account_id', 'pipeline_id', 'workflow_id'].map(claim => ({
    name: `codefresh-workflow without ${claim}`,
    iss: 'https://codefresh.example',
    claims: without(codefresh, claim),
    reason: new RegExp(`missing ${claim} claim`),
  })),
  {
    name: 'email through an issuer that does not say whose',
    iss: 'https://dex.example',
    claims: { email: 'a@b.c', email_verified: true, federated_claims: {} },
    reason: /names the issuer is missing/,
  },
  {
    name: 'email with a name beside it',
    iss: 'https://people.example',
    claims: { email: 'dev@example.com, eve@example.com', email_verified: true },
    reason: /not valid/,
  },
  {
    name: 'email beyond ASCII',
    iss: 'https://people.example',
    claims: { email: 'dév@example.com', email_verified: true },
    reason: /not valid/,
  },
  {
    name: 'chainguard-identity with an address that is not verified',
    iss: 'https://chainguard.example',
    claims: { sub: 'a', email: 'a@b.c' },
    reason: /email_verified/,
  },
  { name: 'chainguard-identity that climbs', iss: 'https://chainguard.example', claims: { sub: 'a/../b' }, reason: /no path/ },
  {
    name: 'kubernetes without service account',
    iss: 'https://one.clusters.example',
    claims: { 'kubernetes.io': { namespace: 'ci' } },
    reason: /serviceaccount.name/,
  },
  {
    name: 'kubernetes whose namespace is a path',
    iss: 'https://one.clusters.example',
    claims: { 'kubernetes.io': { namespace: 'a/b', serviceaccount: { name: 'x' } } },
    reason: /namespace/,
  },
  {
    name: 'spiffe of another domain',
    iss: 'https://spiffe.example',
    claims: { sub: 'spiffe://mesh.example.evil/x' },
    reason: /doesn't match/,
  },
  { name: 'spiffe that is no ID', iss: 'https://spiffe.example', claims: { sub: 'https://mesh.example/x' }, reason: /invalid spiffe ID/ },
  { name: 'spiffe that climbs', iss: 'https://spiffe.example', claims: { sub: 'spiffe://mesh.example/../x' }, reason: /invalid spiffe ID/ },
  {
    name: 'uri of another host',
    iss: 'https://accounts.uri.example',
    claims: { sub: 'https://users.uri.example.evil/7' },
    reason: /hostname must match/,
  },
  {
    name: 'uri with a user',
    iss: 'https://accounts.uri.example',
    claims: { sub: 'https://users.uri.example@evil.test/7' },
    reason: /must match/,
  },
  {
    name: 'uri of another scheme',
    iss: 'https://accounts.uri.example',
    claims: { sub: 'http://users.uri.example/7' },
    reason: /scheme must match/,
  },
  { name: 'uri that is an address', iss: 'https://accounts.uri.example', claims: { sub: 'a@b.example' }, reason: /should not be an email/ },
  { name: 'username with !', iss: 'https://accounts.name.example', claims: { sub: 'dev!x' }, reason: /cannot contain !/ },
  {
    name: 'username that is an address',
    iss: 'https://accounts.name.example',
    claims: { sub: 'a@b.example' },
    reason: /should not be an email/,
  },
  { name: 'username that hides something', iss: 'https://accounts.name.example', claims: { sub: 'dev\u202e' }, reason: /cannot be seen/ },
  {
    name: 'ci-provider without a claim of its template',
    iss: 'https://hub.example',
    claims: without(workflow, 'run_id'),
    message: /^template: the token has no claim "run_id"/,
  },
  {
    name: 'ci-provider without a claim',
    iss: 'https://hub.example',
    claims: without(workflow, 'sha'),
    message: /^value "sha" not present in either claims or defaults$/,
  },
  {
    name: 'ci-provider with a claim that is a list',
    iss: 'https://hub.example',
    claims: { ...workflow, sha: ['a'] },
    message: /^value "sha" not present/,
  },
  {
    name: 'ci-provider whose subject is no URI',
    iss: 'https://buddy.example',
    claims: { pipeline_url: 'not a URI', revision: 'x' },
    message: /^the subject is no URI: "not a URI"$/,
  },
  {
    name: 'ci-provider without the claim of its subject',
    iss: 'https://buddy.example',
    claims: { revision: 'x' },
    message: /^template: the token has no claim "pipeline_url", and there is no default$/,
  },
] as readonly { name: string; iss: string; claims: Record<string, unknown>; message?: RegExp; reason?: RegExp }[])
  test(`refused: ${name}`, async () => {
    const rig = await rigFor(iss)
    const [before, signed] = [rig.logs.length, String(claims['sub'] ?? 'subject')]
    const response = await rig.ask({ iss, ...claims }, { challenge: signed, token: tokenOf({ iss, ...claims }) })
    assert.equal(response.status, 400)
    assert.match(((await response.json()) as { message: string }).message, message)
    assert.match(rig.logs.slice(before).join('\n'), reason)
  })
