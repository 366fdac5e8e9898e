import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import { addressOf, headerOf, isGone, whenGone } from './incoming-request.ts'
import { type Handler, type Listener, listen } from './listen.ts'
import { readRequestBody, ServiceRefusal } from './service.ts'

const open: Listener[] = []
after(() => Promise.all(open.map(server => server.close())))

async function serve(handler: Handler): Promise<URL> {
  const server = await listen(handler, { graceMs: 0, report: () => {} })
  open.push(server)
  return server.url
}

/** What is answered to bytes sent as they are, until the server closes. */
async function raw(url: URL, text: string): Promise<string> {
  const socket = connect(Number(url.port), url.hostname)
  socket.end(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

const askOf = (headers: string, body = '') => `POST /a?b=c HTTP/1.1\r\nHost: h.test\r\n${headers}Connection: close\r\n\r\n${body}`

for (const { name, headers = '', body = '', tell, told } of [
  { name: 'an instance of Request', tell: (request: Request) => String(request instanceof Request), told: 'true' },
  { name: 'its address', tell: (request: Request) => `${request.url} ${addressOf(request).search}`, told: 'http://h.test/a?b=c ?b=c' },
  { name: 'a header', headers: 'X-A: one\r\n', tell: (request: Request) => String(headerOf(request, 'x-a')), told: 'one' },
  {
    name: 'a header that stands twice, as Headers joins it',
    headers: 'Authorization: one\r\nauthorization: two\r\n',
    tell: (request: Request) => `${headerOf(request, 'authorization')} | ${request.headers.get('authorization')}`,
    told: 'one, two | one, two',
  },
  { name: 'a header that is not there', tell: (request: Request) => String(headerOf(request, 'x-a')), told: 'null' },
  {
    name: 'its body as text',
    headers: 'Content-Length: 2\r\n',
    body: 'hi',
    tell: (request: Request) => request.text(),
    told: 'hi',
  },
  {
    name: 'its body as a stream',
    headers: 'Content-Length: 2\r\n',
    body: 'hi',
    tell: (request: Request) => new Response(request.body).text(),
    told: 'hi',
  },
  {
    name: 'a copy of it',
    headers: 'Content-Length: 2\r\nX-A: one\r\n',
    body: 'hi',
    tell: async (request: Request) => `${request.clone().headers.get('x-a')} ${await request.text()}`,
    told: 'one hi',
  },
  {
    name: 'its bytes, in chunks',
    headers: 'Transfer-Encoding: chunked\r\n',
    body: '1\r\nh\r\n1\r\ni\r\n0\r\n\r\n',
    tell: async (request: Request) => new TextDecoder().decode(await readRequestBody(request, 2)),
    told: 'hi',
  },
  {
    name: 'more bytes than it may have',
    headers: 'Transfer-Encoding: chunked\r\n',
    body: '1\r\nh\r\n1\r\ni\r\n0\r\n\r\n',
    tell: (request: Request) => refusalOf(() => readRequestBody(request, 1)),
    told: '413 request: want at most 1 bytes',
  },
  {
    name: 'bytes that somebody else has no room for',
    headers: 'Content-Length: 2\r\n',
    body: 'hi',
    tell: (request: Request) =>
      refusalOf(() =>
        readRequestBody(request, 2, {
          take: () => {
            throw new ServiceRefusal(503, 'full')
          },
        }),
      ),
    told: '503 full',
  },
  {
    name: 'a body that is cut off',
    headers: 'Content-Length: 3\r\n',
    body: 'hi',
    tell: (request: Request) => refusalOf(() => readRequestBody(request, 3)),
    told: '400 request: the body was cut off',
  },
  {
    name: 'no second time what was read',
    headers: 'Content-Length: 2\r\n',
    body: 'hi',
    tell: async (request: Request) => {
      await readRequestBody(request, 2)
      return await request.text().catch((cause: unknown) => String(cause))
    },
    told: /read already/,
  },
] satisfies readonly {
  name: string
  headers?: string
  body?: string
  tell: (request: Request) => string | Promise<string>
  told: string | RegExp
}[])
  test(`a request of the listener: ${name}`, async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const url = await serve(async request => {
      resolve((async () => tell(request))().catch((cause: unknown) => String(cause)))
      await promise
      return new Response('')
    })
    await raw(url, askOf(headers, body))
    if (typeof told === 'string') assert.equal(await promise, told)
    else assert.match(await promise, told)
  })

test('a request of the listener tells when its client goes, however it is asked', async () => {
  const { promise, resolve } = Promise.withResolvers<Request>()
  const { promise: left, resolve: leave } = Promise.withResolvers<void>()
  let calledOff = 0
  const url = await serve(async request => {
    whenGone(request, () => calledOff++)()
    whenGone(request, leave)
    resolve(request)
    await left
    return new Response('')
  })
  const socket = connect(Number(url.port), url.hostname)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const request = await promise
  assert.equal(isGone(request), false)
  const aborted = once(request.signal, 'abort')
  socket.destroy()
  await Promise.all([left, aborted])
  assert.equal(isGone(request), true)
  assert.match(String(request.signal.reason), /the client went away/)
  assert.equal(calledOff, 0)
  let again = false
  whenGone(request, () => {
    again = true
  })
  assert.equal(again, true)
})

for (const { name, read } of [
  { name: 'its bytes', read: (request: Request) => refusalOf(() => readRequestBody(request, 9, { timeoutMs: 1000 })) },
  { name: 'its body as text', read: (request: Request) => request.text().catch((cause: unknown) => String(cause)) },
])
  for (const { length, which } of [
    { length: 2, which: 'had come whole' },
    { length: 3, which: 'had not come whole' },
  ])
    test(`a request of the listener whose client has gone is not waited for: ${name}, which ${which}`, async () => {
      const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
      const { promise: told, resolve: tell } = Promise.withResolvers<string>()
      const url = await serve(async request => {
        const left = new Promise<void>(resolve => whenGone(request, resolve))
        arrive()
        await left
        await new Promise(setImmediate) // node has told all that it tells of a connection's end
        tell(read(request))
        return new Response('')
      })
      const socket = connect(Number(url.port), url.hostname)
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\nhi`)
      await arrived
      socket.destroy()
      assert.match(await told, /the (body|request) was cut off/)
    })

test('a request of another kind is asked in the same way', async () => {
  const leaving = new AbortController()
  const request = new Request('http://a.test/b', { method: 'POST', body: 'hi', headers: { 'x-a': 'one' }, signal: leaving.signal })
  assert.equal(headerOf(request, 'x-a'), 'one')
  assert.equal(addressOf(request).pathname, '/b')
  assert.equal(new TextDecoder().decode(await readRequestBody(request, 2)), 'hi')
  let gone = false
  whenGone(request, () => {
    gone = true
  })
  leaving.abort()
  assert.deepEqual([gone, isGone(request)], [true, true])
})

async function refusalOf(task: () => Promise<unknown>): Promise<string> {
  const cause = await task().then(
    () => undefined,
    (error: unknown) => error,
  )
  return cause instanceof ServiceRefusal ? `${cause.status} ${cause.message}` : String(cause)
}
