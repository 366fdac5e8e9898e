import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { encodePluginArguments, readPluginAnswer, readPluginBytes } from './protocol.ts'

const deadline = new Date('2025-04-01T02:47:00Z')
const ctxDeadline = '2025-04-01T02:47:00.000Z'
const rpcOptions = { ctxDeadline, keyVersion: '', remoteVerification: false }
const initOptions = { ctxDeadline, protocolVersion: 'v1', keyResourceID: 'my/key?v=1', hashFunc: 5, rpcOptions }
const digest = new Uint8Array([1, 2, 3])

for (const { method, written } of [
  { method: { name: 'defaultAlgorithm' }, written: { initOptions, methodName: 'defaultAlgorithm', defaultAlgorithm: {} } },
  {
    method: { name: 'createKey', algorithm: 'ecdsa-p256' },
    written: { initOptions, methodName: 'createKey', createKey: { ctxDeadline, algorithm: 'ecdsa-p256' } },
  },
  { method: { name: 'publicKey' }, written: { initOptions, methodName: 'publicKey', publicKey: { publicKeyOptions: { rpcOptions } } } },
  {
    method: { name: 'signMessage', hash: 'sha384', digest },
    written: {
      initOptions: { ...initOptions, hashFunc: 6 },
      methodName: 'signMessage',
      signMessage: { signOptions: { rpcOptions, messageOptions: { digest: 'AQID', hashFunc: 6 } } },
    },
  },
  {
    method: { name: 'signMessage', hash: undefined },
    written: { initOptions, methodName: 'signMessage', signMessage: { signOptions: { rpcOptions, messageOptions: { digest: null } } } },
  },
] as const)
  test(`encodePluginArguments: ${method.name} ${'hash' in method ? method.hash : ''}`, () =>
    assert.equal(encodePluginArguments('my/key?v=1', method, deadline), JSON.stringify(written)))

const answer = (text: string, exitCode: number | null = 0) => ({ exitCode, output: encodeUtf8(text) })

test('readPluginAnswer: the result, whatever stands beside it', () =>
  assert.deepEqual(readPluginAnswer('key "k"', 'publicKey', answer('{"errorMessage":"","publicKey":{"publicKeyPEM":"AQID"},"more":1}\n')), {
    kind: 'result',
    result: { publicKeyPEM: 'AQID' },
  }))

for (const exitCode of [0, 1])
  test(`readPluginAnswer: a refusal, with status ${exitCode}`, () =>
    assert.deepEqual(readPluginAnswer('key "k"', 'publicKey', answer('{"errorMessage":"no such key"}', exitCode)), {
      kind: 'refused',
      reason: 'no such key',
    }))

for (const { name, given, message } of [
  {
    name: 'nothing, and a status',
    given: answer('', 3),
    message: /^key "k": publicKey: want an answer, got status 3 and nothing printed$/,
  },
  { name: 'nothing, and a signal', given: answer('', null), message: /got an end by a signal/ },
  { name: 'nothing', given: answer(''), message: /^key "k": publicKey: answer: not JSON/ },
  { name: 'a result, and a status', given: answer('{"publicKey":{}}', 1), message: /want an errorMessage with status 1, got none/ },
  { name: 'half of JSON', given: answer('{"publicKey":'), message: /not JSON/ },
  { name: 'a list', given: answer('[]'), message: /publicKey: answer: want an object/ },
  { name: 'two answers', given: answer('{}{}'), message: /not JSON/ },
  { name: 'a member twice', given: answer('{"publicKey":{},"publicKey":{}}'), message: /publicKey: answer/ },
  { name: 'the result of something else', given: answer('{"signMessage":{}}'), message: /publicKey: publicKey: want an object/ },
  { name: 'a reason that is no text', given: answer('{"errorMessage":1}'), message: /errorMessage/ },
  { name: 'bytes that are not text', given: { exitCode: 0, output: new Uint8Array([0xff]) }, message: /publicKey: answer/ },
])
  test(`readPluginAnswer refuses ${name}`, () =>
    assert.throws(() => readPluginAnswer('key "k"', 'publicKey', given), { code: 'KMS_RESPONSE_MALFORMED', message }))

test('readPluginBytes', () => {
  assert.deepEqual(readPluginBytes('key "k"', { signature: 'AQID' }, 'signature'), digest)
  for (const signature of [null, 'AQI', 7])
    assert.throws(() => readPluginBytes('key "k"', { signature }, 'signature'), {
      code: 'KMS_RESPONSE_MALFORMED',
      message: /^key "k": signature/,
    })
  assert.throws(() => readPluginBytes('key "k"', {}, 'signature'), { code: 'KMS_RESPONSE_MALFORMED' })
})
