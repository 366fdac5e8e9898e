import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer, type ServerOptions } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import type { Pieces } from '../codec/byte-source.ts'
import { createTransport, type TransportOptions } from './transport.ts'

const file = (name: string): string => readFileSync(new URL(`../../test/vectors/tls/${name}`, import.meta.url), 'utf8')
const ca = file('ca.pem')
const clientCertificate = { cert: file('client.pem'), key: file('client.key') }
const isBun = process.versions['bun'] !== undefined

const servers: Server[] = []
after(() => {
  for (const server of servers) server.close()
})

/** Starts a server on a free loopback port and counts its connections. */
async function listen(server: Server): Promise<{ host: string; connections: () => number }> {
  let connections = 0
  servers.push(server)
  server.on('connection', socket => {
    connections++
    socket.on('error', () => {})
    socket.unref()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections }
}

const serveHttp = (handle: RequestListener) => listen(createHttpServer({ keepAliveTimeout: 60_000 }, handle))
const serveHttps = (handle: RequestListener, options: ServerOptions = {}) =>
  listen(createHttpsServer({ cert: file('server.pem'), key: file('server.key'), keepAliveTimeout: 60_000, ...options }, handle))

const hello: RequestListener = (_request, response) => void response.end('hello')
const echo: RequestListener = (request, response) => {
  const chunks: Uint8Array[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }))
  })
}

async function echoed(response: Response): Promise<{ method: string; url: string; headers: Record<string, string>; body: string }> {
  return JSON.parse(await response.text())
}

test('createTransport: a request and its answer keep method, path, headers and body', async () => {
  const { host } = await serveHttp(echo)
  const fetch = createTransport()
  const got = await echoed(
    await fetch(`http://${host}/a/b?c=d`, { method: 'PUT', headers: { 'X-One': '1' }, body: new Uint8Array([104, 105]) }),
  )
  assert.deepEqual(
    [
      got.method,
      got.url,
      got.headers['x-one'],
      got.headers['content-length'],
      got.body,
      got.headers['accept-encoding'],
      got.headers['user-agent'],
    ],
    ['PUT', '/a/b?c=d', '1', '2', 'hi', 'identity', 'countersign'],
  )
})

for (const { name, method, body, length } of [
  { name: 'no body at all, which servers want to be told', method: 'POST', body: undefined, length: '0' },
  { name: 'an empty body', method: 'PUT', body: new Uint8Array(), length: '0' },
  { name: 'text', method: 'POST', body: 'héllo', length: '6' },
])
  test(`createTransport: a ${method} of ${name} says its length`, async () => {
    const { host } = await serveHttp(echo)
    const got = await echoed(await createTransport()(`http://${host}/`, { method, ...(body !== undefined && { body }) }))
    assert.equal(got.headers['content-length'], length)
    assert.equal(got.headers['transfer-encoding'], undefined)
  })

test('createTransport: a request body streams', async () => {
  const { host } = await serveHttp(echo)
  const body = ReadableStream.from([new Uint8Array([104]), new Uint8Array([105])])
  const got = await echoed(await createTransport()(`http://${host}/`, { method: 'PUT', body, duplex: 'half' }))
  assert.equal(got.body, 'hi')
})

/** Pieces that are all made in one place, and how many are out at once, and whether the loop was left. */
function piecesInPlace(count: number, fails = false) {
  const place = new Uint8Array(64 << 10)
  const seen = { out: 0, most: 0, isLeft: false }
  const pieces: Pieces = {
    async *[Symbol.asyncIterator]() {
      try {
        for (let index = 0; index < count; index++) {
          if (fails && index === count - 1) throw new Error('the source broke off')
          seen.most = Math.max(seen.most, ++seen.out)
          yield place.fill(0x61 + (index % 26))
        }
      } finally {
        seen.isLeft = true
      }
    },
    giveBack: piece => {
      piece.fill(0)
      seen.out--
    },
  }
  return { seen, body: pieces as unknown as NonNullable<RequestInit['body']>, size: count * place.length }
}

