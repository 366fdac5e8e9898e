import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { endless, failing } from '../../testing/hostile-bodies.ts'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { createTransit, failed, ok, type Transit, transitEnvironment, transitToken } from '../../testing/kms/transit.ts'
import { type RemoteKey, remoteSigner } from '../remote/remote-key.ts'
import { openVaultKey } from './open-vault-key.ts'

const message = encodeUtf8('message')

function open(transit: Transit, reference = 'hashivault://k'): RemoteKey {
  return openVaultKey(reference, providerEffects(transit.fetch, { environment: transitEnvironment }))
}

// What a server says instead of describing the key.
for (const { name, answers, code, reason, requests } of [
  {
    name: 'no engine there',
    answers: [() => failed(404, 'no handler for route "transit/keys/k". route entry not found.')],
    code: 'KEY_NOT_FOUND',
    reason: /no secrets engine at "transit\/": name its path in TRANSIT_SECRET_ENGINE_PATH/,
  },
  {
    name: 'no such key',
    answers: [() => failed(404)],
    code: 'KEY_NOT_FOUND',
    reason: /no such key in the secrets engine at "transit\/", got status 404$/,
  },
  {
    name: 'sealed',
    answers: [() => failed(503, 'Vault is sealed')],
    code: 'KMS_UNAVAILABLE',
    reason: /is sealed: somebody has to unseal it/,
  },
  {
    name: 'a token that is known but may not',
    answers: [() => failed(403, 'permission denied'), () => ok({})],
    code: 'KMS_DENIED',
    reason:
      /the token in VAULT_TOKEN may not read "transit\/keys\/k": a policy must grant path "transit\/keys\/k" \{ capabilities = \["read"\] \}/,
    requests: 2,
  },
  {
    name: 'a token that is not known',
    answers: [() => failed(403, 'permission denied'), () => failed(403, 'permission denied')],
    code: 'KMS_UNAUTHORIZED',
    reason: /the token in VAULT_TOKEN is refused .* log in again/,
    requests: 2,
  },
  {
    name: 'no word on the token',
    answers: [() => failed(403), () => failed(404)],
    code: 'KEY_NOT_FOUND',
    reason: /no such key/,
    requests: 2,
  },
  {
    name: 'what it does not take',
    answers: [() => failed(400, 'bad parameter')],
    code: 'KMS_DENIED',
    reason: /does not take GET transit\/keys\/k, got status 400, "bad parameter"/,
  },
  {
    name: 'an error that repeats the token',
    answers: [() => failed(400, `token ${transitToken} is bad`)],
    code: 'KMS_DENIED',
    reason: /got status 400$/,
  },
  {
    name: 'another status',
    answers: [() => failed(418)],
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /transit\/keys\/k: want status 200 or 204, got status 418/,
  },
  {
    name: 'errors that are no JSON',
    answers: [() => new Response('<html>', { status: 405 })],
    code: 'KMS_DENIED',
    reason: /got status 405$/,
  },
  { name: 'no JSON', answers: [() => new Response('<html>')], code: 'KMS_RESPONSE_MALFORMED', reason: /not JSON/ },
  {
    name: 'nothing',
    answers: [() => new Response(null, { status: 204 })],
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /want an answer with data, got none/,
  },
  { name: 'no data', answers: [() => ok(null)], code: 'KMS_RESPONSE_MALFORMED', reason: /data: want an object, got "null"/ },
  {
    name: 'an endless answer',
    answers: [() => new Response(endless(encodeUtf8(' '.repeat(1000))))],
    code: 'LIMIT_EXCEEDED',
    reason: /want at most 1048576 bytes/,
  },
  {
    name: 'broken within',
    answers: Array.from({ length: 4 }, () => () => new Response(failing(encodeUtf8('{')))),
    code: 'KMS_UNAVAILABLE',
    reason: /no usable answer/,
  },
  {
    name: 'a fault, four times',
    answers: Array.from({ length: 4 }, () => () => failed(500, 'internal')),
    code: 'KMS_UNAVAILABLE',
    reason: /got status 500, "internal", 4 times/,
    requests: 4,
  },
  {
    name: 'throttling for ever',
    answers: Array.from({ length: 20 }, () => () => failed(429, 'rate limit quota exceeded')),
    code: 'KMS_UNAVAILABLE',
    reason: /throttled, 11 times, within 30000 ms/,
    requests: 11,
  },
  {
    name: 'throttling for an hour',
    answers: [() => failed(429, undefined, { 'retry-after': '3600' })],
    code: 'KMS_UNAVAILABLE',
    reason: /throttled, once and to be asked again after 3600000 ms, within 30000 ms/,
  },
  {
    name: 'a gateway without a server, for ever',
    answers: Array.from({ length: 20 }, () => () => failed(502)),
    code: 'KMS_UNAVAILABLE',
    reason: /got status 502, 11 times, within 30000 ms/,
    requests: 11,
  },
] as readonly { name: string; answers: (() => Response)[]; code: string; reason: RegExp; requests?: number }[])
  test(`a server answers ${name}`, async () => {
    const transit = createTransit()
    transit.answer(...answers)
    await assert.rejects(open(transit).current(), error => {
      assert.ok(error instanceof Error && !JSON.stringify([error.message, String(error.cause)]).includes(transitToken))
      assert.match(error.message, /^HashiCorp Vault key "k"/)
      assert.match(error.message, reason)
      assert.equal((error as { code?: string }).code, code)
      return true
    })
    if (name !== 'broken within') assert.equal(transit.asked.length, requests ?? 1)
  })

