import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, createRig } from '../src/testing/command-rig.ts'
import { makeModule, makeToken } from '../src/testing/kms/hand-made-token.ts'
import { put } from '../src/testing/kms/token-key.ts'

// Keys on tokens through whole commands, with a module made by hand; test/kms runs them on SoftHSM2.

const { cs, disk } = createRig()
disk.set('blob', 'countersign\n')
const key = 'pkcs11:token=release;object=k?module-path=/lib/token.so'
const signing = `sign-blob --tlog-upload=false --use-signing-config=false --yes --bundle blob.bundle --key ${key} blob`
const verifying = `verify-blob --insecure-ignore-tlog --bundle blob.bundle --key ${key} blob`

function withToken() {
  const token = makeToken()
  put(token, 'p256', { id: 'A', label: 'k' })
  const module = makeModule([token])
  return { module, packages: { pkcs11js: module.exported } }
}

test('the PIN is asked for, unseen, and not to verify; the session is closed and the module finalized when a command ends', async () => {
  const { module, packages } = withToken()
  const signed = await cs(signing, { packages, keys: ['1234\r'] })
  assert.equal(signed.code, 0, signed.stderr)
  assert.match(signed.stderr, /^Enter PIN for PKCS11 token 'release': \n/m)
  assert.doesNotMatch(signed.stderr + signed.stdout, /1234/)
  assert.deepEqual(signed.modes, ['raw', 'line'])
  assert.deepEqual(module.calls.slice(-2), ['C_CloseSession', 'C_Finalize'])
  const verified = await cs(`${verifying} --offline`, { packages }) // a token is no network
  assert.equal(verified.code, 0, verified.stderr)
  assert.deepEqual(module.calls.slice(-2), ['C_CloseSession', 'C_Finalize'])
  assert.equal(module.calls.filter(call => call === 'C_Login').length, 1)
})

test('a wrong PIN signs nothing, and the module is finalized all the same', async () => {
  const { module, packages } = withToken()
  disk.delete('blob.bundle')
  const outcome = await cs(signing, { packages, environment: { COSIGN_PKCS11_PIN: '9999' } })
  assert.match(outcome.stderr, /^Error: PKCS #11 key "pkcs11:token=release;object=k": logging in: the PIN is wrong \(CKR_PIN_INCORRECT\)$/m)
  assert.equal(disk.has('blob.bundle'), false)
  assert.equal(module.calls.at(-1), 'C_Finalize')
})

test('a key pair is made on the token, and its public half written', async () => {
  const { module, packages } = withToken()
  const reference = key.replace('object=k', 'object=new')
  const made = await cs(`generate-key-pair --kms ${reference} --output-key-prefix new`, { packages, keys: ['1234\r'] })
  assert.equal(made.code, 0, made.stderr)
  assert.equal(
    (await cs(`public-key --key ${reference}`, { packages })).stdout,
    new TextDecoder().decode(disk.get('new.pub') as Uint8Array),
  )
  assert.equal(module.calls.at(-1), 'C_Finalize')
  assertRefused(await cs(`public-key --key ${key.replace('object=k', 'object=none')} -o json`, { packages, keys: ['1234\r'] }), {
    exit: 1,
    code: 'KEY_NOT_FOUND',
    message: /want a private key of that name, got "k" \(id 41\), "new"/,
  })
})
