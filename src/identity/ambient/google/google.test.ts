import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ErrorCode } from '../../../codec/error.ts'
import { findAmbientToken } from '../find-token.ts'
import type { AmbientEffects } from '../provider.ts'

const vector = (name: string) => readFileSync(join(import.meta.dirname, '../../../../test/vectors/cosign-keys/import', name), 'utf8')
const privateKey = vector('rsa-3072.pkcs8.pem')
const now = new Date('2026-01-02T03:04:05Z')
const path = '/keys/google.json'
const home = '/home/dev/.config/gcloud/application_default_credentials.json'
const account = 'ci@p.iam.gserviceaccount.com'
const scope = 'https://www.googleapis.com/auth/cloud-platform'
const tokenUrl = 'https://oauth2.googleapis.com/token'
const accounts = 'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts'
const impersonationUrl = `${accounts}/${account}:generateAccessToken`
const ofAccount = (verb: string, name = account) => `POST ${accounts}/${encodeURIComponent(name)}:${verb}`

const serviceAccount = {
  type: 'service_account',
  client_email: 'robot@p.iam.gserviceaccount.com',
  private_key_id: 'k1',
  private_key: privateKey,
  token_uri: tokenUrl,
  universe_domain: 'googleapis.com',
  project_id: 'p',
}
const person = { type: 'authorized_user', client_id: 'client', client_secret: 's3cret', refresh_token: 'r3fresh' }
const impersonating = {
  type: 'impersonated_service_account',
  service_account_impersonation_url: impersonationUrl,
  delegates: ['between@p.iam.gserviceaccount.com'],
  source_credentials: person,
}
const workload = {
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: 'https://sts.googleapis.com/v1/token',
  service_account_impersonation_url: impersonationUrl,
  credential_source: { file: '/var/token' },
}

/** A request as the fake Google saw it. */
type Seen = { readonly line: string; readonly authorization: string | null; readonly body: Readonly<Record<string, unknown>> }

function rig(
  keyFile: unknown,
  { at = path, environment = {} as Readonly<Record<string, string>>, files = {} as Readonly<Record<string, string>> } = {},
) {
  const seen: Seen[] = []
  const all: Readonly<Record<string, string>> = { ...files, ...(keyFile !== undefined && { [at]: JSON.stringify(keyFile) }) }
  const effects: AmbientEffects = {
    environment: new Map(Object.entries({ ...(at === path && { GOOGLE_APPLICATION_CREDENTIALS: path }), ...environment })),
    signal: new AbortController().signal,
    world: {
      now: () => now,
      sleep: async () => {},
      fetch: async (input, init) => {
        const request = new Request(input, init)
        const text = await request.text()
        const isForm = request.headers.get('content-type') === 'application/x-www-form-urlencoded'
        const body = isForm ? Object.fromEntries(new URLSearchParams(text)) : text === '' ? {} : JSON.parse(text)
        seen.push({ line: `${request.method} ${request.url}`, authorization: request.headers.get('authorization'), body })
        return answer(request.url, body)
      },
    },
    exists: async name => name in all,
    readText: async name => all[name],
    run: () => assert.fail('no program is run'),
    connectSocket: () => assert.fail('no socket is opened'),
  }
  return { effects, seen }
}

function answer(url: string, body: Readonly<Record<string, unknown>>): Response {
  if (url === tokenUrl && typeof body['assertion'] === 'string') {
    const claims = JSON.parse(Buffer.from(body['assertion'].split('.')[1]!, 'base64url').toString())
    return Response.json(claims.target_audience ? { id_token: 'ID' } : { access_token: 'ACCESS' })
  }
  if (url === tokenUrl) return Response.json({ access_token: 'OF-PERSON', id_token: 'for the client' })
  if (url === workload.token_url) return Response.json({ access_token: 'FEDERATED' })
  if (url.endsWith(':generateAccessToken')) return Response.json({ accessToken: 'OF-ACCOUNT' })
  if (url.endsWith(':generateIdToken')) return Response.json({ token: 'ID' })
  if (url === 'https://ci.test/token') return Response.json({ value: 'WORKLOAD' })
  return new Response('WORKLOAD\n')
}

