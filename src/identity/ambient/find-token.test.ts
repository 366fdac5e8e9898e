import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError, type ErrorCode } from '../../codec/error.ts'
import { findAmbientToken } from './find-token.ts'
import type { AmbientEffects } from './provider.ts'

type Scene = {
  readonly environment?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
  readonly answer?: (request: Request) => Response | Promise<Response>
  readonly programs?: (line: string) => string
}

function effectsOf({ environment = {}, files = {}, answer, programs }: Scene) {
  const requests: Request[] = []
  const effects: AmbientEffects = {
    environment: new Map(Object.entries(environment)),
    signal: new AbortController().signal,
    world: {
      fetch: async (input, init) => {
        const request = new Request(input, init)
        requests.push(request.clone())
        if (!answer) throw Object.assign(new Error('x'), { code: 'ENOTFOUND' })
        return await answer(request)
      },
      now: () => new Date('2026-01-02T03:04:05Z'),
      sleep: async () => {},
    },
    exists: async path => path in files,
    readText: async path => files[path],
    run: async (program, args) => {
      if (!programs) throw new CountersignError('CREDENTIALS_UNAVAILABLE', `${program}: no such program on the PATH`)
      return programs([program, ...args].join(' '))
    },
    connectSocket: async path => {
      throw new CountersignError('SERVICE_UNAVAILABLE', `no socket ${path} here`)
    },
  }
  return { effects, requests }
}

const github = {
  GITHUB_ACTIONS: 'true',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-secret',
  ACTIONS_ID_TOKEN_REQUEST_URL: 'https://actions.test/token?api-version=2.0&job=secret',
}
const buildkite = { BUILDKITE_AGENT_ACCESS_TOKEN: 'agent-secret', BUILDKITE_JOB_ID: 'job/1' }
const permission = /^GitHub Actions gives this job no identity token: it lacks the permission `id-token: write`/

