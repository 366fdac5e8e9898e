import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizationPath, claimsOf, codeOf, createRig, exchange, password, type Rig, secret, url } from './issuer-rig.test.ts'

const dev = { ciSecret: secret }

for (const { name, method, path, status, allow } of [
  { name: 'no address', method: 'GET', path: 'nowhere', status: 404 },
  { name: 'above the issuer', method: 'GET', path: '/.well-known/openid-configuration', status: 404 },
  { name: "a path of the provider's that is not offered", method: 'POST', path: 'reg', status: 404 },
  { name: 'another case', method: 'GET', path: 'Keys', status: 404 },
  { name: 'a slash too many', method: 'GET', path: 'keys/', status: 404 },
  { name: 'token by GET', method: 'GET', path: 'token', status: 405, allow: 'POST' },
  { name: 'keys by POST', method: 'POST', path: 'keys', status: 405, allow: 'GET' },
  { name: 'device by DELETE', method: 'DELETE', path: 'device', status: 405, allow: 'GET, POST' },
  { name: 'imitation without dev', method: 'GET', path: 'actions/token', status: 404 },
  { name: 'its discovery without dev', method: 'GET', path: 'actions/.well-known/openid-configuration', status: 404 },
])
  test(`${name}: ${status}`, async () => {
    const { issuer } = await createRig()
    const response = await issuer.handler(new Request(new URL(path, `${url}/`), { method }))
    assert.equal(response.status, status)
    assert.equal(response.headers.get('allow'), allow ?? null)
  })

test('HEAD is answered like GET, without a body', async () => {
  const { issuer } = await createRig()
  for (const path of ['.well-known/openid-configuration', 'keys', 'device'])
    assert.equal((await issuer.handler(new Request(`${url}/${path}`, { method: 'HEAD' }))).status, 200)
})

for (const path of ['token', 'device/code', 'device', 'login/abc', 'session/end/confirm'])
  test(`a body past 64 KiB is not read: ${path}`, async () => {
    const rig = await createRig()
    assert.equal((await rig.post(path, `x=${'y'.repeat(64 << 10)}`)).status, 413)
    assert.ok(rig.counted.includes('issuer_refusals_total {"reason":"413"}'))
  })

test('an address past 8 KiB is not taken', async () => {
  const rig = await createRig()
  assert.equal((await rig.get(authorizationPath({ state: 's'.repeat(9000) }))).status, 414)
})

test('a body of another type', async () => {
  const rig = await createRig()
  const response = await rig.post('token', '{}', { 'content-type': 'application/json' })
  assert.equal(response.status, 400)
  assert.deepEqual(await response.json(), {
    error: 'invalid_request',
    error_description: 'want a body of type application/x-www-form-urlencoded',
  })
})

for (const email of ['alice@example.com', 'nobody@example.com'])
  test(`passwords of ${email} are not guessed for long`, async () => {
    const rig = await createRig({ limits: { wrongPasswords: 2 } })
    const browser = rig.browser()
    const { address } = await browser.follow(await browser.get(authorizationPath()))
    for (let guess = 0; guess < 2; guess++) {
      const response = await browser.post(address, { email, password: 'wrong' })
      assert.equal(response.status, 401)
      assert.match(await response.text(), /Email address or password are wrong/)
    }
    const refused = await browser.post(address, { email, password })
    assert.equal(refused.status, 429)
    assert.match(refused.headers.get('retry-after')!, /^(300|299)$/)
    assert.match(await refused.text(), /too many wrong guesses/)
    assert.deepEqual(rig.logged, [])
    rig.later(301)
    assert.equal((await browser.post(address, { email, password: 'wrong' })).status, 401)
  })

test('only so many passwords are checked at once', async () => {
  const rig = await createRig({ limits: { passwordsAtOnce: 1 } })
  const browser = rig.browser()
  const { address } = await browser.follow(await browser.get(authorizationPath()))
  const statuses = await Promise.all(
    [1, 2, 3].map(async () => (await browser.post(address, { email: 'bob@example.com', password: 'x' })).status),
  )
  assert.deepEqual(statuses.sort(), [401, 429, 429])
})

for (const [name, form] of [
  ['a password without end', { email: 'bob@example.com', password: 'x'.repeat(1025) }],
  ['a name without end', { email: `${'x'.repeat(400)}@example.com`, password: 'x' }],
] as const)
  test(`${name} is not hashed`, async () => {
    const rig = await createRig()
    const browser = rig.browser()
    const { address } = await browser.follow(await browser.get(authorizationPath()))
    assert.equal((await browser.post(address, form)).status, 400)
  })