for (const { name, keyFile, provider = 'google-workload-identity', environment, files, at, asked } of [
  { name: 'of a service account', keyFile: serviceAccount, asked: [[`POST ${tokenUrl}`, null]] },
  { name: 'that gcloud keeps', keyFile: serviceAccount, at: home, environment: { HOME: '/home/dev' }, asked: [[`POST ${tokenUrl}`, null]] },
  {
    name: 'of a person who speaks for a service account',
    keyFile: impersonating,
    asked: [
      [`POST ${tokenUrl}`, null],
      [ofAccount('generateIdToken'), 'Bearer OF-PERSON'],
    ],
  },
  {
    name: 'of a workload, with its token in a file',
    keyFile: workload,
    files: { '/var/token': 'WORKLOAD\n' },
    asked: [
      [`POST ${workload.token_url}`, null],
      [ofAccount('generateIdToken'), 'Bearer FEDERATED'],
    ],
  },
  {
    name: 'of a workload, with its token at an address',
    keyFile: {
      ...workload,
      credential_source: {
        url: 'https://ci.test/token',
        headers: { Authorization: 'Bearer ci' },
        format: { type: 'json', subject_token_field_name: 'value' },
      },
    },
    asked: [
      ['GET https://ci.test/token', 'Bearer ci'],
      [`POST ${workload.token_url}`, null],
      [ofAccount('generateIdToken'), 'Bearer FEDERATED'],
    ],
  },
  {
    name: 'of a workload on a machine that tells it who it is',
    keyFile: { ...workload, credential_source: { url: 'http://169.254.169.254/token' } },
    asked: [
      ['GET http://169.254.169.254/token', null],
      [`POST ${workload.token_url}`, null],
      [ofAccount('generateIdToken'), 'Bearer FEDERATED'],
    ],
  },
  ...[
    { name: 'a service account', keyFile: serviceAccount, before: [[`POST ${tokenUrl}`, null]], access: 'ACCESS' },
    { name: 'a person', keyFile: person, before: [[`POST ${tokenUrl}`, null]], access: 'OF-PERSON' },
    {
      name: 'another service account',
      keyFile: impersonating,
      before: [
        [`POST ${tokenUrl}`, null],
        [ofAccount('generateAccessToken'), 'Bearer OF-PERSON'],
      ],
      access: 'OF-ACCOUNT',
    },
    {
      name: 'a workload',
      keyFile: { ...workload, service_account_impersonation_url: undefined },
      before: [[`POST ${workload.token_url}`, null]],
      access: 'FEDERATED',
    },
  ].map(({ name, keyFile, before, access }) => ({
    name: `of ${name} that speaks for the service account that is named`,
    keyFile,
    provider: 'google-impersonate',
    environment: { GOOGLE_SERVICE_ACCOUNT_NAME: 'named@p.iam.gserviceaccount.com' },
    files: { '/var/token': 'WORKLOAD' },
    asked: [...before, [ofAccount('generateIdToken', 'named@p.iam.gserviceaccount.com'), `Bearer ${access}`]],
  })),
] as readonly {
  readonly name: string
  readonly keyFile: unknown
  readonly at?: string
  readonly provider?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
  readonly asked: readonly (readonly [string, string | null])[]
}[])
  test(`a key file of Google's: ${name}`, async () => {
    const { effects, seen } = rig(keyFile, { ...(at && { at }), ...(environment && { environment }), ...(files && { files }) })
    assert.deepEqual(await findAmbientToken(effects, provider), { token: 'ID', provider })
    assert.deepEqual(
      seen.map(({ line, authorization }) => [line, authorization]),
      asked,
    )
  })

test("a key file of Google's: what is said to Google", async () => {
  const { effects, seen } = rig(serviceAccount)
  await findAmbientToken(effects, 'google-workload-identity')
  const { grant_type: grant, assertion } = seen[0]!.body as { grant_type: string; assertion: string }
  assert.equal(grant, 'urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [header, payload, signature] = assertion.split('.') as [string, string, string]
  assert.ok(verify('sha256', Buffer.from(`${header}.${payload}`), createPublicKey(privateKey), Buffer.from(signature, 'base64url')))
  const iat = now.getTime() / 1000
  const email = serviceAccount.client_email
  assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'RS256', typ: 'JWT', kid: 'k1' })
  assert.deepEqual(JSON.parse(Buffer.from(payload, 'base64url').toString()), {
    ...{ iss: email, sub: email, aud: tokenUrl, iat, exp: iat + 3600 },
    target_audience: 'sigstore',
  })
  const delegated = rig(impersonating)
  await findAmbientToken(delegated.effects, 'google-workload-identity')
  assert.deepEqual(
    delegated.seen.map(({ body }) => body),
    [
      { grant_type: 'refresh_token', client_id: 'client', client_secret: 's3cret', refresh_token: 'r3fresh' },
      { audience: 'sigstore', includeEmail: true, delegates: ['projects/-/serviceAccounts/between@p.iam.gserviceaccount.com'] },
    ],
  )
  const federated = rig(workload, { files: { '/var/token': ' WORKLOAD\n' } })
  await findAmbientToken(federated.effects, 'google-workload-identity')
  assert.deepEqual(federated.seen[0]!.body, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: workload.audience,
    scope,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: 'WORKLOAD',
    subject_token_type: workload.subject_token_type,
  })
})

