import assert from 'node:assert/strict'
import { test } from 'node:test'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { createTransit, type Transit, type TransitKeyType, transitEnvironment } from '../../testing/kms/transit.ts'
import type { RemoteKey } from '../remote/remote-key.ts'
import { openVaultKey } from './open-vault-key.ts'

function open(transit: Transit): RemoteKey {
  return openVaultKey('hashivault://k', providerEffects(transit.fetch, { environment: transitEnvironment }))
}

// Descriptions of keys that we do not take.
for (const { name, said, code, reason, type } of [
  {
    name: 'for encryption',
    said: { type: 'aes256-gcm96', keys: { '1': 1796084948 } },
    code: 'KEY_UNSUPPORTED',
    reason: /want a key of type ecdsa-p256, .*, got "aes256-gcm96"/,
  },
  {
    name: 'derived',
    type: 'ed25519',
    said: { derived: true },
    code: 'KEY_UNSUPPORTED',
    reason: /it is derived: each context has a key of its own/,
  },
  {
    name: 'of another type than its public key',
    said: { type: 'ecdsa-p384' },
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /version 1: want a public key of its type, ecdsa-p384 of 384 bits, got ecdsa-p256 of 256 bits/,
  },
  { name: 'without a type', said: { type: 7 }, code: 'KMS_RESPONSE_MALFORMED', reason: /type: want a string/ },
  { name: 'without versions', said: { keys: {} }, code: 'KMS_RESPONSE_MALFORMED', reason: /want its latest version 1 among its versions/ },
  { name: 'whose versions are no object', said: { keys: [] }, code: 'KMS_RESPONSE_MALFORMED', reason: /keys: want an object/ },
  {
    name: 'with a version past the latest',
    said: { latest_version: 0 },
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /want versions from 1 to 0, got "1"/,
  },
  {
    name: 'whose latest version is missing',
    said: { latest_version: 2 },
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /want its latest version 2/,
  },
  {
    name: 'of which all is hidden',
    said: { keys: {}, min_decryption_version: 9_000_000 },
    code: 'KEY_DISABLED',
    reason: /got version 1, disabled/,
  },
  { name: 'with a name for a version', said: { keys: { one: {} } }, code: 'KMS_RESPONSE_MALFORMED', reason: /got "one"/ },
  {
    name: 'with a public key that is none',
    said: { keys: { '1': { creation_time: '2026-11-01T00:00:00Z', public_key: 'x' } } },
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /version 1: .*pem/i,
  },
  {
    name: 'with a public key of Ed25519 that is too short',
    type: 'ed25519',
    said: { keys: { '1': { creation_time: '2026-11-01T00:00:00Z', public_key: 'AAAA' } } },
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /version 1: /,
  },
  {
    name: 'without a time',
    said: { keys: { '1': { creation_time: 'now', public_key: '' } } },
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /creation_time: want an RFC 3339 time, got "now"/,
  },
  {
    name: 'with a flag that is none',
    said: { soft_deleted: 'no' },
    code: 'KMS_RESPONSE_MALFORMED',
    reason: /soft_deleted: want true or false/,
  },
] as readonly { name: string; said: Record<string, unknown>; code: string; reason: RegExp; type?: TransitKeyType }[])
  test(`a key ${name}`, async () => {
    const transit = createTransit()
    transit.add('k', type ?? 'ecdsa-p256')
    transit.say('k', said)
    await assert.rejects(open(transit).current(), { name: 'CountersignError', code, message: reason })
  })

test('times in the zone of the server', async () => {
  const transit = createTransit()
  transit.add('k', 'ed25519')
  const { publicKey } = (await open(transit).versions())[0]!
  const text = Buffer.from(publicKey!.spki.subarray(-32)).toString('base64')
  transit.say('k', { keys: { '1': { creation_time: '2026-11-01T10:00:00.5+02:00', public_key: text } } })
  assert.equal((await open(transit).versions())[0]!.createdAt?.toISOString(), '2026-11-01T08:00:00.500Z')
})
