import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, challenge, claimsOf, createRig, hiddenFields, password, type Rig, url, verifier } from './issuer-rig.test.ts'

const grant = 'urn:ietf:params:oauth:grant-type:device_code'

type Begun = {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri_complete: string
  readonly interval: number
}

/** As cosign 3 begins it. */
const request = { client_id: 'sigstore', scope: 'openid email', code_challenge: challenge, code_challenge_method: 'S256' }

async function begin(rig: Rig, form: Record<string, string> | string = request): Promise<Begun> {
  const response = await rig.post('device/code', form)
  assert.equal(response.status, 200)
  return (await response.json()) as Begun
}

/** What the token endpoint answers to a device: an error, or `token`. */
async function ask(rig: Rig, code: string, change: Record<string, string> = {}): Promise<string> {
  const fields = { grant_type: grant, device_code: code, client_id: 'sigstore', code_verifier: verifier, scope: 'openid email', ...change }
  const response = await rig.post('token', fields)
  const { error } = (await response.json()) as { error?: string }
  assert.equal(response.status, error === undefined ? 200 : 400)
  return error ?? 'token'
}

/** Opens the address that the device shows, up to the question whether it is this one. */
async function visit(browser: Browser, address: string): Promise<Record<string, string>> {
  const submitted = await browser.get(address) // a page that posts itself
  const confirm = await browser.post(`${url}/device`, hiddenFields(await submitted.text()))
  const html = await confirm.text()
  assert.match(html, /Is this your device\?/)
  return hiddenFields(html)
}

async function approve(rig: Rig, begun: Begun): Promise<string> {
  const browser = rig.browser()
  const fields = await visit(browser, begun.verification_uri_complete)
  const { address } = await browser.follow(await browser.post(`${url}/device`, fields))
  const { response } = await browser.follow(await browser.post(address, { email: 'alice@example.com', password, action: 'login' }))
  return response.text()
}

test('a device waits, is approved in a browser, and gets its token once', async () => {
  const rig = await createRig()
  const begun = await begin(rig)
  assert.match(begun.user_code, /^[B-Z]{4}-[B-Z]{4}$/)
  assert.equal(begun.interval, 5)
  assert.equal(await ask(rig, begun.device_code), 'authorization_pending')
  assert.match(await approve(rig, begun), /You can close this page/)
  rig.later(5)
  const fields = { grant_type: grant, device_code: begun.device_code, client_id: 'sigstore', code_verifier: verifier }
  const { id_token: token } = (await (await rig.post('token', fields)).json()) as { id_token: string }
  const { aud, email, email_verified: isVerified } = claimsOf(token)
  assert.deepEqual([aud, email, isVerified], ['sigstore', 'Alice@example.com', true])
  rig.later(5)
  assert.equal(await ask(rig, begun.device_code), 'invalid_grant')
  assert.ok(rig.counted.includes(`issuer_tokens_total {"grant":"${grant}"}`))
})

test('a device that asks too often is told to slow down, and may go on at its pace', async () => {
  const rig = await createRig()
  const { device_code: code } = await begin(rig)
  assert.equal(await ask(rig, code), 'authorization_pending') // the first at once
  rig.later(3)
  assert.equal(await ask(rig, code), 'slow_down')
  rig.later(5)
  assert.equal(await ask(rig, code), 'authorization_pending')
})

test('a user who says that it is another device', async () => {
  const rig = await createRig()
  const begun = await begin(rig)
  const browser = rig.browser()
  const { confirm: _, ...fields } = await visit(browser, begun.verification_uri_complete)
  const response = await browser.post(`${url}/device`, { ...fields, abort: 'yes' })
  assert.match(await response.text(), /Cancelled/)
  assert.equal(await ask(rig, begun.device_code), 'access_denied')
})

test('a user who cancels signing in', async () => {
  const rig = await createRig()
  const begun = await begin(rig)
  const browser = rig.browser()
  const { address } = await browser.follow(await browser.post(`${url}/device`, await visit(browser, begun.verification_uri_complete)))
  const { response } = await browser.follow(await browser.post(address, { action: 'abort' }))
  assert.match(await response.text(), /Cancelled/)
  assert.equal(await ask(rig, begun.device_code), 'access_denied')
})

