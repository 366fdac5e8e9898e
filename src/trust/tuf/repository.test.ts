import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import { encodeName, httpRepository, parseMirror } from './repository.ts'
import { checkTarget } from './update.ts'

const signal = AbortSignal.any([])
const ask = async (answer: (url: string) => Response | Promise<Response>, path: readonly string[] = ['timestamp.json'], limit = 10) => {
  const asked: { url: string; init: RequestInit | undefined }[] = []
  const fetch: Fetch = async (input, init) => {
    asked.push({ url: String(input), init })
    return answer(String(input))
  }
  const bytes = await httpRepository(parseMirror('https://tuf.test/base/'), { fetch, signal }).get(path, limit)
  return { asked, bytes: bytes && new TextDecoder().decode(bytes) }
}
const to = (location: string) => () => new Response(null, { status: 302, headers: { location } })

test('a file is asked for below the mirror, without credentials', async () => {
  const { asked, bytes } = await ask(() => new Response('answer'), ['targets', 'a/b ü', 'x.json'])
  assert.equal(bytes, 'answer')
  assert.deepEqual(
    asked.map(({ url }) => url),
    ['https://tuf.test/base/targets/a%2Fb%20%C3%BC/x.json'],
  )
  assert.deepEqual([asked[0]!.init?.headers, asked[0]!.init?.credentials], [undefined, 'omit'])
})

test('403 and 404 say that there is no such file', async () => {
  for (const status of [403, 404]) assert.equal((await ask(() => new Response('no', { status }))).bytes, undefined)
})

test('a redirect within the origin is followed', async () => {
  const { asked, bytes } = await ask(url => (url.includes('/base/') ? to('/other/timestamp.json')() : new Response('moved')))
  assert.equal(bytes, 'moved')
  assert.equal(asked[1]!.url, 'https://tuf.test/other/timestamp.json')
})

for (const { name, answer, code = 'SERVICE_UNAVAILABLE', message } of [
  {
    name: 'an error',
    answer: () => new Response('oh', { status: 500 }),
    message: /^GET https:\/\/tuf\.test\/base\/timestamp\.json: want status 2xx, got 500$/,
  },
  {
    name: 'a redirect to another host (GHSA-8xvp-7hj6-mcj9)',
    answer: to('https://evil.test/timestamp.json'),
    message: /redirected to "https:\/\/evil\.test", want the mirror's own host/,
  },
  { name: 'a redirect to plain http', answer: to('http://tuf.test/timestamp.json'), message: /redirected to "http:\/\/tuf\.test"/ },
  { name: 'a redirect to nowhere', answer: to('http://['), message: /redirected to "http:\/\/\["/ },
  { name: 'redirects in a circle', answer: to('timestamp.json'), message: /more than 3 redirects/ },
  {
    name: 'more bytes than it may',
    answer: () => new Response('x'.repeat(11)),
    code: 'LIMIT_EXCEEDED',
    message: /want at most 10 bytes, got more/,
  },
  {
    name: 'no connection',
    answer: () => Promise.reject(new Error('https://user:secret@tuf.test')),
    message: /: no usable answer within 30000 ms$/,
  },
] as readonly { name: string; answer: () => Response | Promise<Response>; code?: string; message: RegExp }[])
  test(`a mirror is refused that answers with ${name}`, async () => {
    await assert.rejects(ask(answer), { name: 'CountersignError', code, message })
  })

test('a caller that gives up hears its own reason', async () => {
  const reason = new Error('enough')
  const fetch: Fetch = async (_, init) => {
    init!.signal!.throwIfAborted()
    return new Response('late')
  }
  const repository = httpRepository(parseMirror('https://tuf.test'), { fetch, signal: AbortSignal.abort(reason) })
  await assert.rejects(repository.get(['timestamp.json'], 10), reason)
})

test('a mirror is an http(s) URL of host and path', () => {
  assert.equal(parseMirror('http://localhost:8080/tuf').href, 'http://localhost:8080/tuf')
  for (const mirror of [
    'tuf.test',
    'ftp://tuf.test',
    'file:///tuf',
    'https://user:secret@tuf.test',
    'https://tuf.test/?token=secret',
    'https://tuf.test/#x',
  ])
    assert.throws(
      () => parseMirror(mirror),
      (failure: Error) => failure instanceof CountersignError && failure.code === 'USAGE' && !/secret/.test(failure.message),
      mirror,
    )
})

test('names of metadata are one segment each', () => {
  assert.equal(encodeName('../x'), '..%2Fx')
  for (const name of ['', '.', '..', '\ud800'])
    assert.throws(() => encodeName(name), { code: 'TUF_UNTRUSTED', message: /stays in its folder/ })
})

for (const { name, length = 3, hashes, message } of [
  { name: 'of another length', length: 4, hashes: {}, message: /^TUF target "t": want 4 bytes, got 3$/ },
  {
    name: 'known by a weak hash alone',
    hashes: { md5: '900150983cd24fb0d6963f7d28e17f72' },
    message: /want a sha256 or sha512 of it, got md5/,
  },
  { name: 'known by no hash', hashes: {}, message: /want a sha256 or sha512 of it, got none/ },
  { name: 'of another hash', hashes: { sha256: '00'.repeat(32) }, message: /want sha256 "0{64}", got "ba7816bf/ },
  {
    name: 'of which one of two hashes is wrong',
    hashes: { sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', sha512: '00' },
    message: /want sha512 "00", got "ddaf35a1/,
  },
])
  test(`a target is refused ${name}`, () => {
    const target = { path: 't', length, hashes: new Map(Object.entries(hashes)), custom: {} }
    assert.throws(() => checkTarget(target, encodeUtf8('abc')), { code: 'TUF_UNTRUSTED', message })
  })