for (const { name, only, token, provider, asked, code, message, ...scene } of [
  {
    name: 'GitHub Actions',
    environment: github,
    answer: () => Response.json({ count: 1, value: 'T' }),
    token: 'T',
    provider: 'github-actions',
    asked: ['GET https://actions.test/token?api-version=2.0&job=secret&audience=sigstore bearer runner-secret'],
  },
  {
    name: 'GitHub Actions without the permission',
    environment: { GITHUB_ACTIONS: 'true' },
    code: 'TOKEN_UNAVAILABLE',
    message: permission,
  },
  {
    name: 'GitHub Actions without the permission, and a token of another place',
    environment: { GITHUB_ACTIONS: 'true', SIGSTORE_ID_TOKEN: 'T' },
    token: 'T',
    provider: 'envvar',
  },
  {
    name: 'GitHub Actions that says no',
    environment: github,
    answer: () => new Response('{}', { status: 403 }),
    code: 'SERVICE_REFUSED',
    message: /^GET https:\/\/actions\.test\/token: want status 2xx, got 403$/,
  },
  {
    name: 'GitHub Actions that is out, three times',
    environment: github,
    answer: () => new Response('', { status: 503 }),
    code: 'SERVICE_UNAVAILABLE',
    message: /^GET https:\/\/actions\.test\/token: want status 2xx, got 503$/,
    asked: 3,
  },
  {
    name: 'GitHub Actions that answers something else',
    environment: github,
    answer: () => Response.json({ token: 'T' }),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /want a member value/,
  },
  {
    name: 'an address that is none',
    environment: { ...github, ACTIONS_ID_TOKEN_REQUEST_URL: 'secret' },
    code: 'TOKEN_UNAVAILABLE',
    message: /^ACTIONS_ID_TOKEN_REQUEST_URL is no URL$/,
  },
  { name: 'a variable', environment: { SIGSTORE_ID_TOKEN: ' T\n' }, token: 'T', provider: 'envvar' },
  { name: 'GitLab CI', only: 'gitlab-ci', environment: { GITLAB_CI: 'true', SIGSTORE_ID_TOKEN: 'T' }, token: 'T', provider: 'gitlab-ci' },
  {
    name: 'GitLab CI without a token',
    environment: { GITLAB_CI: 'true' },
    code: 'TOKEN_UNAVAILABLE',
    message: /add to the job `id_tokens:` with `SIGSTORE_ID_TOKEN:` and under it `aud: sigstore`$/,
  },
  { name: 'a file', files: { '/var/run/sigstore/cosign/oidc-token': 'T\n' }, token: 'T', provider: 'filesystem' },
  {
    name: 'an empty file',
    files: { '/var/run/sigstore/cosign/oidc-token': '\n' },
    code: 'TOKEN_UNAVAILABLE',
    message: /^filesystem: its identity token is empty$/,
  },
  {
    name: 'a machine of Google',
    files: { '/sys/class/dmi/id/product_name': 'Google Compute Engine\n' },
    answer: (request: Request) => new Response(request.headers.get('metadata-flavor') === 'Google' ? 'T' : ''),
    token: 'T',
    provider: 'google-workload-identity',
    asked: [
      'GET http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience=sigstore&format=full null',
    ],
  },
  {
    name: 'a service account of Google',
    environment: { GOOGLE_SERVICE_ACCOUNT_NAME: 'ci@p.iam.gserviceaccount.com' },
    answer: async (request: Request) => {
      if (request.method === 'GET') return Response.json({ access_token: 'A', expires_in: 1 })
      assert.deepEqual(await request.json(), { audience: 'sigstore', includeEmail: true })
      return Response.json({ token: 'T' })
    },
    token: 'T',
    provider: 'google-impersonate',
    asked: [
      'GET http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token null',
      'POST https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ci%40p.iam.gserviceaccount.com:generateIdToken Bearer A',
    ],
  },
  {
    name: 'Buildkite',
    environment: buildkite,
    answer: async (request: Request) => {
      assert.deepEqual(await request.json(), { audience: 'sigstore' })
      return Response.json({ token: 'T' })
    },
    token: 'T',
    provider: 'buildkite-agent',
    asked: ['POST https://agent.buildkite.com/v3/jobs/job%2F1/oidc/tokens Token agent-secret'],
  },
  {
    name: 'Buildkite without a job',
    environment: { BUILDKITE_AGENT_ACCESS_TOKEN: 'x' },
    code: 'TOKEN_UNAVAILABLE',
    message: /^Buildkite: BUILDKITE_JOB_ID is not set/,
  },
  {
    name: 'CircleCI',
    environment: { CIRCLECI: 'true' },
    programs: (line: string) => (line === 'circleci run oidc get --claims {"aud":"sigstore"}' ? 'T\n' : ''),
    token: 'T',
    provider: 'circleci',
  },
  {
    name: 'CircleCI without its program',
    environment: { CIRCLECI: 'true' },
    code: 'CREDENTIALS_UNAVAILABLE',
    message: /^circleci: no such program/,
  },
  {
    name: 'SPIFFE at an address that is none',
    environment: { SPIFFE_ENDPOINT_SOCKET: 'tcp://1.2.3.4:5' },
    code: 'TOKEN_UNAVAILABLE',
    message: /^SPIFFE_ENDPOINT_SOCKET: want unix:\/\/\/PATH/,
  },
  { name: 'nowhere', token: undefined },
  {
    name: 'one that is not here',
    only: 'buildkite-agent',
    code: 'TOKEN_UNAVAILABLE',
    message: /^buildkite-agent: this process does not run there/,
  },
  {
    name: 'one that nobody knows',
    only: 'x',
    code: 'USAGE',
    message: /^--oidc-provider: want one of github-actions, envvar, .*, spiffe, got "x"$/,
  },
] as readonly (Scene & {
  readonly name: string
  readonly only?: string
  readonly token?: string
  readonly provider?: string
  readonly asked?: readonly string[] | number
  readonly code?: ErrorCode
  readonly message?: RegExp
})[])
  test(`ambient token: ${name}`, async () => {
    const { effects, requests } = effectsOf(scene)
    const found = findAmbientToken(effects, only)
    if (code) await assert.rejects(found, { name: 'CountersignError', code, message: message! })
    else assert.deepEqual(await found, token === undefined ? undefined : { token, provider })
    const lines = requests.map(({ method, url, headers }) => `${method} ${url} ${headers.get('authorization')}`)
    if (typeof asked === 'number') assert.equal(lines.length, asked)
    else if (asked) assert.deepEqual(lines, asked)
  })