test('createTransport: a piece of a body is given back once it is sent, and made again in its place', async () => {
  const { host } = await serveHttp(echo)
  const { seen, body, size } = piecesInPlace(40)
  const headers = { 'content-length': String(size) }
  const got = await echoed(await createTransport()(`http://${host}/`, { method: 'PUT', headers, body, duplex: 'half' } as RequestInit))
  assert.deepEqual([got.headers['content-length'], got.headers['transfer-encoding']], [String(size), undefined])
  assert.ok(got.body.length === size && Array.from({ length: 40 }, (_, at) => got.body[(at << 16) + 7]).join('') === pattern)
  assert.deepEqual(seen, { out: 0, most: 1, isLeft: true })
})

const pattern = 'abcdefghijklmnopqrstuvwxyzabcdefghijklmn'

test('createTransport: a body that breaks off fails the request with its own reason', async () => {
  const { host } = await serveHttp(echo)
  const { seen, body, size } = piecesInPlace(5, true)
  const headers = { 'content-length': String(size) }
  const isOwn = (error: unknown) => error instanceof Error && /the source broke off/.test(String(error.cause))
  await assert.rejects(createTransport()(`http://${host}/`, { method: 'PUT', headers, body } as RequestInit), isOwn)
  assert.ok(seen.isLeft)
})

test('createTransport: of a body that nobody takes no more is asked for', { timeout: 20_000 }, async () => {
  const { host } = await serveHttp(request => void request.socket.destroy())
  const { seen, body, size } = piecesInPlace(1_000_000)
  const headers = { 'content-length': String(size) }
  await assert.rejects(createTransport()(`http://${host}/`, { method: 'PUT', headers, body } as RequestInit))
  while (!seen.isLeft) await new Promise(setImmediate)
})

test('createTransport: the answer has the shape of a Response', async () => {
  const { host } = await serveHttp((_request, response) => {
    response.writeHead(404, { 'Content-Type': 'application/json', 'Set-Cookie': ['a=1', 'b=2'], Link: ['<a>', '<b>'] }).end('{"a":1}')
  })
  const response = await createTransport()(`http://${host}/x`)
  assert.deepEqual([response.status, response.ok, response.url], [404, false, `http://${host}/x`])
  assert.equal(response.headers.get('CONTENT-TYPE'), 'application/json')
  assert.equal(response.headers.get('link'), '<a>, <b>')
  assert.equal(response.headers.get('absent'), null)
  assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
  assert.ok([...response.headers].some(([name, value]) => name === 'content-type' && value === 'application/json'))
  const copy = response.clone()
  assert.deepEqual([await response.json(), await copy.text()], [{ a: 1 }, '{"a":1}'])
  assert.equal(response.bodyUsed, true)
  await assert.rejects(response.text())
})

test('createTransport: HEAD has headers and no body', async () => {
  const { host, connections } = await serveHttp((_request, response) => void response.writeHead(200, { 'content-length': '12345' }).end())
  const fetch = createTransport()
  for (let time = 0; time < 2; time++) {
    const response = await fetch(`http://${host}/`, { method: 'HEAD' })
    assert.equal(response.headers.get('content-length'), '12345')
    assert.equal((await response.arrayBuffer()).byteLength, 0)
  }
  assert.equal(connections(), 1)
})

test('createTransport: connections are reused, also after answers whose short body was let go', async () => {
  const { host, connections } = await serveHttp(hello)
  const fetch = createTransport()
  for (let time = 0; time < 20; time++) {
    const response = await fetch(`http://${host}/`)
    await (time % 2 === 0 ? response.bytes() : response.body!.cancel())
  }
  assert.equal(connections(), 1)
})

test('createTransport: connections to one origin are bounded', async () => {
  let underWay = 0
  let most = 0
  const { host } = await serveHttp((_request, response) => {
    most = Math.max(most, ++underWay)
    response.on('finish', () => underWay--) // with the answer handed to the system, which is before the client has it
    setImmediate(() => response.end('hello'))
  })
  const fetch = createTransport()
  await Promise.all(Array.from({ length: 400 }, async () => (await fetch(`http://${host}/`)).bytes()))
  assert.ok(most > 1 && most <= (isBun ? 256 : 16), `${most} requests under way`)
})

