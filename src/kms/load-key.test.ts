import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { messageOfBytes } from '../crypto/message.ts'
import { parsePublicKeyPem } from '../crypto/public-key.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { teamKey, testPassphrase } from '../testing/test-keys.ts'
import { type KeySources, loadPublicKeys, loadSigner } from './load-key.ts'

const files = new Map([
  ['team.pub', teamKey.publicPem],
  ['team.key', teamKey.encrypted],
  ['plain.pem', `-----BEGIN PRIVATE KEY-----\n${teamKey.pkcs8}\n-----END PRIVATE KEY-----\n`],
])
const sources: KeySources = {
  readFile: async (path, limitBytes) => {
    assert.equal(limitBytes, 65_536)
    const text = files.get(path)
    if (text === undefined) throw new CountersignError('FILE_UNREADABLE', `file "${path}": no such file or folder`)
    return encodeUtf8(text)
  },
  environment: new Map([
    ['PUB', teamKey.publicPem],
    ['KEY', teamKey.encrypted],
    ['EMPTY', ''],
  ]),
  fetch: async input => new Response(String(input).endsWith('.pub') ? teamKey.publicPem : teamKey.encrypted),
  connect: () => assert.fail('connected'),
  signal: new AbortController().signal,
  world: { now: () => new Date(0), sleep: async () => {}, randomBytes: length => new Uint8Array(length) },
  loadPackage: async name => assert.fail(`asked for ${name}`),
  runProgram: async program => assert.fail(`ran ${program}`),
  askPin: async () => assert.fail('asked for a PIN'),
}
const passphrase = async () => encodeUtf8(testPassphrase)
const expected = parsePublicKeyPem(encodeUtf8(teamKey.publicPem), 'key')

for (const reference of ['team.pub', 'env://PUB', 'https://keys.test/team.pub'])
  test(`loadPublicKeys: ${reference}`, async () => assert.deepEqual((await loadPublicKeys(reference, sources))[0].spki, expected.spki))

for (const reference of ['team.key', 'env://KEY', 'https://keys.test/team.key'])
  test(`loadSigner: ${reference}`, async () => {
    const signer = await loadSigner(reference, sources, passphrase)
    const message = encodeUtf8('message')
    await verifySignature(expected, await signer.sign(message), messageOfBytes(message), ['sha256'])
  })

test('loadSigner zeroes the passphrase, also when it is wrong', async () => {
  for (const text of [testPassphrase, 'wrong']) {
    const given = encodeUtf8(text)
    await loadSigner('team.key', sources, async () => given).catch(() => {})
    assert.ok(given.every(byte => byte === 0))
  }
})

test('loadSigner asks for the passphrase only once the file has been read', async () => {
  const ask = () => Promise.reject(new Error('asked'))
  await assert.rejects(loadSigner('nowhere.key', sources, ask), { code: 'FILE_UNREADABLE' })
})

for (const { name, load, code, message } of [
  {
    name: 'an unset variable',
    load: () => loadPublicKeys('env://NOPE', sources),
    code: 'KEY_NOT_FOUND',
    message: 'loading URL: env var $NOPE not found',
  },
  {
    name: 'a URL whose query lets one read it',
    load: () => loadPublicKeys('https://keys.test/team.key?sig=s3cret', sources),
    code: 'KEY_UNSUPPORTED',
    message: /^key "https:\/\/keys\.test\/team\.key": unsupported pem type/,
  },
  {
    name: 'an empty variable',
    load: () => loadPublicKeys('env://EMPTY', sources),
    code: 'KEY_MALFORMED',
    message: /^key "env:\/\/EMPTY": invalid pem block/,
  },
  {
    name: 'a private key to verify with',
    load: () => loadPublicKeys('team.key', sources),
    code: 'KEY_UNSUPPORTED',
    message: /^key "team\.key": /,
  },
  {
    name: 'a public key to sign with',
    load: () => loadSigner('team.pub', sources, passphrase),
    code: 'KEY_UNSUPPORTED',
    message: /unsupported pem type: "?PUBLIC KEY/,
  },
  {
    name: 'a plain private key to sign with',
    load: () => loadSigner('plain.pem', sources, passphrase),
    code: 'KEY_UNSUPPORTED',
    message: /unsupported pem type: "?PRIVATE KEY/,
  },
  {
    name: 'a wrong passphrase',
    load: () => loadSigner('team.key', sources, async () => encodeUtf8('x')),
    code: 'PASSPHRASE_WRONG',
    message: 'key "team.key": decrypt: encrypted: decryption failed',
  },
])
  test(`a key is refused: ${name}`, async () => {
    await assert.rejects(load(), { name: 'CountersignError', code, message })
  })
