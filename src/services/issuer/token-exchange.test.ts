import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { createIssuer, type IssuerConnector, memoryKeyStore } from './issuer.ts'
import { claimsOf, keys, random, secret, url, users } from './issuer-rig.test.ts'

// RFC 8693 at the issuer: workloads bring tokens of their own issuers.

const upstream = 'https://ci.example'
const connector: IssuerConnector = { id: 'ci', issuer: upstream, audience: 'our-stack', emailDomains: ['ci.example'] }
const other: IssuerConnector = { ...connector, id: 'other', issuer: 'https://other.example' }
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'ES256' }] }
const nowSeconds = Math.floor(Date.now() / 1000)
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function tokenOf(claims: Readonly<Record<string, unknown>> = {}, header: Readonly<Record<string, unknown>> = {}): string {
  const payload = { iss: upstream, sub: 'job:1', aud: 'our-stack', iat: nowSeconds, exp: nowSeconds + 300, ...claims }
  const signed = `${part({ alg: 'ES256', kid: 'k1', ...header })}.${part(payload)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const form = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  client_id: 'sigstore',
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  requested_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  audience: 'sigstore',
}

const clients = [{ id: 'builder', secret, email: 'Builder@example.com' }]

async function rig(connectors: readonly IssuerConnector[] = [connector, other], isDown = false) {
  const asked: string[] = []
  const fetch = async (input: string | URL): Promise<Response> => {
    asked.push(String(input))
    if (isDown) throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    const { origin, pathname } = new URL(input)
    if (pathname === '/keys') return Response.json(jwks)
    return Response.json({ issuer: origin, jwks_uri: `${origin}/keys`, id_token_signing_alg_values_supported: ['ES256'] })
  }
  const counted: string[] = []
  const events = {
    count: (metric: string, labels = {}) => counted.push(`${metric} ${JSON.stringify(labels)}`),
    observe() {},
    log() {},
    audit() {},
  }
  const now = () => new Date(nowSeconds * 1000)
  const issuer = await createIssuer({ url, users, clients, connectors }, memoryKeyStore(keys), { now, randomBytes: random, fetch }, events)
  const ask = async (change: Readonly<Record<string, string | undefined>> = {}, headers: Readonly<Record<string, string>> = {}) => {
    const fields = Object.entries({ ...form, subject_token: tokenOf(), ...change }).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    )
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams(fields).toString()
    return await issuer.handler(new Request(`${url}/token`, { method: 'POST', body, headers: { ...type, ...headers } }))
  }
  return { ask, asked, counted, issuer }
}

for (const { name, claims, change, email } of [
  { name: 'without an address', claims: {} },
  { name: 'with an address of its domain', claims: { email: 'robot@ci.example', email_verified: true }, email: 'robot@ci.example' },
  { name: 'with an address of another domain', claims: { email: 'alice@example.com', email_verified: true } },
  { name: 'with an address of a domain below', claims: { email: 'robot@x.ci.example', email_verified: true } },
  { name: 'with an address that nobody verified', claims: { email: 'robot@ci.example', email_verified: false } },
  { name: 'by its connector', claims: {}, change: { connector_id: 'ci' } },
  { name: 'that is called a JWT', claims: {}, change: { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' } },
  { name: 'and what is not asked for is the same', claims: {}, change: { audience: undefined, requested_token_type: undefined } },
] as readonly {
  readonly name: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly change?: Readonly<Record<string, string | undefined>>
  readonly email?: string
}[])
  test(`a token of another issuer is exchanged: ${name}`, async () => {
    const { ask, asked, counted } = await rig()
    const response = await ask({ subject_token: tokenOf(claims), ...change })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    const { access_token: token, ...facts } = (await response.json()) as { access_token: string }
    assert.deepEqual(facts, { issued_token_type: form.requested_token_type, token_type: 'N_A', expires_in: 300 })
    const { iss, aud, exp, email: address, email_verified: isVerified, federated_claims: federated, sub } = claimsOf(token)
    assert.deepEqual(
      { iss, aud, exp, address, isVerified },
      { iss: url, aud: 'sigstore', exp: nowSeconds + 300, address: email, isVerified: email && true }, // no longer than the token that was brought
    )
    assert.deepEqual(federated, { connector_id: 'ci', user_id: 'job:1' })
    assert.match(String(sub), /^[\w-]{43}$/)
    assert.deepEqual(asked, [`${upstream}/.well-known/openid-configuration`, `${upstream}/keys`])
    assert.deepEqual(counted, [`issuer_tokens_total {"grant":"${form.grant_type}"}`])
  })

test('nobody gets the address of a user of this issuer, whoever vouches for it, nor the subject of another connector', async () => {
  const { ask } = await rig([{ ...connector, emailDomains: ['example.com'] }, other])
  const of = async (claims: Readonly<Record<string, unknown>>) => {
    const { access_token: token } = (await (await ask({ subject_token: tokenOf(claims) })).json()) as { access_token: string }
    return claimsOf(token)
  }
  const ours = await of({ email: 'ALICE@example.com', email_verified: true })
  assert.equal(ours['email'], undefined)
  assert.equal((await of({ email: 'builder@example.com', email_verified: true }))['email'], undefined)
  assert.equal((await of({ email: 'else@example.com', email_verified: true }))['email'], 'else@example.com')
  assert.notEqual((await of({ iss: 'https://other.example' }))['sub'], ours['sub'])
})

const signature = tokenOf().split('.')[2]!
for (const { name, change, headers, status = 400, error = 'invalid_request', description, asks = 0 } of [
  { name: 'none', change: { subject_token: undefined }, description: /want a subject_token/ },
  { name: 'no token', change: { subject_token: 'x' }, description: /^subject_token: .*want three parts/ },
  {
    name: 'of an issuer that nobody knows',
    change: { subject_token: tokenOf({ iss: 'https://x.example' }) },
    description: /no connector takes/,
  },
  {
    name: 'of an issuer with a slash more',
    change: { subject_token: tokenOf({ iss: `${upstream}/` }) },
    description: /no connector takes/,
  },
  { name: 'of our own', change: { subject_token: tokenOf({ iss: url }) }, description: /no connector takes/ },
  { name: 'of another connector', change: { connector_id: 'other' }, description: /no connector takes/ },
  {
    name: 'for Sigstore, and not for us',
    change: { subject_token: tokenOf({ aud: 'sigstore' }) },
    description: /want audience "our-stack"/,
  },
  { name: 'that has expired', change: { subject_token: tokenOf({ exp: nowSeconds }) }, description: /it expired at/ },
  { name: 'without subject', change: { subject_token: tokenOf({ sub: '' }) }, description: /sub: want text/ },
  { name: 'that is unsigned', change: { subject_token: tokenOf({}, { alg: 'none' }) }, description: /want an algorithm with a public key/ },
  {
    name: 'of an algorithm that is not announced',
    change: { subject_token: tokenOf({}, { alg: 'RS256' }) },
    description: /want an algorithm of ES256/,
    asks: 2,
  },
  {
    name: 'that was changed',
    change: { subject_token: `${tokenOf({ sub: 'job:2' }).replace(/[^.]*$/, '')}${signature}` },
    description: /no key of .* verifies/,
    asks: 2,
  },
  {
    name: 'of a type that is no ID token',
    change: { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
    description: /^subject_token_type: want/,
  },
  {
    name: 'for an access token',
    change: { requested_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
    description: /^requested_token_type: want/,
  },
  { name: 'with somebody who acts for it', change: { actor_token: 'x' }, description: /actor_token/ },
  { name: 'for another audience', change: { audience: 'else' }, error: 'invalid_target', description: /want the audience sigstore/ },
  {
    name: 'by another client',
    change: { client_id: 'else' },
    status: 401,
    error: 'invalid_client',
    description: /want the client sigstore/,
  },
  {
    name: 'by a client with a secret',
    headers: { authorization: 'Basic c2lnc3RvcmU6eA==' },
    status: 401,
    error: 'invalid_client',
    description: /no secret/,
  },
] as readonly {
  readonly name: string
  readonly change?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly status?: number
  readonly error?: string
  readonly description: RegExp
  readonly asks?: number
}[])
  test(`a token is not exchanged: ${name}`, async () => {
    const { ask, asked, counted } = await rig()
    const response = await ask(change, headers)
    const answer = (await response.json()) as { error: string; error_description: string }
    assert.deepEqual([response.status, answer.error], [status, error], answer.error_description)
    assert.match(answer.error_description, description)
    assert.equal(asked.length, asks)
    assert.deepEqual(counted, [`issuer_refusals_total {"reason":"${error}"}`])
  })

test('an issuer that does not answer is told from a token that does not hold', async () => {
  const { ask } = await rig([connector], true)
  const response = await ask()
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '10'])
})

test('an issuer without connectors exchanges nothing, and does not say that it would', async () => {
  const documentOf = async ({ issuer }: Awaited<ReturnType<typeof rig>>) =>
    (await (await issuer.handler(new Request(`${url}/.well-known/openid-configuration`))).json()) as { grant_types_supported: string[] }
  const without = await rig([])
  assert.equal(((await (await without.ask()).json()) as { error: string }).error, 'unsupported_grant_type')
  assert.ok(!(await documentOf(without)).grant_types_supported.includes(form.grant_type))
  assert.ok((await documentOf(await rig())).grant_types_supported.includes(form.grant_type))
})

for (const { name, connectors, message } of [
  { name: 'by http', connectors: [{ ...connector, issuer: 'http://ci.example' }], message: /connectors\[0\]\.issuer: want an https URL/ },
  { name: 'that is this issuer', connectors: [{ ...connector, issuer: `${url}/actions` }], message: /want another issuer than this one/ },
  { name: 'for nobody', connectors: [{ ...connector, audience: '' }], message: /audience: want 1 to 255/ },
  { name: 'that is there twice', connectors: [connector, connector], message: /want every id once/ },
  {
    name: 'with a domain that is none',
    connectors: [{ ...connector, emailDomains: ['*.example'] }],
    message: /emailDomains: want domains/,
  },
])
  test(`a connector is refused: ${name}`, async () => {
    await assert.rejects(rig(connectors), { code: 'CONFIGURATION_MALFORMED', message })
  })
