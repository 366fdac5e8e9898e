import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { createTransit, type Transit, transitEnvironment, transitToken } from '../../testing/kms/transit.ts'
import type { RemoteKey } from '../remote/remote-key.ts'
import { openVaultKey } from './open-vault-key.ts'

function open(transit: Transit): RemoteKey {
  return openVaultKey('hashivault://k', providerEffects(transit.fetch, { environment: transitEnvironment }))
}

// Standby nodes of a cluster lead to the active one.
const standby =
  (location: string, status = 307) =>
  () =>
    new Response(null, { status, headers: { location } })
for (const { name, location, status, reason } of [
  { name: 'on the same host', location: 'https://vault.test:8201/v1/transit/keys/k' },
  { name: 'by its path alone', location: '/v1/transit/keys/k', status: 308 },
  {
    name: 'on another host',
    location: 'https://other.test:8200/v1/transit/keys/k',
    reason: /a standby node leads to "https:\/\/other\.test:8200", where the token is not sent: set the address to the active node/,
  },
  {
    name: 'without TLS',
    location: 'http://vault.test:8200/v1/transit/keys/k?t=s3cret',
    reason: /redirected to "http:\/\/vault\.test:8200", want https/,
  },
  { name: 'on this machine without TLS', location: 'http://127.0.0.1/v1/transit/keys/k', reason: /want https/ },
  { name: 'in a file', location: 'file:///etc/passwd', reason: /want https/ },
  { name: 'with a password', location: 'https://u:s3cret@vault.test/', reason: /^(?!.*s3cret)/ },
  { name: 'nowhere', location: 'https://[', reason: /redirected to "no URL", want https/ },
] as const)
  test(`a standby node leads to the active one ${name}`, async () => {
    const transit = createTransit()
    transit.add('k', 'ecdsa-p256')
    transit.answer(standby(location, status))
    const current = open(transit).current()
    if (reason) await assert.rejects(current, { code: 'KMS_UNAVAILABLE', message: reason })
    else assert.equal((await current).id, '1')
    assert.equal(transit.asked.length, reason ? 1 : 2)
  })

test('a standby node leads round in a circle', async () => {
  const transit = createTransit()
  transit.answer(...Array.from({ length: 9 }, () => standby('/v1/transit/keys/k')))
  await assert.rejects(open(transit).current(), { code: 'KMS_UNAVAILABLE', message: /more than 3 redirects/ })
  assert.equal(transit.asked.length, 4)
})

test('a redirect that is none of a standby node', async () => {
  const transit = createTransit()
  transit.answer(standby('https://login.test/', 302))
  await assert.rejects(open(transit).current(), { code: 'KMS_RESPONSE_MALFORMED', message: /got status 302/ })
})

test('a token that was renewed in its file is read once the old one has ended', async () => {
  const tokens = ['s.old', transitToken, transitToken]
  const transit = createTransit()
  transit.add('k', 'ecdsa-p256')
  const environment = new Map([
    ['VAULT_ADDR', 'https://vault.test:8200'],
    ['HOME', '/home/a'],
  ])
  const key = openVaultKey(
    'hashivault://k',
    providerEffects(transit.fetch, { environment, readFile: async () => encodeUtf8(tokens.shift()!) }),
  )
  const version = await key.current()
  assert.deepEqual(transit.asked, ['GET /v1/transit/keys/k', 'GET /v1/transit/keys/k'])
  await key.sign(version, new Uint8Array(32))
  assert.deepEqual([transit.asked.length, tokens.length], [3, 1], 'what was read is kept')
})
