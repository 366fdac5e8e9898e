import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { type Handler, type Listener, type ListenOptions, listen } from './listen.ts'
import { wholeResponse } from './whole-response.ts'

const open: Listener[] = []
after(() => Promise.all(open.map(server => server.close())))

async function serve(handler: Handler, options: Partial<ListenOptions> = {}): Promise<Listener> {
  const server = await listen(handler, { graceMs: 0, report: () => {}, ...options })
  open.push(server)
  return server
}

test('requests and answers pass whole, with method, address, headers and bodies', async () => {
  const { url } = await serve(async request => {
    const body = request.method === 'GET' ? '' : await request.text()
    return new Response(`${request.method} ${request.url} ${request.headers.get('x-a')} ${body}`, {
      status: 202,
      headers: { 'x-b': 'answer' },
    })
  })
  assert.match(url.href, /^http:\/\/127\.0\.0\.1:[0-9]+\/$/)
  const response = await fetch(new URL('/a%2Fb/../c?d=e', url), { method: 'POST', body: 'hello', headers: { 'x-a': 'asked' } })
  assert.equal(response.status, 202)
  assert.equal(response.headers.get('x-b'), 'answer')
  assert.equal(await response.text(), `POST ${url.origin}/c?d=e asked hello`)
})

test('several cookies stay several', async () => {
  const { url } = await serve(async () => {
    const headers = new Headers()
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    return new Response(null, { headers })
  })
  assert.deepEqual((await fetch(url)).headers.getSetCookie(), ['a=1', 'b=2'])
})

test('HEAD states a length and sends nothing', async () => {
  const { url } = await serve(async () => new Response('12345', { headers: { 'content-length': '5' } }))
  const answer = await raw(url, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(answer, /\r\ncontent-length: 5\r\n/)
  assert.match(answer, /\r\n\r\n$/)
})

for (const coding of ['gzip, chunked', 'identity, chunked'])
  test(`a body is refused in another coding than chunked, which would be taken for its bytes: ${coding}`, async () => {
    const { url } = await serve(async request => new Response(await request.text()))
    const head = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ${coding}\r\nConnection: close\r\n\r\n`
    const answer = await raw(url, `${head}1\r\na\r\n0\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 501 Not Implemented\r\n/)
    assert.match(answer, /transfer coding: want chunked alone/)
  })

