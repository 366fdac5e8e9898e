import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRemoteKeys } from './remote-keys.ts'

test('readRemoteKeys: references by name, a PIN by its file among them', () => {
  const token = 'pkcs11:token=t;object=k?pin-source=/run/pin'
  assert.deepEqual(readRemoteKeys([`authority=${token}`, 'rekor-v2=hashivault://log']), {
    authority: token,
    'rekor-v2': 'hashivault://log',
  })
})

for (const { name, values, message } of [
  { name: 'another name', values: ['tuf-root=hashivault://k?s3cret'], message: /one of authority, .*, got "tuf-root=hashivault:\/\/k"$/ },
  { name: 'no name', values: ['pkcs11:token=t;object=k?pin-value=s3cret'], message: /want NAME=KEY/ },
  { name: 'the same twice', values: ['ct-log=a://k', 'ct-log=b://k'], message: /want one key for ct-log, got two/ },
  {
    name: 'a PIN',
    values: ['authority=pkcs11:token=t;object=k?module-path=/m&pin-value=s3cret'],
    message: /^--key authority: want the PIN by COUNTERSIGN_PKCS11_PIN, .*written to the configuration$/,
  },
])
  test(`readRemoteKeys refuses ${name}`, () => {
    assert.throws(() => readRemoteKeys(values), { code: 'USAGE', message })
    assert.throws(
      () => readRemoteKeys(values),
      ({ message }: Error) => !message.includes('s3cret'),
    )
  })