test("a key file of Google's: is no reason to sign by it where nobody asked for Google", async () => {
  const { effects, seen } = rig(serviceAccount)
  assert.equal(await findAmbientToken(effects), undefined)
  assert.deepEqual(seen, [])
})

const malformed = 'CREDENTIALS_MALFORMED'
const unavailable = 'TOKEN_UNAVAILABLE'
for (const { name, keyFile, code, message } of [
  {
    name: 'that is not there',
    keyFile: undefined,
    code: unavailable,
    message: /^GOOGLE_APPLICATION_CREDENTIALS names "\/keys\/google\.json", which is not/,
  },
  { name: 'that is a list', keyFile: [], code: malformed, message: /want an object/ },
  {
    name: 'of another kind',
    keyFile: { type: 'gdch_service_account' },
    code: unavailable,
    message: /want one of service_account, .*, got "gdch_/,
  },
  { name: 'without a kind', keyFile: {}, code: malformed, message: /\.type: want a string/ },
  {
    name: 'of another universe',
    keyFile: { ...serviceAccount, universe_domain: 'x.test' },
    code: unavailable,
    message: /only the universe googleapis\.com/,
  },
  {
    name: 'without its key',
    keyFile: { ...serviceAccount, private_key: '' },
    code: malformed,
    message: /private_key: want text, got none/,
  },
  { name: 'with a key that is none', keyFile: { ...serviceAccount, private_key: 'x' }, code: malformed, message: /private_key/ },
  {
    name: 'with a key of another algorithm',
    keyFile: { ...serviceAccount, private_key: vector('ed25519.pkcs8.pem') },
    code: malformed,
    message: /want an RSA key, got ed25519/,
  },
  {
    name: 'that sends its key elsewhere',
    keyFile: { ...serviceAccount, token_uri: 'https://evil.test/token' },
    code: malformed,
    message: /token_uri: want https at googleapis\.com/,
  },
  {
    name: 'that sends its key by http',
    keyFile: { ...serviceAccount, token_uri: 'http://oauth2.googleapis.com/token' },
    code: malformed,
    message: /token_uri: want https/,
  },
  {
    name: 'that sends a token elsewhere',
    keyFile: { ...workload, token_url: 'https://sts.googleapis.com.evil.test/' },
    code: malformed,
    message: /token_url: want https/,
  },
  {
    name: 'of a person',
    keyFile: person,
    code: unavailable,
    message: /of a person gives no identity token for Sigstore; GOOGLE_SERVICE_ACCOUNT_NAME/,
  },
  {
    name: 'of a workload that speaks for nobody',
    keyFile: { ...workload, service_account_impersonation_url: undefined },
    code: unavailable,
    message: /only where it speaks for a service account/,
  },
  { name: 'of a pool of people', keyFile: { ...workload, client_id: 'x' }, code: unavailable, message: /pools of people \(client_id\)/ },
  {
    name: 'that runs a program',
    keyFile: { ...workload, credential_source: { executable: { command: 'x' } } },
    code: unavailable,
    message: /executable is not supported/,
  },
  {
    name: 'of Amazon',
    keyFile: { ...workload, credential_source: { environment_id: 'aws1', url: 'http://169.254.169.254/' } },
    code: unavailable,
    message: /environment_id is not supported/,
  },
  { name: 'whose token is nowhere', keyFile: { ...workload, credential_source: {} }, code: malformed, message: /want one of file and url/ },
  {
    name: 'whose token is at two places',
    keyFile: { ...workload, credential_source: { file: 'a', url: 'https://b' } },
    code: malformed,
    message: /want one of file and url/,
  },
  {
    name: 'whose token comes by http',
    keyFile: { ...workload, credential_source: { url: 'http://ci.test/' } },
    code: malformed,
    message: /url: want an https URL/,
  },
  { name: 'whose token is not there', keyFile: workload, code: unavailable, message: /^workload token "\/var\/token" is not there/ },
  {
    name: 'that speaks for another at another address',
    keyFile: { ...impersonating, service_account_impersonation_url: impersonationUrl.replace('iamcredentials', 'x') },
    code: malformed,
    message: /want the address by which a service account's tokens are made/,
  },
  {
    name: 'that speaks for one that speaks for another',
    keyFile: { ...impersonating, source_credentials: impersonating },
    code: unavailable,
    message: /for one that speaks for another/,
  },
] as readonly { readonly name: string; readonly keyFile: unknown; readonly code: ErrorCode; readonly message: RegExp }[])
  test(`a key file of Google's is refused: ${name}`, async () => {
    const { effects, seen } = rig(keyFile)
    await assert.rejects(findAmbientToken(effects, 'google-workload-identity'), { name: 'CountersignError', code, message })
    assert.deepEqual(seen, [])
  })
