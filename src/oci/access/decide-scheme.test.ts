import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { after, test } from 'node:test'
import type { Fetch } from '../../codec/world.ts'
import { createRegistryFetch } from '../registry-fetch.ts'
import { createTransport } from '../transport.ts'
import { decideScheme } from './decide-scheme.ts'
import { mayCarryCredentials, schemesFor } from './schemes.ts'

const signal = new AbortController().signal
const file = (name: string): string => readFileSync(new URL(`../../../test/vectors/tls/${name}`, import.meta.url), 'utf8')

for (const [host, schemes, flagged] of [
  ['ghcr.io', 'https', 'https http'],
  ['ghcr.io:80', 'https', 'https http'],
  ['localhost', 'https http', 'https http'],
  ['localhost:5000', 'http https', 'http https'],
  ['127.0.0.1:5000', 'http https', 'http https'],
  ['[::1]:5000', 'http https', 'http https'],
  ['registry.localhost:5000', 'http https', 'http https'],
  ['registry.local', 'https http', 'https http'],
  ['10.1.2.3:5000', 'https http', 'https http'],
  ['172.16.0.1', 'https http', 'https http'],
  ['172.32.0.1', 'https', 'https http'],
  ['192.168.0.1', 'https http', 'https http'],
  ['169.254.1.1', 'https', 'https http'],
  ['localhost.example', 'https', 'https http'],
] as const)
  test(`schemesFor: ${host} is tried with ${schemes}, by flag with ${flagged}`, () => {
    assert.equal(schemesFor(host).join(' '), schemes)
    assert.equal(schemesFor(host, asked => asked === host).join(' '), flagged)
  })

for (const [url, want] of [
  ['https://ghcr.io/', true],
  ['http://127.0.0.1:5000/', true],
  ['http://registry.localhost/', true],
  ['http://10.0.0.1:5000/', false],
  ['http://registry.local/', false],
  ['http://ghcr.io/', false],
] as const)
  test(`mayCarryCredentials: ${url} ${want ? 'may' : 'may only by flag'}`, () => {
    assert.equal(mayCarryCredentials(new URL(url)), want)
    assert.equal(
      mayCarryCredentials(new URL(url), () => true),
      true,
    )
  })

/** A host whose schemes answer or fail so; notes the order. */
function answering(answers: Partial<Record<'http' | 'https', Response | string>>): { fetch: Fetch; seen: string[] } {
  const seen: string[] = []
  const fetch: Fetch = async input => {
    const scheme = new URL(String(input)).protocol.slice(0, -1) as 'http' | 'https'
    seen.push(scheme)
    const answer = answers[scheme]
    if (answer instanceof Response) return answer
    throw Object.assign(new Error('failed'), { code: answer })
  }
  return { fetch, seen }
}
const status = (code: number): Response => new Response(null, { status: code })

for (const { name, host, answers, want, seen } of [
  { name: 'a public host is not asked', host: 'ghcr.io', answers: {}, want: 'https', seen: '' },
  { name: 'a private one that speaks https', host: '10.0.0.1', answers: { https: status(401) }, want: 'https', seen: 'https' },
  {
    name: 'a private one that does not',
    host: '10.0.0.1',
    answers: { https: 'ECONNREFUSED', http: status(200) },
    want: 'http',
    seen: 'https http',
  },
  {
    name: 'a private one that speaks http on the port',
    host: '10.0.0.1:5000',
    answers: { https: 'ERR_SSL_WRONG_VERSION_NUMBER', http: status(200) },
    want: 'http',
    seen: 'https http',
  },
  { name: 'loopback that speaks http', host: '127.0.0.1:5000', answers: { http: status(404) }, want: 'http', seen: 'http' },
  {
    name: 'loopback that hangs up on http',
    host: '127.0.0.1:5000',
    answers: { http: 'ECONNRESET', https: status(200) },
    want: 'https',
    seen: 'http https',
  },
  {
    name: 'loopback that says 400 to http, since it wants TLS',
    host: '127.0.0.1:5000',
    answers: { http: status(400), https: status(200) },
    want: 'https',
    seen: 'http https',
  },
  {
    name: 'loopback that says 400 and has no TLS',
    host: '127.0.0.1:5000',
    answers: { http: status(400), https: 'ERR_SSL_WRONG_VERSION_NUMBER' },
    want: 'http',
    seen: 'http https',
  },
] as { name: string; host: string; answers: Partial<Record<'http' | 'https', Response | string>>; want: string; seen: string }[])
  test(`decideScheme: ${name}`, async () => {
    const world = answering(answers)
    assert.equal((await decideScheme(world, host, () => false, signal)).scheme, want)
    assert.equal(world.seen.join(' '), seen)
  })

