import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import type { Fetch } from '../codec/world.ts'
import { endless, failing } from '../testing/hostile-bodies.ts'
import { fetchFile } from './fetch-file.ts'

const [limit, url] = [1024, new URL('https://keys.test/team.pub?token=secret')]
const redirect = (location: string) => new Response(null, { status: 302, headers: { location } })

for (const { name, from = url, answers, error } of [
  { name: 'a file', answers: [() => new Response('key')] },
  { name: 'any 2xx', answers: [() => new Response('key', { status: 203 })] },
  { name: 'a redirect on the host', answers: [() => redirect('/other'), () => new Response('key')] },
  { name: 'a redirect to another https host', answers: [() => redirect('https://cdn.test/x'), () => new Response('key')] },
  {
    name: 'a redirect to http',
    answers: [() => redirect('http://cdn.test/x?secret')],
    error: { code: 'SERVICE_UNAVAILABLE', message: 'GET https://keys.test/team.pub: redirected to "http://cdn.test/x", want https' },
  },
  {
    name: 'a redirect to a file',
    answers: [() => redirect('file:///etc/passwd')],
    error: { code: 'SERVICE_UNAVAILABLE', message: /want https/ },
  },
  {
    name: 'a redirect from this machine over http to another',
    from: new URL('http://localhost:80/team.pub'),
    answers: [() => redirect('http://keys.test/team.pub')],
    error: { code: 'SERVICE_UNAVAILABLE', message: /redirected to "http:\/\/keys\.test\/team\.pub", want https/ },
  },
  { name: 'a redirect on this machine', from: new URL('http://localhost/a'), answers: [() => redirect('/b'), () => new Response('key')] },
  {
    name: 'redirects in a circle',
    answers: Array.from({ length: 7 }, () => () => redirect('/again')),
    error: { code: 'SERVICE_UNAVAILABLE', message: /: more than 5 redirects$/ },
  },
  {
    name: 'no such file',
    answers: [() => new Response('not here', { status: 404 })],
    error: { code: 'SERVICE_UNAVAILABLE', message: 'GET https://keys.test/team.pub: want status 2xx, got 404' },
  },
  {
    name: 'a redirect to nowhere',
    answers: [() => new Response(null, { status: 302 })],
    error: { code: 'SERVICE_UNAVAILABLE', message: /want status 2xx, got 302/ },
  },
  {
    name: 'an endless body',
    answers: [() => new Response(endless(encodeUtf8('k')))],
    error: { code: 'LIMIT_EXCEEDED', message: /: want at most 1024 bytes, got more$/ },
  },
  {
    name: 'a body that breaks off',
    answers: [() => new Response(failing(encodeUtf8('k')))],
    error: { code: 'SERVICE_UNAVAILABLE', message: 'GET https://keys.test/team.pub: no usable answer' },
  },
  {
    name: 'a redirect to this machine',
    answers: [() => new Response(null, { status: 302, headers: { location: 'https://127.0.0.1:8443/x' } })],
    error: { code: 'SERVICE_UNAVAILABLE', message: 'GET https://keys.test/team.pub: redirected inwards, to "127.0.0.1:8443"' },
  },
  {
    name: 'a redirect to the metadata service of a cloud',
    answers: [() => new Response(null, { status: 302, headers: { location: 'https://169.254.169.254/latest' } })],
    error: { code: 'SERVICE_UNAVAILABLE', message: 'GET https://keys.test/team.pub: redirected inwards, to "169.254.169.254"' },
  },
  {
    name: 'an unknown host',
    answers: [
      () => {
        throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
      },
    ],
    error: { code: 'SERVICE_UNAVAILABLE', message: 'GET https://keys.test/team.pub: no such host name' },
  },
])
  test(`fetchFile: ${name}`, async () => {
    const left = [...answers]
    const fetch: Fetch = async (_, init) => {
      assert.equal(init?.redirect, 'manual')
      assert.deepEqual(Object.keys(init), ['signal', 'redirect'], 'no credentials of any kind')
      return left.shift()!()
    }
    const fetched = fetchFile(from, { fetch, signal: new AbortController().signal }, limit)
    if (error) await assert.rejects(fetched, { name: 'CountersignError', ...error })
    else assert.deepEqual(await fetched, encodeUtf8('key'))
  })

test('fetchFile ends with the reason of the caller', async () => {
  const caller = new AbortController()
  const fetch: Fetch = (_, init) => new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
  const fetched = fetchFile(url, { fetch, signal: caller.signal }, limit)
  caller.abort(new Error('enough'))
  await assert.rejects(fetched, /^Error: enough$/)
})