test("a sign-in is of the browser that began it: without its cookie, with another's", async () => {
  const rig = await createRig()
  const [browser, other] = [rig.browser(), rig.browser()]
  const { address } = await browser.follow(await browser.get(authorizationPath()))
  const { address: elsewhere } = await other.follow(await other.get(authorizationPath()))
  const form = { email: 'bob@example.com', password }
  for (const response of [await rig.post(address, form), await other.post(address, form), await browser.post(elsewhere, form)]) {
    assert.equal(response.status, 400)
    assert.match(await response.text(), /This sign-in is over/)
  }
})

const form = { email: 'bob@example.com', password, action: 'login' }

test('whoever begins sign-ins without end keeps nobody out: the one that was begun the longest ago gives way', async () => {
  const rig = await createRig({ limits: { signIns: 12 } })
  const [early, late] = [rig.browser(), rig.browser()]
  const { address: first } = await early.follow(await early.get(authorizationPath()))
  const crowd = async () => {
    for (let times = 0; times < 15; times++)
      for (const begun of [
        await rig.get(authorizationPath()),
        await rig.post('device/code', { client_id: 'sigstore', scope: 'openid' }),
        await rig.get('device'),
      ])
        assert.ok(begun.status < 400, `${begun.status}`)
  }
  await crowd()
  const { address } = await late.follow(await late.get(authorizationPath()))
  const { response } = await late.follow(await late.post(address, form))
  assert.match(response.headers.get('location')!, /code=/)
  const over = await early.post(first, form)
  assert.equal(over.status, 400)
  assert.match(await over.text(), /This sign-in is over/)
  assert.ok(rig.counted.filter(line => line.startsWith('issuer_sign_ins_displaced_total')).length > 20)
})

test('no more sign-ins than there is room for: those that have a user stay', async () => {
  const rig = await createRig({ limits: { signIns: 3 } })
  const browser = rig.browser()
  const { address } = await browser.follow(await browser.get(authorizationPath()))
  const { response } = await browser.follow(await browser.post(address, form))
  const code = codeOf(response)
  assert.equal((await rig.get(authorizationPath())).status, 429)
  assert.equal((await rig.post('device/code', { client_id: 'sigstore', scope: 'openid' })).status, 429)
  assert.equal((await rig.get('device')).status, 429)
  assert.equal((await rig.post('token', { ...exchange, code })).status, 200)
  rig.later(601)
  assert.equal((await rig.get(authorizationPath())).status, 303)
})

const clients = [
  { id: 'robot', secret, email: 'robot@example.com' },
  { id: 'quiet', secret },
]
test('a program gets a token for itself', async () => {
  const rig = await createRig({ clients })
  const basic = { authorization: `Basic ${Buffer.from(`quiet:${secret}`).toString('base64')}` }
  const byForm = await rig.post('token', {
    grant_type: 'client_credentials',
    client_id: 'robot',
    client_secret: secret,
    scope: 'openid email',
  })
  const byBasic = await rig.post('token', { grant_type: 'client_credentials', scope: 'openid email' }, basic)
  const [robot, quiet] = await Promise.all(
    [byForm, byBasic].map(async response => claimsOf(((await response.json()) as { id_token: string }).id_token)),
  )
  const { iss, sub, aud, azp, email, email_verified: isVerified } = robot!
  assert.deepEqual([iss, sub, aud, azp, email, isVerified], [url, 'robot', ['sigstore', 'robot'], 'robot', 'robot@example.com', true])
  assert.deepEqual([quiet!['sub'], 'email' in quiet!], ['quiet', false])
})

test("a program's secret is not guessed for long", async () => {
  const rig = await createRig({ clients, limits: { wrongPasswords: 2 } })
  const ask = (clientSecret: string) =>
    rig.post('token', { grant_type: 'client_credentials', client_id: 'robot', client_secret: clientSecret })
  assert.equal((await ask('wrong')).status, 401)
  assert.equal((await ask('wrong')).status, 401)
  const refused = await ask(secret)
  assert.equal(refused.status, 429)
  assert.equal(((await refused.json()) as { error: string }).error, 'temporarily_unavailable')
})

test('a program signs in for no user', async () => {
  const rig = await createRig({ clients })
  const response = await rig.post('device/code', { client_id: 'robot', client_secret: secret, scope: 'openid' })
  assert.equal(response.status, 400)
  assert.match((await rig.get(authorizationPath({ client_id: 'robot' }))).status.toString(), /^4/)
})