for (const { name, first } of [
  { name: 'throttles once', first: () => failed(429, undefined, { 'retry-after': '1' }) },
  { name: 'has not caught up yet', first: () => failed(412) },
  { name: 'is away for a moment', first: () => failed(503) },
  { name: 'breaks the connection', first: () => Promise.reject(Object.assign(new Error('reset'), { code: 'ECONNRESET' })) },
])
  test(`a server that ${name} is asked again`, async () => {
    const transit = createTransit()
    transit.add('k', 'ecdsa-p256')
    transit.answer(first)
    assert.equal((await open(transit).current()).id, '1')
    assert.equal(transit.asked.length, 2)
  })

// What a server says instead of signing.
const signature = (text: string) => () => ok({ signature: text, key_version: 1 })
for (const { name, answers, code, reason } of [
  {
    name: 'another version’s signature',
    answers: [signature('vault:v2:AAAA')],
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /want a signature by version 1, got one by version 2/,
  },
  {
    name: 'no prefix',
    answers: [signature('AAAA')],
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /signature: want vault:v1: and base64, got "AAAA"/,
  },
  { name: 'no base64', answers: [signature('vault:v1:?')], code: 'KMS_RESPONSE_MALFORMED', reason: /signature: want padded base64/ },
  { name: 'no signature', answers: [() => ok({})], code: 'KMS_RESPONSE_MALFORMED', reason: /signature: want a string, got nothing/ },
  {
    name: 'a signature of no form',
    answers: [signature('vault:v1:AAAA')],
    code: 'KMS_SIGNATURE_INVALID',
    reason: /does not verify with its public key/,
  },
  {
    name: 'that the version is past',
    answers: [
      () => failed(500, '1 error occurred:\n\t* requested version for signing is less than the minimum encryption key version\n\n'),
    ],
    code: 'KEY_DISABLED',
    reason: /min_encryption_version is past it, got status 500, "requested version for signing is less/,
  },
  {
    name: 'that there is no such version',
    answers: [() => failed(500, 'requested version for signing is higher than the latest key version')],
    code: 'KEY_NOT_FOUND',
    reason: /no such version/,
  },
  { name: 'that the key is gone', answers: [() => failed(400, 'signing key not found')], code: 'KEY_NOT_FOUND', reason: /no such key/ },
  {
    name: 'that the key was deleted',
    answers: [() => failed(500, 'refusing to use soft-deleted key')],
    code: 'KEY_DISABLED',
    reason: /it is soft-deleted/,
  },
  {
    name: 'that the key does not sign',
    answers: [() => failed(400, 'key type aes256-gcm96 does not support signing')],
    code: 'KEY_UNSUPPORTED',
    reason: /want a key that signs/,
  },
  {
    name: 'that the message is too long',
    answers: [() => failed(413)],
    code: 'LIMIT_EXCEEDED',
    reason: /does not take as long a message: Ed25519 signs the whole of it/,
  },
  {
    name: 'that the token may only read',
    answers: [() => failed(403), () => ok({})],
    code: 'KMS_DENIED',
    reason: /may not update "transit\/sign\/k\/sha2-256"/,
  },
] as readonly { name: string; answers: (() => Response)[]; code: string; reason: RegExp }[])
  test(`to sign is answered with ${name}`, async () => {
    const transit = createTransit()
    transit.add('k', 'ecdsa-p256')
    const signer = await remoteSigner(open(transit))
    transit.answer(...answers)
    await assert.rejects(signer.sign(message), { name: 'CountersignError', code, message: reason })
  })

test('a signature by another key is found out', async () => {
  const transit = createTransit()
  transit.add('k', 'ecdsa-p256')
  transit.add('other', 'ecdsa-p256')
  const signer = await remoteSigner(open(transit))
  const foreign = await open(transit, 'hashivault://other').sign(await open(transit, 'hashivault://other').current(), new Uint8Array(32))
  transit.answer(signature(`vault:v1:${Buffer.from(foreign).toString('base64')}`))
  await assert.rejects(signer.sign(message), { code: 'KMS_SIGNATURE_INVALID' })
})

test('to make a key wants the right to update', async () => {
  const transit = createTransit()
  transit.answer(
    () => failed(404),
    () => failed(403, 'permission denied'),
    () => ok({}),
  )
  await assert.rejects(open(transit).create(), {
    code: 'KMS_DENIED',
    message:
      'HashiCorp Vault key "k": the token in VAULT_TOKEN may not update "transit/keys/k": a policy must grant path "transit/keys/k" { capabilities = ["update"] }',
  })
})
