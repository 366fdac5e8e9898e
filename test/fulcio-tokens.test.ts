import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { createRoot } from '../src/testing/sigstore/certificate-authority.ts'
import { createRig, discovery, emailIssuer, jwks, person, testTime, tokenOf } from './fulcio/rig.ts'

// Tokens that are refused: always 400 with one text, whatever is wrong, and the reason in the log of the service alone.

const seconds = testTime.getTime() / 1000
const text = 'There was an error processing the identity token'
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const [header, payload, signature] = tokenOf(person).split('.') as [string, string, string]

function unsigned(algorithm: string, mac = ''): string {
  const signed = `${encode({ alg: algorithm, kid: 'k1' })}.${payload}`
  return `${signed}.${mac === '' ? '' : createHmac('sha256', mac).update(signed).digest('base64url')}`
}

for (const { name, token, reason, isAsked = false } of [
  { name: 'none', token: '', reason: /want three parts/ },
  { name: 'of two parts', token: `${header}.${payload}`, reason: /want three parts/ },
  { name: 'of four parts', token: `${tokenOf(person)}.x`, reason: /want three parts/ },
  { name: 'of a million dots', token: '.'.repeat(60_000), reason: /want three parts/ },
  { name: 'longer than any', token: 'a'.repeat(70_000), reason: /at most 65536 characters/ },
  { name: 'whose payload is no base64url', token: `${header}.${payload}=.${signature}`, reason: /payload: want base64url/ },
  {
    name: 'whose payload is no JSON',
    token: `${header}.${Buffer.from('x').toString('base64url')}.${signature}`,
    reason: /payload: want a JSON object/,
  },
  {
    name: 'whose issuer is said twice',
    token: `${header}.${Buffer.from('{"iss":"a","iss":"b"}').toString('base64url')}.${signature}`,
    reason: /want a JSON object/,
  },
  { name: 'without issuer', token: tokenOf({ ...person, iss: undefined }), reason: /iss: want a string/ },
  {
    name: 'of an issuer that is not configured',
    token: tokenOf({ ...person, iss: 'https://elsewhere.example' }),
    reason: /"https:\/\/elsewhere.example" is not one of the configuration/,
  },
  {
    name: 'of an issuer that begins like one',
    token: tokenOf({ ...person, iss: `${emailIssuer}.evil.example` }),
    reason: /is not one of the configuration/,
  },
  {
    name: 'of an issuer with a slash more',
    token: tokenOf({ ...person, iss: `${emailIssuer}/` }),
    reason: /is not one of the configuration/,
  },
  { name: 'for somebody else', token: tokenOf({ ...person, aud: 'other' }), reason: /want audience "sigstore", got "other"/ },
  { name: 'for nobody', token: tokenOf({ ...person, aud: [] }), reason: /want audience "sigstore"/ },
  { name: 'with an audience that is no text', token: tokenOf({ ...person, aud: [1, 'sigstore'] }), reason: /aud: want text/ },
  { name: 'that expired this second', token: tokenOf({ ...person, exp: seconds }), reason: /expired at/ },
  { name: 'without expiry', token: tokenOf({ ...person, exp: undefined }), reason: /exp: want a time/ },
  { name: 'with an expiry that is text', token: tokenOf({ ...person, exp: String(seconds + 60) }), reason: /exp: want seconds/ },
  { name: 'not valid for another six minutes', token: tokenOf({ ...person, nbf: seconds + 360 }), reason: /not valid before/ },
  { name: 'issued in the future', token: tokenOf({ ...person, iat: seconds + 360 }), reason: /issued in the future/ },
  { name: 'without subject', token: tokenOf({ ...person, sub: undefined }), reason: /sub: want text/ },
  { name: 'unsigned', token: unsigned('none'), reason: /algorithm with a public key, got "none"/ },
  {
    name: 'signed with the public key as a secret',
    token: unsigned('HS256', jwks.keys[0]!.n),
    reason: /algorithm with a public key, got "HS256"/,
  },
  {
    name: 'of an algorithm that the issuer does not announce',
    token: tokenOf(person, { alg: 'PS256' }),
    reason: /algorithm of RS256, got "PS256"/,
    isAsked: true,
  },
  {
    name: 'with a signature that is not its own',
    token: `${header}.${encode({ ...person, iss: emailIssuer, aud: 'sigstore', sub: 'x', exp: seconds + 60 })}.${signature}`,
    reason: /no key of .* verifies/,
    isAsked: true,
  },
  { name: 'with a header that demands something', token: tokenOf(person, { crit: ['b64'], b64: false }), reason: /demands extensions/ },
  { name: 'of a key that is not known', token: tokenOf(person, { kid: 'k2' }), reason: /no key of .* verifies/, isAsked: true },
  {
    name: 'with an address that is not verified',
    token: tokenOf({ ...person, email_verified: false }),
    reason: /email_verified claim was false/,
    isAsked: true,
  },
  {
    name: 'with an address that is none',
    token: tokenOf({ ...person, email: 'dev' }),
    reason: /email address is not valid/,
    isAsked: true,
  },
  { name: 'without address', token: tokenOf({}), reason: /missing email claim/, isAsked: true },
])
  test(`a token is refused: ${name}`, async () => {
    const rig = await createRig()
    const response = await rig.ask(person, { token })
    assert.equal(response.status, 400)
    assert.deepEqual(await response.json(), { code: 3, message: text, details: [] })
    assert.match(rig.logs.join('\n'), reason)
    assert.equal(rig.logged.length, 0)
    assert.equal(rig.asked.length, isAsked ? 2 : 0, 'the issuer is asked only where the rest of the token holds')
    if (token.length > 1000) assert.ok(rig.logs.join('').length < 1000)
  })

