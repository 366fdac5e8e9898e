import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePublicKeyPem } from '../src/crypto/public-key.ts'
import { listKeys } from '../src/kms/list-keys.ts'
import { assertRefused, createRig, good, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { providerEffects } from '../src/testing/kms/provider-effects.ts'
import { createTransit, transitEnvironment } from '../src/testing/kms/transit.ts'
import { keySetMediaType } from '../src/trust/key-set.ts'

// A key in a KMS gets a newer version: what was signed with the older one verifies, is listed, and is signed again with the newer.

const rig = createRig()
const transit = createTransit()
rig.hosts.set('vault.test:8200', async request => {
  const body = request.method === 'GET' ? undefined : await request.text()
  return await transit.fetch(request.url, { method: request.method, headers: request.headers, ...(body !== undefined && { body }) })
})
const environment = Object.fromEntries(transitEnvironment)
const cs = (line: string) => rig.cs(line, { environment })
const noLog = '--tlog-upload=false'
const trusting = '--insecure-ignore-tlog --key'

transit.add('release', 'ecdsa-p256')
const name = await rig.push('app', buildImage())
await good(cs(`sign --key hashivault://release ${noLog} ${name}`))
transit.add('release', 'ecdsa-p256')

const publicKeys = async () =>
  (await listKeys('hashivault://release', providerEffects(transit.fetch, { environment: transitEnvironment }))).map(({ key }) => key!)

test('an un-versioned key verifies what any of its enabled versions signed, a pinned one its own', async () => {
  await good(cs(`verify ${trusting} hashivault://release ${name}`))
  await good(cs(`verify ${trusting} hashivault://release/versions/1 ${name}`))
  const outcome = await cs(`verify ${trusting} hashivault://release/versions/2 -o json ${name}`)
  assertRefused(outcome, { exit: 1, code: 'KEY_MISMATCH', message: /which is not the trusted key/ })
})

test('keys list shows the versions, newest first, and the one that signs', async () => {
  const { keys } = JSON.parse((await good(cs('keys list -o json hashivault://release'))).stdout)
  assert.deepEqual(
    keys.map(({ version, state, signs, createdAt }: Record<string, unknown>) => [version, state, signs, createdAt]),
    [
      ['2', 'enabled', true, '2026-11-02T08:00:00.123Z'],
      ['1', 'enabled', false, '2026-11-01T08:00:00.123Z'],
    ],
  )
  const { stdout } = await good(cs('keys list hashivault://release/versions/1'))
  assert.match(stdout, /^hashivault:\/\/release\/versions\/1 {2}1 {8}enabled .* {2}signs now, valid now$/m)
})

test('a key set of a key in a KMS and a time; the same key twice in it is refused', async () => {
  const setOf = (...keys: readonly object[]) => JSON.stringify({ mediaType: keySetMediaType, keys })
  rig.disk.set('set.json', setOf({ ref: 'hashivault://release', name: 'release', validFor: { start: '2020-01-01T00:00:00Z' } }))
  await good(cs(`verify ${trusting} set.json ${name}`))
  rig.disk.set('ended.json', setOf({ ref: 'hashivault://release', validFor: { end: '2020-01-01T00:00:00Z' } }))
  assert.equal((await cs(`verify ${trusting} ended.json -o json ${name}`)).failure?.code, 'KEY_EXPIRED')
  const [, old] = await publicKeys()
  const ended = { publicKey: encodePublicKeyPem(old!), validFor: { end: '2020-01-01T00:00:00Z' } } // and yet an enabled version
  rig.disk.set('twice.json', setOf(ended, { ref: 'hashivault://release' }))
  const refused = await cs(`verify ${trusting} twice.json -o json ${name}`)
  assertRefused(refused, { exit: 1, code: 'KEY_MALFORMED', message: /want each key once, but keys\[0\] and keys\[1\] are the same key/ })
})

test('the newest version signs what the others have signed', async () => {
  const before = transit.asked.length
  const line = `resign --from hashivault://release --to hashivault://release ${noLog} --insecure-ignore-tlog --yes -o json ${rigHost}/app`
  const { counts } = JSON.parse((await good(cs(line))).stdout)
  assert.equal(counts.signed, 1)
  assert.deepEqual(
    transit.asked.slice(before).map(asked => asked.replace(/\/sign\/.*/, '/sign')),
    ['GET /v1/transit/keys/release', 'GET /v1/transit/keys/release', 'PUT /v1/transit/sign'],
  )
  await good(cs(`verify ${trusting} hashivault://release/versions/2 ${name}`))
  assert.equal(JSON.parse((await good(cs(line))).stdout).counts.already, 1)
})