test('imitated CI tokens, as clients ask for them', async () => {
  const rig = await createRig({ dev })
  const response = await rig.get(
    'actions/token?api-version=2.0&repository=org/app&workflow=release.yml&ref=refs/tags/v1&audience=sigstore',
    {
      authorization: `Bearer ${secret}`,
    },
  )
  assert.equal(response.status, 200)
  const { value } = (await response.json()) as { value: string }
  const { iss, aud, sub, job_workflow_ref: workflow, ref_type: kind, email } = claimsOf(value)
  assert.deepEqual(
    [iss, aud, sub, workflow, kind, email],
    [`${url}/actions`, 'sigstore', 'repo:org/app:ref:refs/tags/v1', 'org/app/.github/workflows/release.yml@refs/tags/v1', 'tag', undefined],
  )
  const discovery = (await (await rig.get('actions/.well-known/openid-configuration')).json()) as Record<string, string>
  assert.deepEqual([discovery['issuer'], discovery['jwks_uri']], [`${url}/actions`, `${url}/keys`])
})

for (const { name, path, authorization, status } of [
  { name: 'without a secret', path: 'actions/token?audience=sigstore', authorization: '', status: 401 },
  { name: 'with another', path: 'actions/token?audience=sigstore', authorization: `Bearer ${secret}x`, status: 401 },
  { name: 'by another scheme', path: 'actions/token?audience=sigstore', authorization: `Basic ${secret}`, status: 401 },
  { name: 'two audiences', path: 'actions/token?audience=a&audience=b', authorization: `Bearer ${secret}`, status: 400 },
  { name: 'an unknown parameter', path: 'actions/token?sub=me', authorization: `Bearer ${secret}`, status: 400 },
  { name: 'a repository that is none', path: 'actions/token?repository=a/b/c', authorization: `Bearer ${secret}`, status: 400 },
  {
    name: 'by another name of this machine',
    path: 'http://rebound.example/id/actions/token',
    authorization: `Bearer ${secret}`,
    status: 404,
  },
])
  test(`no CI token: ${name}`, async () => {
    const rig = await createRig({ dev })
    assert.equal((await rig.get(path, authorization === '' ? {} : { authorization })).status, status)
  })

test('tokens for what runs in this process', async () => {
  const { issuer } = await createRig()
  const { iat, nbf, exp, jti, ...claims } = claimsOf(
    await issuer.token({ sub: 'doctor', email: 'doctor@example.com', email_verified: true }),
  )
  assert.deepEqual(claims, { iss: url, aud: 'sigstore', sub: 'doctor', email: 'doctor@example.com', email_verified: true })
  await assert.rejects(issuer.token({ sub: 'x', iss: 'https://accounts.example.com' }), {
    code: 'USAGE',
    message: /want iss to be the issuer/,
  })
  await assert.rejects(issuer.token({ sub: 'x', exp: 1 }), { code: 'USAGE', message: /want no exp/ })
})

for (const headers of [{}, { cookie: 'issuer=made-up' }])
  test(`a code that a browser sends without having been asked is its own mistake, ${JSON.stringify(headers)}`, async () => {
    const response = await (await createRig()).post('device', { user_code: 'BCDF-GHJK', xsrf: 'x' }, headers)
    assert.equal(response.status, 400)
    assert.match(await response.text(), /This browser was not asked for a code/)
  })

for (const { name, ask } of [
  { name: 'goes on with a code', ask: (rig, headers) => rig.get('device/abc', headers) },
  { name: 'goes on with a sign-in', ask: (rig, headers) => rig.get('auth/abc', headers) },
  { name: 'signs out', ask: (rig, headers) => rig.post('session/end/confirm', { xsrf: 'x' }, headers) },
] satisfies readonly { name: string; ask: (rig: Rig, headers: Record<string, string>) => Promise<Response> }[])
  test(`a browser that was never here and ${name} is mistaken, and nothing is kept for it, whatever its cookies`, async () => {
    const rig = await createRig({ limits: { signIns: 4 } })
    const here = /issuer=[^;]+/.exec((await rig.get('device')).headers.get('set-cookie') ?? '')?.[0]
    assert.ok(here)
    const cookies = Array.from({ length: 12 }, (_, at) => [`issuer=made-up-${at}`, `a=b;issuer=a.${at};${here}`]).flat()
    for (const headers of [{}, ...cookies.map(cookie => ({ cookie }))])
      assert.equal((await ask(rig, headers)).status, 400, JSON.stringify(headers))
    assert.deepEqual(
      rig.logged.filter(line => line.startsWith('error')),
      [],
    )
  })
