import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Handler } from '../../services/listen.ts'
import { createTestIssuer, type IssuerOptions, type TestIssuer } from '../../testing/sigstore/test-issuer.ts'
import { parseIdentityToken } from '../token-claims.ts'
import { type BrowserEffects, loginByBrowser } from './browser.ts'
import { loginByCredentials } from './client-credentials.ts'
import { loginByDevice } from './device.ts'
import { connectIssuer, type LoginEffects } from './issuer-client.ts'

const url = 'https://issuer.test/dex'

function rig(options: Partial<IssuerOptions> = {}, handler?: (issuer: TestIssuer) => Handler) {
  const issuer = createTestIssuer({ url, now: () => new Date(), ...options })
  const handle = handler?.(issuer) ?? issuer.handler
  const said: string[] = []
  const pauses: number[] = []
  const effects: LoginEffects = {
    world: {
      fetch: async (input, init) => await handle(new Request(input, { ...init, redirect: 'manual' })),
      sleep: async ms => void pauses.push(ms),
    },
    signal: new AbortController().signal,
    tell: line => void said.push(line),
  }
  const connect = (clientSecret?: string, at = url) => connectIssuer({ issuer: new URL(at), clientId: 'sigstore', clientSecret }, effects)
  return { issuer, effects, connect, said, pauses }
}

const emailOf = (token: string) => parseIdentityToken(token).email

for (const { name, options, pauses, code, message } of [
  { name: 'at once', options: {}, pauses: [] },
  {
    name: 'once the code was entered, more slowly where it is asked for',
    options: { refusals: ['authorization_pending', 'slow_down', 'authorization_pending'] },
    pauses: [1000, 11_000, 11_000],
  },
  {
    name: 'never, where it is declined',
    options: { refusals: ['authorization_pending', 'access_denied'] },
    pauses: [1000],
    code: 'SERVICE_REFUSED',
    message: /^https:\/\/issuer\.test: "access_denied": "said the issuer"$/,
  },
  {
    name: 'never, where nobody enters it',
    options: { interval: 10, refusals: Array(9).fill('authorization_pending') },
    pauses: [10_000, 10_000, 10_000],
    code: 'TIMED_OUT',
    message: /nobody entered the verification code within 30 seconds/,
  },
  {
    name: 'never, where there is no ID token',
    options: { withoutIdToken: true },
    pauses: [],
    code: 'TOKEN_UNAVAILABLE',
    message: /it gave a token, and no ID token/,
  },
  {
    name: 'never, of another issuer',
    options: { claims: { iss: 'https://else.test' } },
    pauses: [],
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /iss/,
  },
  {
    name: 'never, for another client',
    options: { claims: { aud: 'else' } },
    pauses: [],
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /aud/,
  },
] as const)
  test(`a device is given a token: ${name}`, async () => {
    const { connect, effects, issuer, said, pauses: waited } = rig(options as Partial<IssuerOptions>)
    const token = loginByDevice(await connect(), effects)
    if (code) await assert.rejects(token, { code, message })
    else assert.equal(emailOf(await token), 'dev@example.com')
    assert.deepEqual(waited, pauses)
    assert.equal(said[0], 'Enter the verification code ABCD-EFGH in your browser at: https://issuer.test/dex/enter?code=ABCD-EFGH')
    assert.deepEqual([issuer.asked[0]!.get('client_id'), issuer.asked[0]!.get('device_code')], ['sigstore', 'device'])
  })

/** A browser that somebody uses as they should, but for `edit`, which has the last word on where it goes. */
function browser(issuer: TestIssuer, effects: LoginEffects, edit: (back: URL) => void = () => {}, isThere = true) {
  const state = { closed: 0, opened: '' }
  let arrived: URL | undefined
  const inBrowser: BrowserEffects = {
    ...effects,
    listen: async () => ({
      redirectUrl: new URL('http://localhost:7/auth/callback'),
      arrived: async () => arrived!,
      close: async () => void state.closed++,
    }),
    open: async question => {
      state.opened = question.href
      arrived = issuer.visit(question)
      edit(arrived)
      return isThere
    },
    askCode: async () => {
      issuer.visit(new URL((effects as { said?: string }).said ?? state.opened))
      return ' code\n'
    },
  }
  return { inBrowser, state }
}