for (const { name, claims } of [
  { name: 'for several', claims: { aud: ['other', 'sigstore'] } },
  { name: 'not valid for another four minutes', claims: { nbf: seconds + 240 } },
  { name: 'that expires in a second', claims: { exp: seconds + 1 } },
  { name: 'with a truth that is text', claims: { email_verified: 'True' } },
])
  test(`a token is accepted: ${name}`, async () => {
    assert.equal((await (await createRig()).ask({ ...person, ...claims })).status, 200)
  })

test('no bit of a token can be changed', async () => {
  const rig = await createRig()
  const bytes = Buffer.from(tokenOf(person))
  for (let at = 0; at < bytes.length; at += 7) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1 << (at % 7)
    const response = await rig.ask(person, { token: changed.toString('latin1').replace(/[^!-~]/g, '~') })
    assert.equal(response.status, 400, `byte ${at}`)
  }
})

for (const { name, fetch } of [
  { name: 'cannot be reached', fetch: () => Promise.reject(new Error('refused')) },
  { name: 'answers 500', fetch: async () => new Response('no', { status: 500 }) },
  { name: 'sends elsewhere', fetch: async () => new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } }) },
  {
    name: 'calls itself something else',
    fetch: async () => Response.json({ issuer: 'https://other.example', jwks_uri: `${emailIssuer}/keys` }),
  },
  {
    name: 'has its keys behind plain http',
    fetch: async () => Response.json({ issuer: emailIssuer, jwks_uri: 'http://issuer.example/keys' }),
  },
  {
    name: 'has its keys on the machine of the service',
    fetch: async () => Response.json({ issuer: emailIssuer, jwks_uri: 'http://127.0.0.1/keys' }),
  },
  { name: 'sends endless bytes', fetch: async () => new Response('{'.repeat(2 << 20)) },
  { name: 'sends no JSON', fetch: async () => new Response('<html>') },
])
  test(`503 where the issuer ${name}, which is nobody's fault who asks`, async () => {
    const rig = await createRig({ fetch })
    for (let round = 0; round < 3; round++) {
      const response = await rig.ask(person)
      assert.equal(response.status, 503)
      assert.deepEqual(await response.json(), { code: 14, message: text, details: [] })
      assert.equal(response.headers.get('retry-after'), '10')
    }
    assert.deepEqual(rig.asked, [`${emailIssuer}/.well-known/openid-configuration`])
  })

test('keys are fetched once for all who wait, kept, and asked for again when one is unknown, not too often', async () => {
  let now = testTime
  let keys: readonly { readonly kid: string }[] = jwks.keys
  const rig = await createRig({
    now: () => now,
    fetch: async url => (String(url).endsWith('/keys') ? Response.json({ keys }) : discovery(String(url))),
  })
  const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await rig.ask(person)).status))
  assert.deepEqual(new Set(statuses), new Set([200]))
  assert.equal(rig.asked.length, 2)
  keys = [{ ...jwks.keys[0]!, kid: 'k2' }]
  const rotated = tokenOf(person, { kid: 'k2' })
  assert.equal((await rig.ask(person, { token: rotated })).status, 400, 'asked a moment ago')
  assert.equal(rig.asked.length, 2)
  now = new Date(testTime.getTime() + 11_000)
  assert.equal((await rig.ask(person, { token: rotated })).status, 200)
  assert.equal(rig.asked.length, 4)
  for (let round = 0; round < 5; round++)
    assert.equal((await rig.ask(person, { token: tokenOf(person, { kid: `x${round}` }) })).status, 400)
  assert.equal(rig.asked.length, 4)
})

