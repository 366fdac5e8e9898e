import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeModule, makeToken } from '../../testing/kms/hand-made-token.ts'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { put } from '../../testing/kms/token-key.ts'
import { listModuleTokens, listSlotKeys } from './list-keys.ts'
import { cka } from './module-shapes.ts'
import { parsePkcs11Reference } from './reference.ts'

const effectsOf = (module: ReturnType<typeof makeModule>) =>
  providerEffects(async () => assert.fail('fetched'), { loadPackage: async () => module.exported })

test('listModuleTokens tells each token, without the padding of its fields, and lets go of the module', async () => {
  const module = makeModule([makeToken(), makeToken({ slotId: 8, label: '', serial: '', flags: 0 })])
  const tokens = await listModuleTokens('/lib/token.so', effectsOf(module))
  assert.deepEqual(
    tokens.map(({ slotId, label, manufacturer, model, serial }) => ({ slotId, label, manufacturer, model, serial })),
    [
      { slotId: 7n, label: 'release', manufacturer: 'Maker', model: 'M1', serial: 'abc123' },
      { slotId: 8n, label: '', manufacturer: 'Maker', model: 'M1', serial: '' },
    ],
  )
  assert.equal(module.calls.at(-1), 'C_Finalize')
})

test('listModuleTokens tells a module’s failure', async () => {
  const module = makeModule([])
  module.failing.set('C_GetSlotList', 'CKR_GENERAL_ERROR')
  await assert.rejects(listModuleTokens('/lib/token.so', effectsOf(module)), {
    code: 'KMS_UNAVAILABLE',
    message: /^PKCS #11: listing tokens: the module failed with CKR_GENERAL_ERROR$/,
  })
})

test('listSlotKeys gives each key a URI that leads to it, and leaves out what none could name', async () => {
  const token = makeToken()
  put(token, 'p256', { id: 'A', label: 'a;b' })
  put(token, 'p384', { label: 'no id' })
  put(token, 'ed25519', { id: 'B' })
  put(token, 'p521', {})
  put(token, 'rsa', { id: 'C', change: (_, own) => own.set(cka.label, Uint8Array.of(0xff)) })
  const module = makeModule([token])
  const keys = await listSlotKeys('/lib/token.so', 7n, '1234', effectsOf(module))
  assert.deepEqual(
    keys.map(({ label, id, uri }) => [label, id && Buffer.from(id).toString(), uri]),
    [
      ['a;b', 'A', 'pkcs11:token=release;slot-id=7;id=%41;object=a%3bb?module-path=/lib/token.so'],
      ['no id', undefined, 'pkcs11:token=release;slot-id=7;object=no%20id?module-path=/lib/token.so'],
      [undefined, 'B', 'pkcs11:token=release;slot-id=7;id=%42?module-path=/lib/token.so'],
      [undefined, 'C', 'pkcs11:token=release;slot-id=7;id=%43?module-path=/lib/token.so'],
    ],
  )
  for (const { uri } of keys) parsePkcs11Reference(uri)
  assert.equal(module.calls.at(-1), 'C_Finalize')
})

test('listSlotKeys refuses a wrong PIN', async () => {
  await assert.rejects(listSlotKeys('/lib/token.so', 7n, '9999', effectsOf(makeModule([makeToken()]))), {
    code: 'PIN_WRONG',
    message: /^PKCS #11 slot 7: logging in: the PIN is wrong/,
  })
})