for (const { name, options = {}, edit, code, message } of [
  { name: 'once somebody is back' },
  {
    name: 'never with the state of another',
    edit: (back: URL) => back.searchParams.set('state', 'else'),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /state/,
  },
  {
    name: 'never without a state',
    edit: (back: URL) => back.searchParams.delete('state'),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /state/,
  },
  { name: 'never with the nonce of another', options: { nonce: 'else' }, code: 'SERVICE_RESPONSE_MALFORMED', message: /nonce/ },
  {
    name: 'never where it is declined',
    edit: (back: URL) => {
      back.searchParams.delete('code')
      back.searchParams.set('error', 'access_denied')
    },
    code: 'SERVICE_REFUSED',
    message: /"access_denied"/,
  },
  {
    name: 'never where the code was used',
    options: { refusals: ['invalid_grant'] },
    code: 'SERVICE_REFUSED',
    message: /"invalid_grant": "said the issuer"/,
  },
] as readonly { name: string; options?: Partial<IssuerOptions>; edit?: (back: URL) => void; code?: string; message?: RegExp }[])
  test(`a browser brings a token: ${name}`, async () => {
    const { connect, effects, issuer, said } = rig(options)
    const { inBrowser, state } = browser(issuer, effects, edit)
    const token = loginByBrowser(await connect(), inBrowser)
    if (code) await assert.rejects(token, { code, message: message! })
    else assert.equal(emailOf(await token), 'dev@example.com')
    assert.equal(state.closed, 1)
    const question = new URL(state.opened)
    assert.deepEqual(
      ['response_type', 'client_id', 'redirect_uri', 'scope', 'code_challenge_method'].map(member => question.searchParams.get(member)),
      ['code', 'sigstore', 'http://localhost:7/auth/callback', 'openid email', 'S256'],
    )
    assert.match(said[0] ?? '', /^Your browser will now be opened to:\nhttps:\/\/issuer\.test\/dex\/authorize\?/)
  })

/** An issuer whose answers say by whom they are. RFC 9207 §2. */
const naming =
  (issuer: TestIssuer): Handler =>
  async request => {
    const response = await issuer.handler(request)
    if (!request.url.endsWith('/.well-known/openid-configuration')) return response
    return Response.json({ ...((await response.json()) as object), authorization_response_iss_parameter_supported: true })
  }

for (const { name, handler, iss, message } of [
  { name: 'its issuer', handler: naming, iss: url },
  { name: 'another issuer', handler: naming, iss: 'https://else.test', message: /iss/ },
  { name: 'no issuer, where one is to be named', handler: naming, message: /iss/ },
] as const)
  test(`a browser brings an answer that names ${name}`, async () => {
    const { connect, effects, issuer } = rig({}, handler)
    const { inBrowser } = browser(issuer, effects, back => iss && back.searchParams.set('iss', iss))
    const token = loginByBrowser(await connect(), inBrowser)
    if (message) await assert.rejects(token, { code: 'SERVICE_RESPONSE_MALFORMED', message })
    else assert.equal(emailOf(await token), 'dev@example.com')
  })

for (const { name, handler } of [{ name: '' }, { name: ', of an issuer that names itself in answers', handler: naming }])
  test(`where no browser is, somebody brings the code${name}`, async () => {
    const { connect, effects, issuer, said } = rig({}, handler)
    const told = { ...effects, tell: (line: string) => void said.push(line) }
    const { inBrowser } = browser(issuer, told, undefined, false)
    const asking: BrowserEffects = {
      ...inBrowser,
      askCode: async () => {
        const shown = new URL(said.at(-1)!.split('\t')[1]!)
        assert.equal(shown.searchParams.get('redirect_uri'), 'urn:ietf:wg:oauth:2.0:oob')
        issuer.visit(shown)
        return ' code\n'
      },
    }
    assert.equal(emailOf(await loginByBrowser(await connect(), asking)), 'dev@example.com')
    assert.deepEqual(
      ['grant_type', 'code', 'redirect_uri'].map(member => issuer.asked[0]!.get(member)),
      ['authorization_code', 'code', 'urn:ietf:wg:oauth:2.0:oob'],
    )
  })

test('a client with a secret gets a token for itself', async () => {
  const { connect, effects, issuer } = rig()
  assert.equal(emailOf(await loginByCredentials(await connect('s3cret'), effects)), 'dev@example.com')
  assert.deepEqual(
    ['grant_type', 'client_id', 'client_secret', 'scope'].map(member => issuer.asked[0]!.get(member)),
    ['client_credentials', 'sigstore', 's3cret', 'openid email'],
  )
})

for (const { name, at, handler, code, message } of [
  { name: 'by http elsewhere', at: 'http://issuer.test/dex', code: 'USAGE', message: /want https, or http on this machine/ },
  {
    name: 'that calls itself otherwise',
    handler: () => async () => Response.json({ issuer: 'https://else.test' }),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /^https:\/\/issuer\.test: /,
  },
  {
    name: 'that is not there',
    handler: () => async () => new Response('', { status: 404 }),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /404|status/,
  },
  {
    name: 'that sends us elsewhere',
    handler: () => async () => new Response('', { status: 302, headers: { location: 'https://else.test' } }),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /./,
  },
  {
    name: 'that says too much',
    handler: () => async () => new Response('x'.repeat(300_000)),
    code: 'LIMIT_EXCEEDED',
    message: /want at most 262144 bytes/,
  },
] as readonly { name: string; at?: string; handler?: (issuer: TestIssuer) => Handler; code: string; message: RegExp }[])
  test(`an issuer is refused: ${name}`, async () => {
    const { connect } = rig({}, handler)
    await assert.rejects(connect(undefined, at), { code, message })
  })