test('createTransport: a redirect is an answer', async () => {
  const { host } = await serveHttp((_request, response) => void response.writeHead(307, { location: 'http://elsewhere.example/' }).end())
  const response = await createTransport()(`http://${host}/`)
  assert.deepEqual([response.status, response.headers.get('location')], [307, 'http://elsewhere.example/'])
})

test('createTransport: bytes come as they were sent, whatever encoding is claimed', async () => {
  const { host } = await serveHttp((_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip'))
  assert.equal(await (await createTransport()(`http://${host}/`)).text(), 'not gzip')
})

test('createTransport: an endless body is read only as fast as it is asked for, and cancelling ends it', async () => {
  let sent = 0
  const closed = Promise.withResolvers<void>()
  const { host } = await serveHttp((_request, response) => {
    const pump = (): void => {
      do sent += 65_536
      while (response.write(new Uint8Array(65_536)))
      response.once('drain', pump)
    }
    response.on('close', () => closed.resolve())
    pump()
  })
  const response = await createTransport()(`http://${host}/`)
  const reader = response.body!.getReader()
  await reader.read()
  const other = await serveHttp(hello)
  for (let time = 0; time < 100; time++) await (await createTransport()(`http://${other.host}/`)).bytes() // long enough to take far more
  await reader.cancel()
  await closed.promise
  assert.ok(sent < 16 << 20, `${sent} bytes were taken from the server`)
})

for (const { name, when } of [
  { name: 'before the answer', when: 'head' },
  { name: 'within the body', when: 'body' },
] as const)
  test(`createTransport: the signal ends the wait ${name} with its own reason`, async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const { host } = await serveHttp((_request, response) => {
      if (when === 'head') return controller.abort(reason)
      response.writeHead(200)
      response.write('begun')
    })
    const exchange = async (): Promise<void> => {
      const response = await createTransport()(`http://${host}/`, { signal: controller.signal })
      const reader = response.body!.getReader()
      await reader.read()
      controller.abort(reason)
      while (!(await reader.read()).done);
    }
    await assert.rejects(exchange, cause => cause === reason)
  })

test('createTransport: a signal that has ended already sends nothing', async () => {
  const { host, connections } = await serveHttp(hello)
  await assert.rejects(createTransport()(`http://${host}/`, { signal: AbortSignal.abort(new Error('before')) }), { message: 'before' })
  assert.equal(connections(), 0)
})

/** A server that answers every connection's first bytes with these and ends, or says nothing at all. */
const serveRaw = (answer: string | undefined) =>
  listen(createTcpServer(socket => void socket.once('data', () => answer !== undefined && socket.end(answer))))

for (const { name, answer, message } of [
  { name: 'nothing but a closed connection', answer: '', message: /closed before an answer/ },
  { name: 'something that is not HTTP', answer: 'SSH-2.0-OpenSSH\r\n\r\n', message: /not HTTP|closed before an answer/ },
  {
    name: 'two lengths',
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd',
    message: /not HTTP|no usable answer/,
  },
])
  test(`createTransport: an answer of ${name} is an error`, async () => {
    const { host } = await serveRaw(answer)
    await assert.rejects(createTransport()(`http://${host}/secret?token=t`), error => {
      assert.match((error as Error).message, message)
      assert.match((error as Error).message, new RegExp(`^GET http://${host}: `))
      return (error as { code: string }).code === 'SERVICE_UNAVAILABLE'
    })
  })

test('createTransport: an upgrade nobody asked for is no answer that anybody waits on', async () => {
  const { host } = await serveRaw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
  const outcome = await createTransport()(`http://${host}/`).then(
    response => String(response.status),
    (error: Error) => error.message,
  )
  assert.match(outcome, isBun ? /no usable answer/ : /closed before an answer/)
})

for (const { name, answer } of [
  { name: 'shorter than its length', answer: 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc' },
  { name: 'cut off within its chunks', answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n' },
])
  test(`createTransport: a body ${name} is never taken for whole`, async () => {
    const { host } = await serveRaw(answer)
    await assert.rejects(async () => (await createTransport()(`http://${host}/`)).bytes(), { message: /closed|broke/ })
  })

test('createTransport: nobody listens', async () => {
  const server = createTcpServer()
  const { host } = await listen(server)
  await new Promise(resolve => server.close(resolve))
  await assert.rejects(createTransport()(`http://${host}/`), {
    code: 'SERVICE_UNAVAILABLE',
    message: `GET http://${host}: connection refused`,
  })
})

test('createTransport: a URL with a password is refused and not shown', async () => {
  await assert.rejects(createTransport()('http://user:hunter2@127.0.0.1/'), error => {
    assert.doesNotMatch(String(error), /hunter2/)
    return (error as { code: string }).code === 'USAGE'
  })
})

const tlsCases: { name: string; options: TransportOptions; server?: ServerOptions; error?: RegExp }[] = [
  { name: 'an authority nobody trusts', options: {}, error: /authority that is not trusted/ },
  { name: 'an extra authority', options: { ca } },
  { name: 'any certificate on request', options: { insecureSkipTlsVerify: true } },
  { name: 'the server name asked for', options: { ca, serverName: 'registry.example' } },
  { name: 'a server name the certificate lacks', options: { ca, serverName: 'elsewhere.example' }, error: /for another name/ },
  {
    name: 'a certificate for another host',
    options: { ca },
    server: { cert: file('elsewhere.pem'), key: file('elsewhere.key') },
    error: /for another name/,
  },
  {
    name: 'a certificate for another host, which was asked for',
    options: { ca, serverName: 'elsewhere.example' },
    server: { cert: file('elsewhere.pem'), key: file('elsewhere.key') },
  },
  {
    name: 'authorities of SSL_CERT_FILE',
    options: { environment: { SSL_CERT_FILE: new URL('../../test/vectors/tls/ca.pem', import.meta.url).pathname } },
  },
  {
    name: 'authorities of SSL_CERT_DIR',
    options: { environment: { SSL_CERT_DIR: `:${new URL('../../test/vectors/tls/authorities', import.meta.url).pathname}` } },
  },
  {
    name: 'an SSL_CERT_DIR that is not there',
    options: { environment: { SSL_CERT_DIR: '/nonexistent' } },
    error: /"\/nonexistent": cannot read/,
  },
  {
    name: 'an SSL_CERT_FILE that is not there',
    options: { environment: { SSL_CERT_FILE: '/nonexistent/ca.pem' } },
    error: /"\/nonexistent\/ca.pem": cannot read/,
  },
  { name: 'the only authority', options: { onlyCa: file('ca.pem'), environment: {} } },
  {
    name: 'another only authority, beside which the system and extra ones do not count',
    options: {
      onlyCa: file('stranger-client.pem'),
      ca: file('ca.pem'),
      environment: { SSL_CERT_FILE: new URL('../../test/vectors/tls/ca.pem', import.meta.url).pathname },
    },
    error: /its certificate/,
  },
  { name: 'an extra authority that is none', options: { ca: 'hello' }, error: /registry CA certificate: want PEM certificates, got none/ },
  { name: 'an extra authority that is a key', options: { ca: file('server.key') }, error: /want only certificates, got "PRIVATE KEY"/ },
]
for (const { name, options, server, error } of tlsCases)
  test(`createTransport: TLS, ${name}`, async () => {
    const { host } = await serveHttps(hello, server)
    const exchange = createTransport(options)(`https://${host}/`)
    if (error) await assert.rejects(exchange, { message: error })
    else assert.equal(await (await exchange).text(), 'hello')
  })

test('createTransport: TLS verification cannot be switched off by NODE_TLS_REJECT_UNAUTHORIZED', async () => {
  const { host } = await serveHttps(hello)
  const program = `import(${JSON.stringify(new URL('./transport.ts', import.meta.url).href)})
    .then(({ createTransport }) => createTransport()('https://${host}/'))
    .then(response => console.log(response.status), error => console.log(error.message))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], {
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  })
  assert.match(stdout, /not trusted/)
})

test('createTransport: no variable of the runtime makes it show what is sent', async () => {
  const { host } = await serveHttp(hello)
  const program = `import(${JSON.stringify(new URL('./transport.ts', import.meta.url).href)})
    .then(({ createTransport }) => createTransport()('http://${host}/', { headers: { authorization: 'Basic c2VjcmV0' } }))
    .then(async response => console.log(response.status, await response.text()))
    .then(() => process.exit())`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', program], {
    env: { ...process.env, BUN_CONFIG_VERBOSE_FETCH: 'curl', NODE_DEBUG: 'http,https,net,tls,fetch' },
  })
  assert.match(stdout, /^200 hello$/m)
  assert.ok(!`${stdout}${stderr}`.includes('c2VjcmV0'))
})

for (const { name, options, error } of [
  { name: 'shown', options: { ca, clientCertificate }, error: undefined },
  { name: 'missing', options: { ca }, error: /client certificate|closed before an answer/ },
  {
    name: 'of a stranger',
    options: { ca, clientCertificate: { cert: file('stranger-client.pem'), key: file('stranger-client.key') } },
    error: /handshake|closed before an answer/,
  },
])
  test(`createTransport: client certificate ${name}`, async () => {
    const { host } = await serveHttps(hello, { ca, requestCert: true, rejectUnauthorized: true })
    const exchange = createTransport(options)(`https://${host}/`)
    if (error) await assert.rejects(exchange, { code: 'SERVICE_UNAVAILABLE', message: error })
    else assert.equal(await (await exchange).text(), 'hello')
  })

test('createTransport: TLS connections are reused', async () => {
  const { host, connections } = await serveHttps(hello)
  const fetch = createTransport({ ca })
  for (let time = 0; time < 5; time++) await (await fetch(`https://${host}/`)).bytes()
  assert.equal(connections(), 1)
})

test('createTransport: https to a server that speaks http says so', async () => {
  const { host } = await serveHttp(hello)
  await assert.rejects(createTransport({ ca })(`https://${host}/`), {
    code: 'SERVICE_UNAVAILABLE',
    message: /speak TLS|no TLS on that port/,
  })
})

test('createTransport: a TLS handshake that never ends is given up', async () => {
  const { host } = await serveRaw(undefined)
  await assert.rejects(createTransport({ ca, connectTimeoutMs: 50 })(`https://${host}/`), {
    code: 'SERVICE_UNAVAILABLE',
    message: `GET https://${host}: no connection in time`,
  })
})

test('createTransport: a slow answer on a standing connection is not a failed connection', async () => {
  const { host } = await serveHttp((_request, response) => void setTimeout(() => response.end('late'), 80))
  assert.equal(await (await createTransport({ connectTimeoutMs: 20 })(`http://${host}/`)).text(), 'late')
})

/** An http proxy that notes what it is asked for, and carries every tunnel and request to one place: names need not resolve. */
async function serveProxy(target: string, refuse?: { readonly status: number; readonly forged: string }, overTls = false) {
  const asked: { what: string; authorization: string | undefined }[] = []
  const handle: RequestListener = (request, response) => {
    asked.push({ what: `${request.method} ${request.url}`, authorization: request.headers['proxy-authorization'] })
    response.end(`by proxy, authorization ${request.headers.authorization}`)
  }
  const server = overTls ? createHttpsServer({ cert: file('server.pem'), key: file('server.key') }, handle) : createHttpServer(handle)
  server.on('connect', (request, socket) => {
    asked.push({ what: `CONNECT ${request.url}`, authorization: request.headers['proxy-authorization'] })
    socket.on('error', () => {})
    if (refuse) return void socket.end(`HTTP/1.1 ${refuse.status} No\r\ncontent-length: ${refuse.forged.length}\r\n\r\n${refuse.forged}`)
    const [host, port] = target.split(':')
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on('error', () => socket.destroy()).unref()
  })
  return { ...(await listen(server)), asked }
}

test('createTransport: https goes through a proxy by CONNECT, and TLS is with the server behind it', async () => {
  const { host } = await serveHttps(hello)
  const proxy = await serveProxy(host)
  const fetch = createTransport({ ca, environment: { HTTPS_PROXY: `http://user:p%40ss@${proxy.host}` } })
  for (let time = 0; time < 2; time++) assert.equal(await (await fetch('https://registry.example:8443/v2/')).text(), 'hello')
  const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`
  assert.deepEqual(proxy.asked, [{ what: 'CONNECT registry.example:8443', authorization }])
})

test('createTransport: a certificate for another name is refused behind a proxy too', async () => {
  const { host } = await serveHttps(hello)
  const proxy = await serveProxy(host)
  await assert.rejects(createTransport({ ca, environment: { https_proxy: proxy.host } })('https://another.example/'), {
    message: `GET https://another.example:443 through proxy ${proxy.host}: its certificate is for another name`,
  })
})

for (const { status, forged } of [
  { status: 407, forged: 'forged' },
  { status: 407, forged: '' },
  { status: 302, forged: '' },
  { status: 502, forged: '' },
])
  test(`createTransport: ${status} ${forged} of a proxy in place of a tunnel is never the server’s answer`, async () => {
    const proxy = await serveProxy('', { status, forged })
    const fetch = createTransport({ environment: { HTTPS_PROXY: `http://user:hunter2@${proxy.host}` } })
    await assert.rejects(fetch('https://registry.example/'), {
      code: 'SERVICE_UNAVAILABLE',
      message: `GET https://registry.example:443 through proxy ${proxy.host}: the proxy refused to connect`,
    })
  })

test('createTransport: http goes through a proxy by its full address', async () => {
  const proxy = await serveProxy('')
  const fetch = createTransport({ environment: { HTTP_PROXY: `http://${proxy.host}` } })
  assert.match(await (await fetch('http://registry.example/v2/')).text(), /by proxy/)
  assert.deepEqual(proxy.asked, [{ what: 'GET http://registry.example/v2/', authorization: undefined }])
})

test('createTransport: loopback is not proxied, nor does the process environment decide', async () => {
  const { host } = await serveHttp(hello)
  const proxy = await serveProxy('')
  const environment = { HTTP_PROXY: `http://${proxy.host}`, HTTPS_PROXY: `http://${proxy.host}` }
  assert.equal(await (await createTransport({ environment })(`http://${host}/`)).text(), 'hello')
  assert.deepEqual(proxy.asked, [])
})

test('createTransport: a proxy that is itself spoken to over TLS', async () => {
  const { host } = await serveHttps(hello)
  const proxy = await serveProxy(host, undefined, true)
  const fetch = createTransport({ ca, environment: { HTTPS_PROXY: `https://${proxy.host}` } })
  assert.equal(await (await fetch('https://registry.example/v2/')).text(), 'hello')
  const doubting = createTransport({ environment: { HTTPS_PROXY: `https://${proxy.host}` } })
  await assert.rejects(doubting('https://registry.example/v2/'), { code: 'SERVICE_UNAVAILABLE', message: /not trusted/ })
  const plain = createTransport({ ca, environment: { HTTP_PROXY: `https://${proxy.host}` } })
  assert.match(await (await plain('http://registry.example/v2/')).text(), /by proxy/)
})

test('createTransport: a proxy that says nothing is given up', async () => {
  const { host } = await serveRaw(undefined)
  const fetch = createTransport({ connectTimeoutMs: 50, environment: { HTTPS_PROXY: `http://${host}` } })
  const signal = AbortSignal.timeout(1000) // Bun cannot tell a silent proxy from a slow server: there the caller's own limit ends it
  await assert.rejects(
    fetch('https://registry.example/', { signal }),
    isBun ? { name: 'TimeoutError' } : { message: /no connection in time/ },
  )
})

test('createTransport: a proxy nobody runs', async () => {
  await assert.rejects(createTransport({ environment: { HTTPS_PROXY: 'http://127.0.0.1:1' } })('https://registry.example/'), {
    code: 'SERVICE_UNAVAILABLE',
    message: 'GET https://registry.example:443 through proxy 127.0.0.1:1: connection refused',
  })
})