for (const { name, host, answers, message, seen } of [
  {
    name: 'a certificate that is not trusted',
    host: '10.0.0.1',
    answers: { https: 'SELF_SIGNED_CERT_IN_CHAIN', http: status(200) },
    message: /registry 10.0.0.1: its certificate leads/,
    seen: 'https',
  },
  {
    name: 'a certificate for another name',
    host: 'registry.local',
    answers: { https: 'ERR_TLS_CERT_ALTNAME_INVALID', http: status(200) },
    message: /for another name/,
    seen: 'https',
  },
  {
    name: 'a certificate that is not trusted, after loopback said 400 to http',
    host: '127.0.0.1:5000',
    answers: { http: status(400), https: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    message: /registry 127.0.0.1:5000: its certificate is self-signed and not trusted$/,
    seen: 'http https',
  },
  {
    name: 'a client certificate wanted, after loopback said 400 to http',
    host: '127.0.0.1:5000',
    answers: { http: status(400), https: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' },
    message: /registry 127.0.0.1:5000: it wants a client certificate$/,
    seen: 'http https',
  },
  {
    name: 'nobody on the port',
    host: '127.0.0.1:5000',
    answers: { http: 'ECONNREFUSED' },
    message: /registry 127.0.0.1:5000: connection refused$/,
    seen: 'http',
  },
  {
    name: 'nobody on either port',
    host: 'localhost',
    answers: { https: 'ECONNREFUSED', http: 'ECONNREFUSED' },
    message: /registry localhost: connection refused; connection refused/,
    seen: 'https http',
  },
] as { name: string; host: string; answers: Partial<Record<'http' | 'https', Response | string>>; message: RegExp; seen: string }[])
  test(`decideScheme: ${name} ends it`, async () => {
    const world = answering(answers)
    await assert.rejects(
      decideScheme(world, host, () => false, signal),
      { code: 'REGISTRY_UNAVAILABLE', message },
    )
    assert.equal(world.seen.join(' '), seen)
  })

const servers: Server[] = []
after(() => {
  for (const server of servers) server.close()
})
async function listen(server: Server): Promise<string> {
  servers.push(server.on('connection', socket => void socket.on('error', () => {}).unref()))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.unref().address() as AddressInfo).port}`
}

const authorised: RequestListener = (request, response) => {
  const asked = request.headers.authorization === `Basic ${Buffer.from('u:hunter2').toString('base64')}`
  response.writeHead(asked ? 200 : 401, { 'www-authenticate': 'Basic realm="r"' }).end(request.url)
}
const world = { now: () => new Date(), randomBytes: (length: number) => new Uint8Array(length), sleep: async () => {} }

for (const { name, serve, want } of [
  { name: 'http', serve: () => createHttpServer(authorised), want: 200 },
  { name: 'https', serve: () => createHttpsServer({ cert: file('server.pem'), key: file('server.key') }, authorised), want: 200 },
])
  test(`createRegistryFetch: over real ${name} on loopback, with no flag`, async () => {
    const host = await listen(serve())
    const fetch = createTransport({ ca: file('ca.pem') })
    const registry = createRegistryFetch(
      { ...world, fetch },
      { credentials: async () => ({ kind: 'basic', username: 'u', password: 'hunter2' }) },
    )
    const url = new URL(`https://${host}/v2/a/manifests/b`)
    for (let time = 0; time < 2; time++) {
      const response = await registry({ method: 'GET', url, repository: 'a', actions: ['pull'], signal })
      assert.deepEqual([response.status, await response.text()], [want, '/v2/a/manifests/b'])
    }
  })

test('createRegistryFetch: an untrusted certificate on loopback ends it, naming host and port', async () => {
  const host = await listen(createHttpsServer({ cert: file('server.pem'), key: file('server.key') }, authorised))
  const registry = createRegistryFetch({ ...world, fetch: createTransport() }, { credentials: async () => ({ kind: 'anonymous' }) })
  const exchange = registry({ method: 'GET', url: new URL(`https://${host}/v2/a/manifests/b`), repository: 'a', actions: ['pull'], signal })
  await assert.rejects(exchange, {
    code: 'REGISTRY_UNAVAILABLE',
    message: new RegExp(`registry ${host}: .*https://${host}: its certificate .* not trusted`),
  })
})

test('createRegistryFetch: nobody listens', async () => {
  const server = createTcpServer()
  const host = await listen(server)
  await new Promise(resolve => server.close(resolve))
  const registry = createRegistryFetch({ ...world, fetch: createTransport() }, { credentials: async () => ({ kind: 'anonymous' }) })
  const exchange = registry({ method: 'GET', url: new URL(`https://${host}/v2/a/manifests/b`), repository: 'a', actions: ['pull'], signal })
  await assert.rejects(exchange, { code: 'REGISTRY_UNAVAILABLE', message: `registry ${host}: GET http://${host}: connection refused` })
})

test('createRegistryFetch: credentials do not cross a network in the clear unless a flag says so', async () => {
  const sent: (string | null)[] = []
  const fetch: Fetch = async (input, init) => {
    if (String(input).startsWith('https:')) throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
    const authorization = new Headers(init?.headers).get('authorization')
    sent.push(authorization)
    return authorization ? new Response('ok') : new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } })
  }
  const ask = (allowHttp: boolean) =>
    createRegistryFetch(
      { ...world, fetch },
      { credentials: async () => ({ kind: 'basic', username: 'u', password: 'hunter2' }), ...(allowHttp && { allowHttp: () => true }) },
    )({ method: 'GET', url: new URL('https://10.0.0.1/v2/a/manifests/b'), repository: 'a', actions: ['pull'], signal })
  await assert.rejects(ask(false), { code: 'CREDENTIALS_WITHHELD', message: /registry 10.0.0.1: asks for credentials over plain http/ })
  assert.ok(sent.every(authorization => authorization === null))
  assert.equal(await (await ask(true)).text(), 'ok')
})
