import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import {
  authorization,
  authorizationPath,
  claimsOf,
  codeOf,
  createRig,
  exchange,
  password,
  signIn,
  url,
  verifier,
} from './issuer-rig.test.ts'

const rig = await createRig()

test('a client of another make discovers, signs in and accepts the token', async () => {
  const config = await client.discovery(new URL(url), 'sigstore', undefined, client.None(), {
    execute: [client.allowInsecureRequests],
    [client.customFetch]: (address, init) => rig.issuer.handler(new Request(address, init as RequestInit)),
  })
  client.enableNonRepudiationChecks(config) // its signature too
  const [codeVerifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()]
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: 'http://127.0.0.1:50123/auth/callback',
    scope: 'openid email profile',
    code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  const browser = rig.browser()
  const { address: form } = await browser.follow(await browser.get(address.href))
  const { response } = await browser.follow(await browser.post(form, { email: 'alice@example.com', password, action: 'login' }))
  const checks = { pkceCodeVerifier: codeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  const tokens = await client.authorizationCodeGrant(config, new URL(response.headers.get('location')!), checks)
  assert.equal(tokens.claims()!.sub, 'Alice@example.com')
  assert.equal(tokens.claims()!['name'], 'Alice')
})

test('the token is of RS256, for sigstore, ten minutes, about a verified email address', async () => {
  const code = codeOf(await signIn(rig))
  const before = Math.floor(Date.now() / 1000)
  const response = await rig.post('token', { ...exchange, code })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  const { id_token: token, ...more } = (await response.json()) as { readonly id_token: string }
  assert.deepEqual(more, { access_token: token, expires_in: 600, scope: 'openid email', token_type: 'Bearer' }) // sigstore for Python signs with that
  const keys = createLocalJWKSet((await (await rig.get('keys')).json()) as never)
  const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer: url, audience: 'sigstore', algorithms: ['RS256'] })
  assert.match(protectedHeader.kid!, /^[\w-]{43}$/)
  const { iat = 0, exp, ...claims } = payload
  assert.ok(iat >= before && exp === iat + 600)
  assert.deepEqual(claims, {
    iss: url,
    aud: 'sigstore',
    sub: 'Alice@example.com',
    nonce: 'a nonce',
    email: 'Alice@example.com',
    email_verified: true,
    federated_claims: { connector_id: 'https://accounts.example.com', user_id: 'Alice@example.com' },
  })
})

test("a user's own subject, and no claims that were not asked for", async () => {
  const code = codeOf(await signIn(rig, { scope: 'openid', nonce: undefined }, 'bob@example.com'))
  const { id_token: token } = (await (await rig.post('token', { ...exchange, code })).json()) as { id_token: string }
  const { iat, exp, ...claims } = claimsOf(token)
  assert.deepEqual(claims, { iss: url, aud: 'sigstore', sub: 'b0b', federated_claims: { connector_id: 'local', user_id: 'b0b' } })
})

for (const redirect of [
  'http://localhost:1/auth/callback',
  'http://127.0.0.1:65535/auth/callback',
  'http://[::1]:8081/auth/callback',
  'http://localhost:9/',
  'http://localhost:40359',
])
  test(`a client waits at ${redirect}`, async () => {
    const response = await signIn(rig, { redirect_uri: redirect })
    const location = new URL(response.headers.get('location')!)
    assert.equal(location.origin + location.pathname, new URL(redirect).href)
    assert.equal(location.searchParams.get('state'), 'a state')
    assert.equal(location.searchParams.get('iss'), url) // RFC 9207
    assert.equal((await rig.post('token', { ...exchange, redirect_uri: redirect, code: codeOf(response) })).status, 200)
  })

test('a client that no redirect reaches: the code is on a page, and good', async () => {
  const response = await signIn(rig, { redirect_uri: 'urn:ietf:wg:oauth:2.0:oob' })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('location'), null)
  assert.match(response.headers.get('content-security-policy')!, /^default-src 'none';/)
  const [, code = ''] = /<code>([\w-]+)<\/code>/.exec(await response.text()) ?? []
  assert.equal((await rig.post('token', { ...exchange, redirect_uri: 'urn:ietf:wg:oauth:2.0:oob', code })).status, 200)
})

const basic = (id: string, secret = '') => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
for (const { name, form, headers } of [
  { name: 'by form', form: {}, headers: {} },
  { name: 'by form with an empty secret', form: { client_secret: '' }, headers: {} },
  { name: 'by Basic with an empty secret', form: { client_id: undefined }, headers: { authorization: basic('sigstore') } },
  { name: 'by both', form: {}, headers: { authorization: basic('sigstore') } },
])
  test(`a client names itself ${name}`, async () => {
    const fields = Object.entries({ ...exchange, code: codeOf(await signIn(rig)), ...form })
    const sent = Object.fromEntries(fields.filter((pair): pair is [string, string] => pair[1] !== undefined))
    assert.equal((await rig.post('token', sent, headers)).status, 200)
  })

for (const change of [{ code_challenge_method: 'plain' }, { code_challenge_method: undefined }])
  test(`PKCE of method plain, method ${change.code_challenge_method}`, async () => {
    const code = codeOf(await signIn(rig, { code_challenge: verifier, ...change }))
    const wrong = await rig.post('token', { ...exchange, code_verifier: 'w'.repeat(43), code })
    assert.equal(((await wrong.json()) as { error: string }).error, 'invalid_grant')
    assert.equal((await rig.post('token', { ...exchange, code })).status, 200)
  })

