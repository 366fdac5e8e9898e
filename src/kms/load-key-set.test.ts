import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { strangerKey, teamKey } from '../testing/test-keys.ts'
import { keySetMediaType } from '../trust/key-set.ts'
import { type KeySources, loadPublicKeys } from './load-key.ts'

const textOf = (...keys: readonly object[]) => JSON.stringify({ mediaType: keySetMediaType, keys })
const validFor = { start: '2026-01-01T00:00:00Z', end: '2026-06-30T00:00:00Z' }
const files = new Map([
  ['team.pub', teamKey.publicPem],
  ['stranger.pub', strangerKey.publicPem],
  ['set.json', textOf({ name: 'old', publicKey: teamKey.publicPem, validFor }, { ref: 'stranger.pub' })],
  ['twice.json', textOf({ publicKey: teamKey.publicPem, validFor }, { ref: 'stranger.pub' }, { ref: 'env://PUB' })],
  ['nested.json', textOf({ ref: 'stranger.pub' }, { ref: 'set.json' })],
  ['nowhere.json', textOf({ ref: 'nowhere.pub' })],
])
const sources: KeySources = {
  readFile: async path => {
    const text = files.get(path)
    if (text === undefined) throw new CountersignError('FILE_UNREADABLE', `file "${path}": no such file or folder`)
    return encodeUtf8(text)
  },
  environment: new Map([
    ['PUB', teamKey.publicPem],
    ['SET', files.get('set.json')!],
  ]),
  fetch: async input =>
    new Response(String(input).endsWith('plain.json') ? textOf({ publicKey: teamKey.publicPem, validFor }) : files.get('set.json')),
  connect: () => assert.fail('connected'),
  signal: new AbortController().signal,
  world: { now: () => new Date(0), sleep: async () => {}, randomBytes: length => new Uint8Array(length) },
  loadPackage: async name => assert.fail(`asked for ${name}`),
  runProgram: async program => assert.fail(`ran ${program}`),
  askPin: async () => assert.fail('asked for a PIN'),
}
const [team, stranger] = [teamKey.signer().publicKey.spki, strangerKey.signer().publicKey.spki]

for (const reference of ['set.json', 'env://SET'])
  test(`loadPublicKeys: the key set ${reference}`, async () => {
    const [old, other, ...more] = await loadPublicKeys(reference, sources)
    assert.deepEqual([old.spki, old.name, old.validFor?.end], [team, 'old', new Date(validFor.end)])
    assert.deepEqual([other?.spki, other?.name, other?.validFor], [stranger, undefined, undefined])
    assert.equal(more.length, 0)
  })

test('loadPublicKeys: a key set at a URL', async () => {
  const [key, ...others] = await loadPublicKeys('https://keys.test/plain.json', sources)
  assert.deepEqual([key.spki, key.validFor?.start, others], [team, new Date(validFor.start), []])
})

for (const { name, reference, code = 'KEY_MALFORMED', message } of [
  {
    name: 'one that comes over the network and says what to read here',
    reference: 'https://keys.test/set.json?sig=s3cret',
    message: /^key "https:\/\/keys.test\/set.json": keys\[1\]: want publicKey in a key set that comes over the network, got ref$/,
  },
  {
    name: 'a key that two references lead to',
    reference: 'twice.json',
    message: /^key "twice.json": want each key once, but keys\[0\] and keys\[2\] are the same key$/,
  },
  {
    name: 'one within another',
    reference: 'nested.json',
    message: /^key "nested.json": keys\[1\]: want a key, got a key set within a key set$/,
  },
  { name: 'a key that is not there', reference: 'nowhere.json', code: 'FILE_UNREADABLE', message: /^file "nowhere.pub": no such file/ },
])
  test(`a key set is refused: ${name}`, async () => {
    await assert.rejects(loadPublicKeys(reference, sources), { name: 'CountersignError', code, message })
  })