test('an issuer that is down is believed on its last keys for an hour', async () => {
  let now = testTime
  let isDown = false
  const rig = await createRig({
    now: () => now,
    fetch: async url => {
      if (isDown) throw new Error('down')
      return discovery(String(url))
    },
  })
  const ask = async () => (await rig.ask({ ...person, exp: now.getTime() / 1000 + 60 })).status
  assert.equal(await ask(), 200)
  isDown = true
  now = new Date(testTime.getTime() + 1_800_000)
  assert.equal(await ask(), 200)
  now = new Date(testTime.getTime() + 3_700_000)
  assert.equal(await ask(), 503)
  isDown = false
  now = new Date(testTime.getTime() + 3_720_000)
  assert.equal(await ask(), 200)
})

test('keys of an issuer in the same process are asked for without a request', async () => {
  const { localIssuerKeys } = await import('../src/identity/issuer-keys.ts')
  const rig = await createRig({ localKeys: new Map([[emailIssuer, localIssuerKeys(() => jwks)]]) })
  assert.equal((await rig.ask(person)).status, 200)
  assert.equal((await rig.ask(person, { token: tokenOf(person, { kid: 'k2' }) })).status, 400)
  assert.deepEqual(rig.asked, [])
})

test('a meta issuer: only what its pattern names is asked, and the ones last wanted are kept', async () => {
  const config = 'meta-issuers:\n  https://*.example.com/x/*:\n    client-id: sigstore\n    type: kubernetes\n'
  const rig = await createRig({ config, limits: { keptIssuers: 2 } })
  const claims = { 'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'builder' } } }
  const ask = async (iss: string) => (await rig.ask({ ...claims, iss }, { challenge: 'subject' })).status
  for (const iss of [
    'http://h?https://a.example.com/x/1',
    'https://a.example.com/x/1/y',
    'https://a.b.example.com/x/1',
    'https://a.example.com/x/',
    'https://a.example.com/x/1\n',
    'https://axexample.com/x/1',
    'https://*.example.com/x/*',
    'https://a.example.com.evil.test/x/1',
  ])
    assert.equal(await ask(iss), 400, iss)
  assert.equal(rig.asked.length, 0)
  for (const iss of ['a', 'b', 'a', 'c', 'a', 'b']) assert.equal(await ask(`https://${iss}.example.com/x/1`), 200)
  const discoveries = rig.asked.filter(url => url.includes('well-known')).map(url => url[8])
  assert.deepEqual(discoveries, ['a', 'b', 'c', 'b'])
})

test('an issuer with authorities and credentials of its own is asked by a client of its own', async () => {
  const { pem } = await createRoot()
  const config = `oidc-issuers:\n  ${emailIssuer}:\n    client-id: sigstore\n    type: email\n    ca-cert: |\n${pem.replace(/^(?=.)/gm, '      ')}`
  await assert.rejects(createRig({ config }), { code: 'CONFIGURATION_MALFORMED', message: /issuer.example: ca-cert is not supported here/ })
  const seen: string[] = []
  const rig = await createRig({
    config,
    issuerAuthorization: new Map([[emailIssuer, async () => 'Bearer of-the-service']]),
    fetchTrusting: ca => async (url, init) => {
      seen.push(`${ca === pem} ${new Headers(init?.headers).get('authorization')}`)
      return discovery(String(url))
    },
  })
  assert.equal((await rig.ask(person)).status, 200)
  assert.deepEqual(rig.asked, [])
  assert.deepEqual(seen, ['true Bearer of-the-service', 'true Bearer of-the-service'])
})

test('not more than so many meta issuers are asked at once', async () => {
  const waiting: (() => void)[] = []
  const rig = await createRig({
    config: 'meta-issuers:\n  https://*.example.com:\n    client-id: sigstore\n    type: kubernetes\n',
    limits: { askedAtOnce: 3 },
    fetch: url => new Promise(resolve => waiting.push(() => resolve(discovery(String(url))))),
  })
  const claims = { 'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'builder' } } }
  const ask = async (name: string) => (await rig.ask({ ...claims, iss: `https://${name}.example.com` }, { challenge: 'subject' })).status
  const first = ['a', 'b', 'c'].map(ask)
  while (waiting.length < 3) await new Promise(resolve => setImmediate(resolve))
  assert.equal(await ask('d'), 503)
  assert.equal(rig.asked.length, 3)
  let isDone = false
  const all = Promise.all(first).finally(() => {
    isDone = true
  })
  while (!isDone) {
    for (const answer of waiting.splice(0)) answer()
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.deepEqual(await all, [200, 200, 200])
  assert.equal(waiting.length, 0)
})