for (const { name, change, error } of [
  { name: 'without a challenge', change: { code_challenge: undefined, code_challenge_method: undefined }, error: 'invalid_request' },
  { name: 'challenge of another method', change: { code_challenge_method: 'S512' }, error: 'invalid_request' },
  { name: 'challenge too short', change: { code_challenge: 'short', code_challenge_method: 'plain' }, error: 'invalid_request' },
  { name: 'another response type', change: { response_type: 'id_token' }, error: 'unsupported_response_type' },
  { name: 'another response type', change: { response_type: 'token' }, error: 'unsupported_response_type' },
  { name: 'without asking the user', change: { prompt: 'none' }, error: 'login_required' },
])
  test(`an authorization request is refused to the client: ${name}`, async () => {
    const { origin, search, hash } = new URL((await rig.get(authorizationPath(change))).headers.get('location')!)
    assert.equal(origin, 'http://localhost:43211')
    assert.equal(new URLSearchParams(search || hash.slice(1)).get('error'), error)
  })

for (const { name, change, reason } of [
  { name: 'a foreign redirect', change: { redirect_uri: 'https://attacker.example/auth/callback' }, reason: /redirect_uri/ },
  { name: 'loopback by TLS', change: { redirect_uri: 'https://localhost:1/auth/callback' }, reason: /redirect_uri/ },
  {
    name: 'a name that begins like loopback',
    change: { redirect_uri: 'http://localhost.attacker.example/auth/callback' },
    reason: /redirect_uri/,
  },
  {
    name: 'loopback as the user of another host',
    change: { redirect_uri: 'http://localhost:1@attacker.example/auth/callback' },
    reason: /redirect_uri/,
  },
  { name: 'another path', change: { redirect_uri: 'http://localhost:1/elsewhere' }, reason: /redirect_uri/ },
  { name: 'no redirect', change: { redirect_uri: undefined }, reason: /redirect_uri/ },
  { name: 'an unknown client', change: { client_id: '<script>' }, reason: /client is invalid/ },
])
  test(`an authorization request is refused on a page: ${name}`, async () => {
    const response = await rig.get(authorizationPath(change), { accept: 'text/html' })
    assert.equal(response.status, 400)
    assert.equal(response.headers.get('location'), null)
    const html = await response.text()
    assert.match(html, reason)
    assert.doesNotMatch(html, /<script>/)
  })

for (const { name, change, error } of [
  { name: 'another verifier', change: { code_verifier: 'w'.repeat(43) }, error: 'invalid_grant' },
  { name: 'no verifier', change: { code_verifier: '' }, error: 'invalid_grant' },
  { name: 'another redirect', change: { redirect_uri: 'http://localhost:43212/auth/callback' }, error: 'invalid_grant' },
  { name: 'another client', change: { client_id: 'other' }, error: 'invalid_client' },
  { name: 'another code', change: { code: 'x'.repeat(43) }, error: 'invalid_grant' },
  { name: 'a secret that there is not', change: { client_secret: 'something' }, error: 'invalid_client' },
  { name: 'another grant', change: { grant_type: 'password' }, error: 'unsupported_grant_type' },
  { name: 'the grant of programs', change: { grant_type: 'client_credentials' }, error: 'invalid_request' },
])
  test(`a code is not exchanged: ${name}`, async () => {
    const code = codeOf(await signIn(rig))
    const response = await rig.post('token', { ...exchange, code, ...change })
    assert.ok(response.status === 400 || response.status === 401)
    assert.equal(((await response.json()) as { error: string }).error, error)
  })

test('a code is good once, and two minutes', async () => {
  const [used, old] = [codeOf(await signIn(rig)), codeOf(await signIn(rig))]
  assert.equal((await rig.post('token', { ...exchange, code: used })).status, 200)
  assert.equal((await rig.post('token', { ...exchange, code: used })).status, 400)
  rig.later(121)
  const { error } = (await (await rig.post('token', { ...exchange, code: old })).json()) as { error: string }
  assert.equal(error, 'invalid_grant')
})

test('every sign-in asks for the password, also in a browser that has signed in', async () => {
  const browser = rig.browser()
  for (const _ of ['first', 'second']) {
    const { response, address } = await browser.follow(await browser.get(authorizationPath()))
    assert.match(await response.text(), /type="password"/)
    const done = await browser.follow(await browser.post(address, { email: 'alice@example.com', password, action: 'login' }))
    assert.ok(codeOf(done.response))
  }
})

test('a user who cancels', async () => {
  const browser = rig.browser()
  const { address } = await browser.follow(await browser.get(authorizationPath()))
  const { response } = await browser.follow(await browser.post(address, { action: 'abort' }))
  assert.equal(new URL(response.headers.get('location')!).searchParams.get('error'), 'access_denied')
})

test('a user who cancels what no redirect reaches', async () => {
  const browser = rig.browser()
  const { address } = await browser.follow(await browser.get(authorizationPath({ redirect_uri: 'urn:ietf:wg:oauth:2.0:oob' })))
  const { response } = await browser.follow(await browser.post(address, { action: 'abort' }))
  assert.equal(response.status, 400)
  assert.match(await response.text(), /cancelled/)
})

test('addresses are those of the configuration, whatever the request was sent to', async () => {
  const query = new URLSearchParams(authorization)
  const response = await rig.issuer.handler(
    new Request(`http://attacker.example/id/auth?${query}`, { headers: { 'x-forwarded-host': 'attacker.example' } }),
  )
  assert.match(response.headers.get('location')!, /^\/id\/login\//)
  const device = await rig.issuer.handler(
    new Request('http://attacker.example/id/device/code', {
      method: 'POST',
      body: 'client_id=sigstore&scope=openid',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
  )
  assert.equal(((await device.json()) as { verification_uri: string }).verification_uri, `${url}/device`)
})
