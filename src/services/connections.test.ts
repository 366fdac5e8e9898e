import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { peerOf } from './connections.ts'
import { type Handler, type Listener, type ListenOptions, listen } from './listen.ts'
import { readRequestBody, ServiceRefusal } from './service.ts'
import { wholeResponse } from './whole-response.ts'

// What clients do to a server that they do not want to serve others, by real sockets.

const servers: Listener[] = []
const sockets: Socket[] = []
after(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(servers.map(server => server.close()))
})

type Rig = { readonly url: URL; readonly ended: string[]; readonly open: (options?: { from?: string; send?: string }) => Promise<Client> }
/** `all` is everything that came, once the connection is closed. */
type Client = { readonly socket: Socket; readonly all: Promise<string> }

async function serve(handler: Handler, options: Partial<ListenOptions> = {}): Promise<Rig> {
  const ended: string[] = []
  const server = await listen(handler, { graceMs: 0, report: () => {}, onConnectionEnd: why => ended.push(why), ...options })
  servers.push(server)
  const open: Rig['open'] = async ({ from = '127.0.0.1', send = '' } = {}) => {
    const socket = connect({ port: Number(server.url.port), host: server.url.hostname, localAddress: from })
    sockets.push(socket)
    let text = ''
    socket.setEncoding('latin1').on('error', () => {})
    socket.on('data', chunk => {
      text += chunk
    })
    const all = new Promise<string>(resolve => socket.on('close', () => resolve(text)))
    await once(socket, 'connect')
    if (send !== '') socket.write(send)
    return { socket, all }
  }
  return { url: server.url, ended, open }
}

/** On a connection of its own. */
async function get({ open }: Rig, path = '/'): Promise<string> {
  return await (await open({ send: `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n` })).all
}

const begun = 'GET' // Bun takes no notice of connections that send nothing: the system keeps them

const isOpen = ({ socket }: Client) => !socket.readableEnded && !socket.destroyed
const megabytes = (count: number) => new Uint8Array(count << 20)

