import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { createTransit, failed, type Transit, transitEnvironment, transitToken } from '../../testing/kms/transit.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { enabledPublicKeys, type RemoteKey, remoteSigner } from '../remote/remote-key.ts'
import { openVaultKey } from './open-vault-key.ts'

const message = encodeUtf8('message')

function open(transit: Transit, reference = 'hashivault://k', changes: Partial<ProviderEffects> = {}): RemoteKey {
  return openVaultKey(reference, providerEffects(transit.fetch, { environment: transitEnvironment, ...changes }))
}

for (const { type, hash, scheme, path, extra } of [
  { type: 'ecdsa-p256', hash: 'sha256', scheme: 'ecdsa', path: '/v1/transit/sign/k/sha2-256', extra: { marshaling_algorithm: 'asn1' } },
  { type: 'ecdsa-p384', hash: 'sha384', scheme: 'ecdsa', path: '/v1/transit/sign/k/sha2-384', extra: { marshaling_algorithm: 'asn1' } },
  { type: 'ecdsa-p521', hash: 'sha512', scheme: 'ecdsa', path: '/v1/transit/sign/k/sha2-512', extra: { marshaling_algorithm: 'asn1' } },
  {
    type: 'rsa-2048',
    hash: 'sha256',
    scheme: 'rsa-pkcs1v15',
    path: '/v1/transit/sign/k/sha2-256',
    extra: { signature_algorithm: 'pkcs1v15' },
  },
  { type: 'ed25519', hash: undefined, scheme: 'ed25519', path: '/v1/transit/sign/k', extra: {} },
] as const)
  test(`a key of type ${type} signs; to know it is one request, each signature is one`, async () => {
    const transit = createTransit()
    transit.add('k', type)
    const key = open(transit)
    assert.deepEqual(transit.asked, [], 'opening asks nobody')
    const signer = await remoteSigner(key)
    assert.deepEqual([signer.hash, transit.asked], [hash, ['GET /v1/transit/keys/k']])
    const signature = await signer.sign(message)
    await verifySignatureAs(signer.publicKey, signature, messageOfBytes(message), { scheme, hash })
    assert.deepEqual(transit.asked.slice(1), [`PUT ${path}`])
    const { input, ...rest } = transit.bodies[1]!
    assert.deepEqual(rest, { prehashed: hash !== undefined, key_version: 1, ...extra })
    assert.equal(typeof input, 'string')
    await signer.sign(message)
    assert.equal(transit.asked.length, 3)
    assert.equal((await key.versions()).length, 1)
    assert.equal(transit.asked.length, 3, 'what is known is not asked again')
  })

test('the floating reference signs with the newest version and verifies with all of them; a pinned one keeps to its own', async () => {
  const transit = createTransit()
  for (let times = 0; times < 3; times++) transit.add('k', 'ecdsa-p256')
  const floating = open(transit)
  assert.equal((await floating.current()).id, '3')
  const versions = await floating.versions()
  assert.deepEqual(
    versions.map(({ id, state, createdAt }) => [id, state, createdAt?.toISOString()]),
    [
      ['3', 'enabled', '2026-11-03T08:00:00.123Z'],
      ['2', 'enabled', '2026-11-02T08:00:00.123Z'],
      ['1', 'enabled', '2026-11-01T08:00:00.123Z'],
    ],
  )
  assert.equal((await enabledPublicKeys(floating)).length, 3)
  const pinned = open(transit, 'openbao://k/versions/2')
  assert.equal(pinned.what, 'OpenBao key "k", version 2')
  assert.deepEqual(
    (await pinned.versions()).map(({ id }) => id),
    ['2'],
  )
  const signer = await remoteSigner(pinned)
  await signer.sign(message)
  assert.deepEqual([transit.bodies.at(-1)!['key_version'], signer.publicKey.spki], [2, versions[1]!.publicKey!.spki])
})