test('chunked is chunked in any case', async () => {
  const { url } = await serve(async request => new Response(await request.text()))
  const answer = await raw(url, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
})

for (const { name, make } of [
  { name: 'text', make: () => wholeResponse('grün', { status: 201, headers: { 'x-a': 'b' } }) },
  { name: 'bytes', make: () => wholeResponse(new TextEncoder().encode('grün'), { status: 201, headers: { 'x-a': 'b' } }) },
])
  test(`a whole response of ${name} is sent with its length in bytes, and is a response as any other`, async () => {
    const { url } = await serve(async () => make())
    const answer = await raw(url, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi')
    assert.match(answer, /^HTTP\/1\.1 201 Created\r\n/)
    assert.match(answer, /\r\nx-a: b\r\n/)
    assert.match(answer, /\r\ncontent-length: 5\r\n/)
    assert.equal(answer.split('\r\n\r\n')[1], Buffer.from('grün').toString('latin1'))
    const head = await raw(url, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.match(head, /\r\n\r\n$/)
    assert.equal(await make().text(), 'grün')
  })

test('bodies larger than any buffer stream both ways', async () => {
  const megabytes = 24
  let received = 0
  const { url } = await serve(async request => {
    for await (const chunk of request.body!) received += chunk.length
    return new Response(streamOf(megabytes))
  })
  const response = await fetch(url, { method: 'PUT', body: streamOf(megabytes), duplex: 'half' } as RequestInit)
  let sent = 0
  for await (const chunk of response.body!) sent += chunk.length
  assert.equal(received, megabytes << 20)
  assert.equal(sent, megabytes << 20)
})

for (const { name, request } of [
  { name: 'backslash in the path', request: 'GET /v2/a\\b/tags/list HTTP/1.1\r\nHost: a\r\n' },
  { name: 'dot segments in the path', request: 'GET /v2/a/../b/tags/list HTTP/1.1\r\nHost: a\r\n' },
  { name: 'absolute form', request: 'GET http://other.example/ HTTP/1.1\r\nHost: a\r\n' },
  { name: 'host with an address in it', request: 'GET / HTTP/1.1\r\nHost: a@b/c?\r\n' },
  { name: 'method of proxies', request: 'TRACE / HTTP/1.1\r\nHost: a\r\n' },
])
  test(`refused before the handler sees it: ${name}`, async () => {
    const { url } = await serve(async () => new Response('served'))
    assert.match(await raw(url, `${request}Connection: close\r\n\r\n`), /^HTTP\/1\.1 400 /)
  })

test('a handler that fails is reported, and the client learns nothing', async () => {
  const reported: string[] = []
  const { url } = await serve(
    async () => {
      throw new Error('secret path')
    },
    { report: (error, request) => reported.push(`${request.method} ${String(error)}`) },
  )
  const response = await fetch(url)
  assert.equal(response.status, 500)
  assert.equal(await response.text(), 'internal error\n')
  assert.deepEqual(reported, ['GET Error: secret path'])
})

for (const { name, announced, body } of [
  { name: 'shorter than announced', announced: '10', body: '12345' },
  { name: 'longer than announced', announced: '3', body: '12345' },
])
  test(`a body ${name} ends the connection and runs into no other answer`, async () => {
    const { url } = await serve(async () => new Response(streamOfText(body), { headers: { 'content-length': announced } }))
    const answer = await raw(url, 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const [head, sent] = answer.split('\r\n\r\n')
    assert.match(head!, new RegExp(`content-length: ${announced}`))
    assert.equal(sent, body.slice(0, Number(announced)))
    assert.equal(answer.match(/HTTP\/1\.1/g)!.length, 1)
  })

test('a body that fails cuts the answer, so that it is not taken for whole', async () => {
  const { url } = await serve(
    async () => {
      let pulls = 0
      return new Response(
        new ReadableStream({
          pull: controller => (pulls++ === 0 ? controller.enqueue(new Uint8Array(5)) : controller.error(new Error('disk'))),
        }),
      )
    },
    { report: () => undefined },
  )
  assert.match(await raw(url, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), /\r\n\r\n5\r\n\0{5}\r\n$/) // no last chunk
})

test('an answer before the body has come reaches the client, and the connection is not used again', async () => {
  const { url } = await serve(async () => new Response('too large', { status: 413 }))
  const answer = await raw(url, `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`)
  assert.match(answer, /^HTTP\/1\.1 413 /)
  assert.match(answer, /connection: close/i)
  assert.match(answer, /too large/)
})

test('a handler that gives up a body may still answer', async () => {
  const { url } = await serve(async request => {
    for await (const _ of request.body!) break
    return new Response('enough', { status: 413 })
  })
  assert.match(
    await raw(url, `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`),
    /^HTTP\/1\.1 413 [\s\S]*enough/,
  )
})

test('the signal aborts when the client goes away, and so does the body that was being sent', async () => {
  const { promise: cancelled, resolve: noteCancelled } = Promise.withResolvers<void>()
  const { promise: aborted, resolve: noteAborted } = Promise.withResolvers<void>()
  const { url } = await serve(async request => {
    request.signal.addEventListener('abort', () => noteAborted())
    return new Response(new ReadableStream({ pull: controller => controller.enqueue(new Uint8Array(1000)), cancel: () => noteCancelled() }))
  })
  const socket = await dial(url)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  socket.destroy()
  await Promise.all([cancelled, aborted])
})

test('a request cut off fails the reader of its body', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const { url } = await serve(async request => {
    await request.text().catch((error: Error) => resolve(error.message))
    return new Response(null)
  })
  const socket = await dial(url)
  socket.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf')
  setImmediate(() => socket.destroy())
  assert.match(await promise, /cut off|aborted/)
})

test('close lets answers under way end, and takes no new connections', async () => {
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<void>()
  const { promise: mayAnswer, resolve: allowAnswer } = Promise.withResolvers<void>()
  const server = await serve(
    async () => {
      noteAsked()
      await mayAnswer
      return new Response('in time')
    },
    { graceMs: 60_000 },
  )
  const response = fetch(server.url)
  await asked
  const closed = server.close()
  await assert.rejects(dial(server.url))
  allowAnswer()
  assert.equal(await (await response).text(), 'in time')
  await closed
})

test('close cuts what does not end', async () => {
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<AbortSignal>()
  const server = await serve(async request => {
    noteAsked(request.signal)
    return new Promise(() => undefined)
  })
  const response = fetch(server.url)
  const signal = await asked
  await Promise.all([server.close(), assert.rejects(response)])
  assert.equal(signal.aborted, true)
})

test('a port that is taken is an error', async () => {
  const { url } = await serve(async () => new Response(null))
  await assert.rejects(
    listen(async () => new Response(null), { port: Number(url.port), report: () => {} }),
    { code: 'EADDRINUSE' },
  )
})

test('TLS, and client certificates as a condition', async () => {
  const server = await serve(async request => new Response(new URL(request.url).protocol), { tls: { key: testKey, cert: testCertificate } })
  assert.equal(server.url.protocol, 'https:')
  assert.equal(await getTls(server.url, {}), 'https:')
  const strict = await serve(async () => new Response('known'), {
    tls: { key: testKey, cert: testCertificate, clientCa: testCertificate },
  })
  await assert.rejects(getTls(strict.url, {}))
  assert.equal(await getTls(strict.url, { key: testKey, cert: testCertificate }), 'known')
})

async function getTls(url: URL, identity: { key?: string; cert?: string }): Promise<string> {
  const request = get(url, { ca: testCertificate, agent: false, ...identity })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response.setEncoding('utf8').reduce((text: string, chunk: string) => text + chunk, '')
}

async function dial(url: URL): Promise<Socket> {
  const socket = connect(Number(url.port), url.hostname)
  await once(socket, 'connect')
  return socket
}

/** Everything a server says to these bytes until it closes. */
async function raw(url: URL, request: string): Promise<string> {
  const socket = await dial(url)
  socket.write(request)
  let answer = ''
  for await (const chunk of socket.setEncoding('latin1')) answer += chunk
  return answer
}

function streamOf(megabytes: number): ReadableStream<Uint8Array> {
  let left = megabytes
  return new ReadableStream({
    pull: controller => {
      if (left-- > 0) controller.enqueue(new Uint8Array(1 << 20))
      else controller.close()
    },
  })
}

function streamOfText(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream()
}

// self-signed for 127.0.0.1, of no use anywhere else: `openssl req -x509 -newkey ec … -days 36500 -addext subjectAltName=IP:127.0.0.1`
const testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdWFawUU0EFfH9eHD
WMLt6TJ4WmktUhpomq7Ao+VByF2hRANCAAR9Ka7X6QKhURtVf8oEgl2w9WpOaHeC
+6mtUqYXPoX5hTixBcS1QO5eLJ5T3i5vawptIYPgCKfepdZrmUdOuczv
-----END PRIVATE KEY-----
`
const testCertificate = `-----BEGIN CERTIFICATE-----
MIIBnTCCAUSgAwIBAgIUXM1YIWfkguV/kPyRHpRIQPIe0QAwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQY291bnRlcnNpZ24tdGVzdDAgFw0yNjExMjAxNTIzMjNaGA8y
MTI2MTAyNzE1MjMyM1owGzEZMBcGA1UEAwwQY291bnRlcnNpZ24tdGVzdDBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABH0prtfpAqFRG1V/ygSCXbD1ak5od4L7qa1S
phc+hfmFOLEFxLVA7l4snlPeLm9rCm0hg+AIp96l1muZR065zO+jZDBiMB0GA1Ud
DgQWBBR+bl9jTWmp4K9GJtAvDuZX3xKQyDAfBgNVHSMEGDAWgBR+bl9jTWmp4K9G
JtAvDuZX3xKQyDAPBgNVHRMBAf8EBTADAQH/MA8GA1UdEQQIMAaHBH8AAAEwCgYI
KoZIzj0EAwIDRwAwRAIgSYcR368t5ieufyI/Poz90nvMmnTJpSCXa+wC6ZoPpfkC
IE0inxzGP6u+TcKDmqX8KsK5629KglDxOfXwXR5VVszN
-----END CERTIFICATE-----
`

test('a connection that sends its requests far ahead of their answers is closed; others are served', async () => {
  const waiting = Promise.withResolvers<void>()
  let begun = 0
  const { url } = await serve(async request => {
    if (new URL(request.url).pathname === '/other') return new Response('served')
    begun++
    await waiting.promise
    return new Response('late')
  })
  const ahead = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const some = raw(url, `${ahead.repeat(15)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  assert.equal(await raw(url, ahead.repeat(2000)), '')
  assert.equal(await (await fetch(new URL('/other', url))).text(), 'served')
  waiting.resolve()
  assert.equal((await some).match(/late/g)?.length, 16)
  assert.equal(begun, 32)
})

test('a request that names two hosts is refused, for which of them it is meant nobody knows', async () => {
  const { url } = await serve(async () => new Response('served'))
  assert.match(await raw(url, 'GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /)
})