test('connections that nobody uses give way to others, the one that was used the longest ago first', async () => {
  const rig = await serve(async () => new Response('served'), { maxConnections: 3 })
  const first = await rig.open({ send: begun })
  const second = await rig.open({ send: begun })
  const third = await rig.open({ send: begun })
  first.socket.write(' / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(first.socket, 'data')
  assert.match(await get(rig), /served/)
  assert.equal(await second.all, '')
  assert.deepEqual(rig.ended, ['displaced'])
  assert.ok(isOpen(first) && isOpen(third))
})

test('they give way to however many come after each other', async () => {
  const rig = await serve(async () => new Response('served'), { maxConnections: 20 })
  await Promise.all(Array.from({ length: 80 }, () => rig.open({ send: begun })))
  for (let at = 0; at < 40; at++) assert.match(await get(rig), /served/)
  assert.ok(rig.ended.length >= 60 && rig.ended.every(why => why === 'displaced'), rig.ended.join(' '))
})

test('of the address that has the most, before those of others', async () => {
  const rig = await serve(async () => new Response('served'), { maxConnections: 3 })
  const older = await rig.open({ send: begun })
  const crowd = [await rig.open({ from: '127.0.0.2', send: begun }), await rig.open({ from: '127.0.0.2', send: begun })]
  assert.match(await get(rig), /served/)
  assert.equal(await crowd[0]!.all, '')
  assert.ok(isOpen(older) && isOpen(crowd[1]!))
})

for (const [address, peer] of [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::5:6', '2001:db8:0:0'],
  ['2001:db8::3:4:5:6', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['', ''],
] as const)
  test(`connections from ${JSON.stringify(address)} are counted for ${JSON.stringify(peer)}`, () => assert.equal(peerOf(address), peer))

test('what is being worked on is not ended for others, who are refused', async () => {
  const { promise: mayAnswer, resolve: allowAnswer } = Promise.withResolvers<void>()
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<void>()
  let begun = 0
  const rig = await serve(
    async () => {
      if (++begun === 2) noteAsked()
      await mayAnswer
      return new Response('in the end')
    },
    { maxConnections: 2 },
  )
  const under = [get(rig), get(rig)]
  await asked
  assert.equal(await get(rig), '')
  assert.deepEqual(rig.ended, ['refused'])
  allowAnswer()
  for (const answer of await Promise.all(under)) assert.match(answer, /in the end/)
})

test('a request whose body does not come gives way', async () => {
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<void>()
  const rig = await serve(
    async request => {
      if (request.method === 'GET') return new Response('served')
      noteAsked()
      return new Response(await request.text())
    },
    { maxConnections: 1 },
  )
  const slow = await rig.open({ send: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nbeg' })
  await asked
  assert.match(await get(rig), /served/)
  assert.equal(await slow.all, '')
  assert.deepEqual(rig.ended, ['displaced'])
})

for (const { name, make } of [
  { name: 'a stream', make: () => new Response(endless()) },
  { name: 'whole', make: () => wholeResponse(megabytes(16), {}) },
]) {
  const options = { send: 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n' }
  const handler: Handler = async request => (request.url.endsWith('/large') ? make() : new Response('served'))

  test(`an answer that nobody takes gives way: ${name}`, async () => {
    const rig = await serve(handler, { maxConnections: 1 })
    const slow = await rig.open(options)
    slow.socket.pause()
    await once(slow.socket, 'readable')
    let answer = ''
    while (answer === '') answer = await get(rig) // until no more of the large one fits anywhere, it is being worked on
    assert.match(answer, /served/)
    assert.equal(rig.ended.at(-1), 'displaced')
  })

  test(`an answer is to be taken in time: ${name}`, async () => {
    const ended = Promise.withResolvers<string>()
    const rig = await serve(handler, { answerMs: 20, onConnectionEnd: ended.resolve })
    const slow = await rig.open(options)
    slow.socket.pause()
    assert.equal(await ended.promise, 'slow')
    slow.socket.resume()
    await slow.all
  })
}

test('an answer may take as long as it likes where its client does not keep it waiting', async () => {
  const { promise: longEnough, resolve: goOn } = Promise.withResolvers<void>()
  const unhurried = new ReadableStream({
    start: controller => controller.enqueue(Buffer.from('first')),
    pull: async controller => {
      await longEnough
      controller.enqueue(Buffer.from(' and last'))
      controller.close()
    },
  })
  const handler: Handler = async request => (request.url.endsWith('/large') ? new Response(endless()) : new Response(unhurried))
  const ended: string[] = []
  const { promise: anyEnded, resolve: noteEnd } = Promise.withResolvers<void>()
  const onConnectionEnd = (why: string) => noteEnd(void ended.push(why))
  const rig = await serve(handler, { answerMs: 250, onConnectionEnd })
  const { socket, all } = await rig.open({ send: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' })
  await once(socket, 'data')
  const slow = await rig.open({ send: 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n' })
  slow.socket.pause()
  await anyEnded // so the time of the first has passed, too
  goOn()
  assert.match(await all, /first[\s\S]* and last/)
  assert.deepEqual(ended, ['slow'])
})

for (const { name, send } of [
  { name: 'nothing', send: '' },
  { name: 'half a line', send: 'GET / HT' },
  { name: 'headers without end', send: 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n' },
  { name: 'half of a second request', send: 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n' },
])
  test(`headers are waited for so long: ${name}`, async () => {
    const rig = await serve(async () => new Response('served'), { headersMs: 40 })
    const { all } = await rig.open({ send })
    assert.match(await all, /HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n\r\n$/)
    assert.deepEqual(rig.ended, ['late'])
  })

test('a body that trickles is answered 408 by who reads it, and its connection ended', async () => {
  const rig = await serve(async request => {
    try {
      return new Response(await readRequestBody(request, 1000, { timeoutMs: 40 }))
    } catch (cause) {
      if (!(cause instanceof ServiceRefusal)) throw cause
      return new Response(cause.message, { status: cause.status })
    }
  })
  const { socket, all } = await rig.open({ send: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n' })
  const drip = setInterval(() => socket.write('x'), 5)
  const answer = await all
  clearInterval(drip)
  assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]*want the body within 40 ms/i)
})

test('a body that trickles for ever is 408 where nobody else bounds it', async () => {
  const rig = await serve(async request => new Response(await request.text()), { headersMs: 20, requestMs: 40 })
  const { socket, all } = await rig.open({ send: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n' })
  const drip = setInterval(() => socket.write('x'), 5)
  assert.match(await all, /^HTTP\/1\.1 408 /)
  clearInterval(drip)
  assert.deepEqual(rig.ended, ['late'])
})

test('a server that closes waits for answers under way, and for no connection that has asked for nothing', async () => {
  const { promise: mayAnswer, resolve: allowAnswer } = Promise.withResolvers<void>()
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<void>()
  const rig = await serve(
    async () => {
      noteAsked()
      await mayAnswer
      return new Response('in the end')
    },
    { graceMs: 60_000 },
  )
  const half = await rig.open({ send: 'GET / HTTP/1.1\r\nHost: a' })
  const under = await rig.open({ send: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' })
  await asked
  const closed = servers.at(-1)!.close()
  assert.equal(await half.all, '')
  allowAnswer()
  assert.match(await under.all, /in the end/)
  await closed
  assert.deepEqual(rig.ended, [])
})

test('what is no HTTP is told so', async () => {
  const rig = await serve(async () => new Response('served'))
  assert.match(await (await rig.open({ send: 'EHLO mail\r\n\r\n' })).all, /^HTTP\/1\.1 400 /)
  assert.match(await (await rig.open({ send: `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n` })).all, /^HTTP\/1\.1 431 /)
  assert.deepEqual(rig.ended, ['malformed', 'malformed'])
})

test('a request that hears nothing for too long is ended', async () => {
  const rig = await serve(() => new Promise(() => {}), { idleMs: 30 })
  assert.equal(await get(rig), '')
  assert.deepEqual(rig.ended, ['silent'])
})

const certificateText = readFileSync(join(import.meta.dirname, 'listen.test.ts'), 'utf8')
const [key, cert] = ['PRIVATE KEY', 'CERTIFICATE'].map(
  label => new RegExp(`-----BEGIN ${label}-----[\\s\\S]*?-----END ${label}-----\n`).exec(certificateText)![0],
) as [string, string]
const tls = { key, cert }
const beginsHandshake = '\x16'

test('a TLS handshake is waited for so long', async () => {
  const rig = await serve(async () => new Response('served'), { tls, headersMs: 40 })
  await (await rig.open({ send: beginsHandshake })).all
  assert.equal(rig.ended[0], 'late')
})

test('by TLS: what waits for its client gives way, before its handshake and after', async () => {
  const rig = await serve(async () => new Response('served'), { tls, maxConnections: 1 })
  const ask = async (): Promise<string> => {
    const asking = request(rig.url, { ca: cert, agent: new Agent({ keepAlive: true }) }).end()
    asking.on('socket', socket => sockets.push(socket))
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    return response.setEncoding('utf8').reduce((all: string, chunk: string) => all + chunk, '')
  }
  const silent = await rig.open({ send: beginsHandshake })
  assert.equal(await ask(), 'served')
  await silent.all
  assert.equal(await ask(), 'served')
  assert.deepEqual(rig.ended, ['displaced', 'displaced'])
})

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: controller => controller.enqueue(new Uint8Array(65_536)) })
}
