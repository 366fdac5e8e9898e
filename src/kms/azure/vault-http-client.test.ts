import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVaultHttpClient } from './vault-http-client.ts'

const request = (body?: unknown) => ({
  url: 'https://v.vault.azure.net/keys/k?api-version=7.6',
  method: 'POST',
  headers: { toJSON: () => ({ 'accept-encoding': 'gzip', authorization: 'Bearer t' }) },
  body,
  abortSignal: new AbortController().signal,
})

test('createVaultHttpClient passes on what it is asked, and the answer in the shape of the SDK', async () => {
  const asked = request('{"a":1}')
  const client = createVaultHttpClient(async (url, init) => {
    assert.equal(url, asked.url)
    assert.deepEqual(init, {
      method: 'POST',
      headers: { authorization: 'Bearer t' },
      redirect: 'manual',
      body: '{"a":1}',
      signal: asked.abortSignal,
    })
    return new Response('{}', { status: 429, headers: { 'Retry-After': '3' } })
  }, 'key')
  const answer = await client.sendRequest(asked)
  assert.deepEqual([answer.request, answer.status, answer.bodyAsText], [asked, 429, '{}'])
  const { headers } = answer
  headers.set('X-A', '1')
  assert.deepEqual([headers.get('retry-AFTER'), headers.has('x-a'), headers.get('none')], ['3', true, undefined])
  headers.delete('X-a')
  assert.equal(headers.has('x-a'), false)
  assert.deepEqual(headers.toJSON(), Object.fromEntries(headers))
})

test('createVaultHttpClient sends no body where there is none', async () => {
  const client = createVaultHttpClient(async (_, init) => {
    assert.ok(!('body' in init!))
    return new Response('')
  }, 'key')
  assert.equal((await client.sendRequest(request(null))).bodyAsText, '')
})

for (const { name, body, message } of [
  { name: 'more than 64 KiB', body: new Uint8Array(65_537), message: /^key: answer: .*65536/ },
  { name: 'no text', body: Uint8Array.of(0xff), message: /^key: answer: want UTF-8 text/ },
])
  test(`createVaultHttpClient refuses ${name}`, async () => {
    const client = createVaultHttpClient(async () => new Response(body), 'key')
    await assert.rejects(client.sendRequest(request()), { code: 'KMS_RESPONSE_MALFORMED', message })
  })