test('a device that waited too long is told so, for a while', async () => {
  const rig = await createRig()
  const { device_code: code } = await begin(rig)
  rig.later(600)
  assert.equal(await ask(rig, code), 'expired_token')
  rig.later(1201)
  assert.equal(await ask(rig, code), 'invalid_grant')
})

for (const { name, form, question, answer } of [
  { name: 'another verifier', form: request, question: { code_verifier: 'w'.repeat(43) }, answer: 'invalid_grant' },
  { name: 'no verifier', form: request, question: { code_verifier: '' }, answer: 'invalid_grant' },
  { name: 'a verifier where none was promised', form: 'client_id=sigstore&scope=openid', question: {}, answer: 'invalid_grant' },
  { name: 'another client', form: request, question: { client_id: 'other' }, answer: 'invalid_client' },
])
  test(`a device gets nothing: ${name}`, async () => {
    const rig = await createRig()
    const begun = await begin(rig, form)
    await approve(rig, begun)
    const response = await rig.post('token', {
      grant_type: grant,
      device_code: begun.device_code,
      client_id: 'sigstore',
      code_verifier: verifier,
      ...question,
    })
    assert.equal(((await response.json()) as { error: string }).error, answer)
  })

test('an old client sends its scopes one by one and does not name itself again', async () => {
  const rig = await createRig()
  const begun = await begin(rig, `client_id=sigstore&scope=openid&scope=email&code_challenge=${verifier}&code_challenge_method=plain`)
  await approve(rig, begun)
  const response = await rig.post(
    'token',
    `grant_type=${grant}&device_code=${begun.device_code}&scope=openid&scope=email&code_verifier=${verifier}`,
  )
  assert.equal(response.status, 200)
  assert.equal(claimsOf(((await response.json()) as { id_token: string }).id_token)['email'], 'Alice@example.com')
})

for (const { name, form, error } of [
  { name: 'challenge without its form', form: { ...request, code_challenge: 'short' }, error: 'invalid_request' },
  { name: 'challenge of another method', form: { ...request, code_challenge_method: 'S512' }, error: 'invalid_request' },
  {
    name: 'a method without challenge',
    form: { client_id: 'sigstore', scope: 'openid', code_challenge_method: 'S256' },
    error: 'invalid_request',
  },
  { name: 'an unknown client', form: { ...request, client_id: 'other' }, error: 'invalid_client' },
  { name: 'no client', form: { scope: 'openid' }, error: 'invalid_request' },
])
  test(`a device is not begun with: ${name}`, async () => {
    const rig = await createRig()
    const response = await rig.post('device/code', form as Record<string, string>)
    assert.ok(response.status >= 400 && response.status < 500)
    assert.equal(((await response.json()) as { error: string }).error, error)
  })

test('codes that no device has shown, and nobody guesses many', async () => {
  const rig = await createRig({ limits: { wrongCodes: 3 } })
  const browser = rig.browser()
  let fields = hiddenFields(await (await browser.get(`${url}/device`)).text())
  const guess = () => browser.post(`${url}/device`, { ...fields, user_code: 'BBBBBBBB' })
  for (let guesses = 0; guesses < 3; guesses++) {
    const html = await (await guess()).text()
    assert.match(html, /No device has shown this code/)
    fields = hiddenFields(html)
  }
  const refused = await guess()
  assert.equal(refused.status, 429)
  assert.match(refused.headers.get('retry-after')!, /^(300|299)$/)
  rig.later(300)
  assert.match(await (await guess()).text(), /No device has shown this code/)
})

test('a page of another site cannot confirm a device', async () => {
  const rig = await createRig()
  const begun = await begin(rig)
  const forged = await rig.post('device', { xsrf: 'x', user_code: begun.user_code, confirm: 'yes' })
  assert.doesNotMatch(await forged.text(), /close this page/)
  assert.equal(await ask(rig, begun.device_code), 'authorization_pending')
})