test('versions that are hidden, trimmed, or verify alone', async () => {
  const transit = createTransit()
  for (let times = 0; times < 5; times++) transit.add('k', 'ecdsa-p256')
  transit.say('k', { min_decryption_version: 4, min_available_version: 3, min_encryption_version: 5 })
  const versions = await open(transit).versions()
  assert.deepEqual(
    versions.map(({ id, state, publicKey }) => [id, state, publicKey !== undefined]),
    [
      ['5', 'enabled', true],
      ['4', 'enabled', true],
      ['3', 'disabled', false],
      ['2', 'destroyed', false],
      ['1', 'destroyed', false],
    ],
  )
  assert.equal((await enabledPublicKeys(open(transit, 'hashivault://k/versions/4'))).length, 1)
  for (const { version, code, reason } of [
    { version: 4, code: 'KEY_DISABLED', reason: 'version 4 does not sign any more: its min_encryption_version is 5' },
    { version: 3, code: 'KEY_DISABLED', reason: 'want a version that is enabled, got version 3, disabled' },
    { version: 1, code: 'KEY_DISABLED', reason: 'want a version that is enabled, got version 1, destroyed' },
    { version: 6, code: 'KEY_NOT_FOUND', reason: 'want one of its versions, got version 6; the latest is 5' },
  ])
    await assert.rejects(open(transit, `hashivault://k/versions/${version}`).current(), {
      code,
      message: `HashiCorp Vault key "k", version ${version}: ${reason}`,
    })
  await assert.rejects(enabledPublicKeys(open(transit, 'hashivault://k/versions/3')), {
    code: 'KEY_DISABLED',
    message: /want an enabled version, got 3 disabled/,
  })
  await assert.rejects(open(transit, 'hashivault://k/versions/6').versions(), { code: 'KEY_NOT_FOUND' })
})

test('a key that was softly deleted neither signs nor verifies', async () => {
  const transit = createTransit()
  transit.add('k', 'ecdsa-p256')
  transit.say('k', { soft_deleted: true })
  await assert.rejects(open(transit).current(), { code: 'KEY_DISABLED', message: 'HashiCorp Vault key "k": it is soft-deleted' })
  await assert.rejects(enabledPublicKeys(open(transit)), { code: 'KEY_DISABLED', message: /want an enabled version, got 1 disabled/ })
})

test('create makes an ECDSA P-256 key, and uses the one that is there', async () => {
  const transit = createTransit()
  const made = await open(transit).create()
  assert.deepEqual(transit.asked, ['GET /v1/transit/keys/k', 'PUT /v1/transit/keys/k', 'GET /v1/transit/keys/k'])
  assert.deepEqual(transit.bodies[1], { type: 'ecdsa-p256' })
  const again = await open(transit).create()
  assert.deepEqual([made.isNew, again.isNew, again.publicKey.spki], [true, false, made.publicKey.spki])
  assert.equal(transit.asked.length, 4)
  await assert.rejects(open(createTransit(), 'hashivault://k/versions/1').create(), {
    code: 'REFERENCE_MALFORMED',
    message: /without a version/,
  })
})

test('create of Vault as it was, which answers without a body', async () => {
  const transit = createTransit()
  transit.answer(
    () => failed(404),
    () => new Response(null, { status: 204 }),
  )
  transit.add('k', 'ecdsa-p256')
  assert.equal((await open(transit).create()).isNew, true)
})

test('a namespace and an engine of their own', async () => {
  const sent: { readonly url: string; readonly headers: Headers }[] = []
  const transit = createTransit()
  transit.answer(() => failed(404))
  const environment = new Map([
    ['BAO_ADDR', 'https://bao.test/behind/'],
    ['BAO_TOKEN', transitToken],
    ['BAO_NAMESPACE', 'team/a'],
    ['TRANSIT_SECRET_ENGINE_PATH', 'org/transit'],
  ])
  const fetch: ProviderEffects['fetch'] = (input, init) => {
    sent.push({ url: String(input), headers: new Headers(init?.headers) })
    return transit.fetch(input, init)
  }
  await assert.rejects(open(transit, 'openbao://k', { environment, fetch }).current(), {
    code: 'KEY_NOT_FOUND',
    message: 'OpenBao key "k": no such key in the secrets engine at "org/transit/", got status 404',
  })
  const [{ url, headers }] = sent as [(typeof sent)[number]]
  assert.deepEqual(
    [url, headers.get('x-vault-token'), headers.get('x-vault-namespace'), headers.get('x-vault-request')],
    ['https://bao.test/behind/v1/org/transit/keys/k', transitToken, 'team/a', 'true'],
  )
})

test('the reason of the caller passes through unchanged, and what failed is asked anew', async () => {
  const transit = createTransit()
  transit.add('k', 'ecdsa-p256')
  const caller = new AbortController()
  const silent: ProviderEffects['fetch'] = (_, init) =>
    new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
  const asking = open(transit, undefined, { signal: caller.signal, fetch: silent }).current()
  const reason = new Error('enough')
  caller.abort(reason)
  await assert.rejects(asking, reason)
  const key = open(transit)
  transit.answer(() => failed(404))
  await assert.rejects(key.current(), { code: 'KEY_NOT_FOUND' })
  assert.equal((await key.current()).id, '1')
})
