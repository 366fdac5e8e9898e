import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { createTestContext } from '../../testing/command-context.ts'
import { readFileOrUrl, readMessage, readSignatureInput } from './artifacts.ts'

const digest = `sha256:${createHash('sha256').update('x').digest('hex')}`

for (const { name, path, options } of [
  { name: 'a file', path: 'blob', options: { files: { blob: 'x' } } },
  { name: 'standard input', path: '-', options: { stdin: 'x' } },
  { name: 'a digest', path: digest, options: {} },
  { name: 'a file that is called by its own digest', path: digest, options: { files: { [digest]: 'x' } } },
])
  test(`readMessage: ${name}`, async () => {
    const message = await readMessage(createTestContext(options), path)
    assert.equal(`sha256:${encodeHex(message.digest('sha256'))}`, digest)
  })

test('readMessage: a file that somebody called by the digest of another is not taken for it', async () => {
  await assert.rejects(readMessage(createTestContext({ files: { [digest]: 'y' } }), digest), {
    code: 'DIGEST_MISMATCH',
    message: /^sha256:[0-9a-f]{64}: there is a file of this name, with sha256:a1fce4/,
  })
})

test('readMessage keeps only digests of a file above 64 MiB, and they are right', async () => {
  const chunk = new Uint8Array(8 << 20).fill(7)
  const context = createTestContext({})
  const stream = async function* () {
    for (let count = 0; count < 9; count++) yield chunk
  }
  const message = await readMessage({ ...context, files: { ...context.files, stream } }, 'large')
  const expected = createHash('sha512')
  for (let count = 0; count < 9; count++) expected.update(chunk)
  assert.equal(encodeHex(message.digest('sha512')), expected.digest('hex'))
  assert.equal(message.bytes, undefined)
})

for (const path of ['sha256:abc', `sha512:${'0'.repeat(128)}`, `SHA256:${'0'.repeat(64)}`, 'nowhere'])
  test(`readMessage: ${path.slice(0, 20)} is the name of a file, and there is none`, async () => {
    await assert.rejects(readMessage(createTestContext({}), path), { code: 'FILE_UNREADABLE' })
  })

for (const { name, input, options } of [
  { name: 'a URL', input: 'https://sigs.test/s', options: { fetch: async () => new Response('signature') } },
  { name: 'a file', input: 's', options: { files: { s: 'signature' } } },
  { name: 'the text itself', input: 'signature', options: {} },
])
  test(`readSignatureInput: ${name}`, async () => {
    assert.deepEqual(await readSignatureInput(createTestContext(options), input, false), encodeUtf8('signature'))
  })

test('readSignatureInput fetches nothing offline', async () => {
  const context = createTestContext({ fetch: () => Promise.reject(new Error('asked')) })
  await assert.rejects(readSignatureInput(context, 'https://sigs.test/s', true), {
    code: 'SERVICE_UNAVAILABLE',
    message: /^offline: want no network/,
  })
})

test('readFileOrUrl: a URL, and a file', async () => {
  const context = createTestContext({ files: { p: 'payload' }, fetch: async () => new Response('payload') })
  for (const input of ['https://sigs.test/p', 'p'])
    assert.deepEqual(await readFileOrUrl(context, 'payload', input, 100, false), encodeUtf8('payload'))
})

test('readFileOrUrl: what begins like a URL and is none is a mistake of the caller', async () => {
  for (const read of [
    readSignatureInput(createTestContext(), 'https://', false),
    readFileOrUrl(createTestContext(), 'signature', 'https://', 1, false),
  ])
    await assert.rejects(read, { code: 'USAGE', message: '--signature: want a file or URL, got "https://"' })
})

test('readFileOrUrl: a body past its limit is refused', async () => {
  const context = createTestContext({ fetch: async () => new Response('payload') })
  await assert.rejects(readFileOrUrl(context, 'payload', 'https://sigs.test/p', 6, false), {
    code: 'LIMIT_EXCEEDED',
    message: /at most 6 bytes/,
  })
})
