import assert from 'node:assert/strict'
import { Agent, request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { after, test } from 'node:test'
import type { Folder } from '../src/oci/layout/folder.ts'
import { createOperatedEvents } from '../src/services/stack/events.ts'
import type { TlsPair } from '../src/services/tls-certificate.ts'
import { cipherSuites, sayHello } from '../src/testing/admission/client-hello.ts'
import { reviewOf, workloadOf, workloads } from '../src/testing/admission/reviews.ts'
import { loadServing } from '../src/webhook/certificates/kept-serving.ts'
import type { Decide, Decision } from '../src/webhook/decide.ts'
import { serveAdmission } from '../src/webhook/serve-admission.ts'

// The admission server as an API server meets it: TLS on a socket of loopback, connections that are kept, a scripted decision behind it.

const image = 'r.test/app:v1'
const to = `${image}@sha256:${'a'.repeat(64)}`
const ceremony = {
  now: () => new Date(),
  randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
}
const admitted: Decision = {
  verdict: 'admitted',
  message: '',
  reason: '',
  warnings: [],
  pins: [],
  auditAnnotations: new Map(),
  explanationId: '',
}
const body = (image_ = image) => JSON.stringify(reviewOf(workloads[0]!, workloadOf(workloads[0]!, [image_])))

/** A disk in memory for certificates of our own. */
function memoryFiles() {
  const disk = new Map<string, Uint8Array>()
  return {
    disk,
    read: async (path: string) => disk.get(path)!,
    exists: async (path: string) => disk.has(path),
    write: async (path: string, data: string) => void disk.set(path, new TextEncoder().encode(data)),
    folder: (folder: string) => ({
      write: async (name: string, data: Parameters<Folder['write']>[1]) => void disk.set(`${folder}/${name}`, data as Uint8Array),
    }),
  }
}

/** A server whose sleeps end when they are woken; all but those of nobody: a deadline that is not tested never passes. */
async function serve(decide: Decide, { loadTls, retireMs = 0 }: { loadTls?: () => Promise<TlsPair>; retireMs?: number } = {}) {
  const files = memoryFiles()
  const lines: string[] = []
  const sleeping: { ms: number; wake: () => void }[] = []
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (ms === 0) return resolve()
      sleeping.push({ ms, wake: resolve })
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  const operated = createOperatedEvents(line => lines.push(line), ceremony.now)
  const rules = { exemptNamespaces: new Set<string>(), imagesChanged: () => true }
  const load = loadTls ?? (() => loadServing(files, 'tls', ['localhost'], ceremony))
  const served = await serveAdmission(
    { host: '127.0.0.1', port: 0, loadTls: load, retireMs },
    { decide, rules, mutation: 'all', problems: () => [] },
    operated,
    { now: ceremony.now, sleep },
  )
  const ca = () => new TextDecoder().decode(files.disk.get('tls/ca.crt'))
  const wake = async (ms: number): Promise<void> => {
    for (;;) {
      const at = sleeping.findIndex(sleeper => sleeper.ms === ms)
      if (at >= 0) return sleeping.splice(at, 1)[0]!.wake()
      await new Promise<void>(resolve => setImmediate(resolve))
    }
  }
  return { ...served, ca, lines, wake }
}

type Answer = { readonly status: number; readonly body: string }

function post(url: URL, path: string, text: string, { ca, agent }: { ca: string; agent?: Agent }): Promise<Answer> {
  const options = { host: '127.0.0.1', servername: 'localhost', port: url.port, path, method: 'POST', ca, agent: agent ?? false }
  return new Promise((resolve, reject) => {
    const asking = request({ ...options, headers: { 'content-type': 'application/json' } }, answer => {
      let said = ''
      answer.setEncoding('utf8').on('data', piece => {
        said += piece
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: said }))
      answer.on('error', reject)
    })
    asking.on('error', reject)
    asking.end(text)
  })
}

const server = await serve(async ({ name }) => ({
  ...admitted,
  message: name,
  pins: [{ pointer: '/spec/containers/0/image', from: image, to }],
}))
after(() => server.close())

test('many reviews go over one connection, each with its own answer, log line and count', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = new Set<unknown>()
  agent.on('free', socket => sockets.add(socket))
  for (let index = 0; index < 20; index++) {
    const answer = await post(server.url, '/mutations?timeout=10s', body(), { ca: server.ca(), agent })
    const { response } = JSON.parse(answer.body)
    assert.deepEqual([answer.status, response.allowed, response.patchType], [200, true, 'JSONPatch'])
  }
  assert.equal(sockets.size, 1)
  agent.destroy()
  const reviews = server.lines.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'review')
  assert.equal(reviews.length, 20)
  const metrics = await new Promise<string>(resolve =>
    request({ host: '127.0.0.1', servername: 'localhost', port: server.url.port, path: '/metrics', ca: server.ca() }, answer => {
      let said = ''
      answer.setEncoding('utf8').on('data', piece => {
        said += piece
      })
      answer.on('end', () => resolve(said))
    }).end(),
  )
  assert.match(metrics, /^countersign_admission_reviews_total\{endpoint="mutate",operation="CREATE",verdict="admitted"\} 20$/m)
})

test('a long review is answered, and does not keep a short one waiting', async () => {
  const env = Array.from({ length: 60_000 }, (_, index) => ({ name: `N${index}`, value: 'a "value"' }))
  const object = workloadOf(workloads[0]!, [image])
  const long = JSON.stringify(reviewOf(workloads[0]!, { ...object, spec: { ...(object['spec'] as object), env } }))
  assert.ok(long.length > 2_000_000)
  const order: string[] = []
  const asked = (name: string, text: string) =>
    post(server.url, '/validate', text, { ca: server.ca() }).then(answer => order.push(`${name} ${answer.status}`))
  const longs = [asked('long', long), asked('long', long)]
  await asked('short', body())
  await Promise.all(longs)
  assert.deepEqual(order.toSorted(), ['long 200', 'long 200', 'short 200'])
})

for (const version of ['TLS 1.0', 'TLS 1.1'] as const)
  test(`${version} is not spoken`, async () => {
    const answer = await sayHello(Number(server.url.port), version, ['ECDHE-ECDSA-AES128-SHA', 'AES128-SHA'])
    assert.deepEqual(answer, { kind: 'alert', description: 70 }) // protocol_version
  })

test('plain HTTP is not spoken', async () => {
  const plain = await new Promise<string>(resolve => {
    let said = ''
    const socket = connectTcp(Number(server.url.port), '127.0.0.1', () => socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'))
    socket.on('data', piece => {
      said += piece
    })
    socket.on('close', () => resolve(said))
    socket.on('error', () => {})
  })
  assert.doesNotMatch(plain, /200/)
})

for (const { suites, spoken } of [
  { suites: ['ECDHE-ECDSA-AES128-GCM-SHA256'], spoken: true },
  { suites: ['ECDHE-ECDSA-CHACHA20-POLY1305'], spoken: true },
  { suites: ['ECDHE-ECDSA-AES128-SHA'], spoken: false },
  { suites: ['ECDHE-ECDSA-AES256-SHA384'], spoken: false },
  { suites: ['AECDH-AES128-SHA'], spoken: false },
  { suites: ['ECDHE-ECDSA-NULL-SHA'], spoken: false },
  { suites: ['DES-CBC3-SHA', 'AES128-SHA', 'AES128-GCM-SHA256'], spoken: false },
] as const)
  test(`of TLS 1.2 ${suites.join(', ')} is ${spoken ? 'spoken' : 'not spoken, for it is weak (GHSA-hgv6-w7r3-w4qw)'}`, async () => {
    const answer = await sayHello(Number(server.url.port), 'TLS 1.2', suites)
    const refused = { kind: 'alert', description: 40 } // handshake_failure
    assert.deepEqual(answer, spoken ? { kind: 'hello', suite: cipherSuites[suites[0]] } : refused)
  })

test('a deadline passes on the wire: 503 in the answer, in time, by the clock of the machine that asks', async () => {
  const stuck = await serve(() => new Promise<never>(() => {}))
  const answering = post(stuck.url, '/validations?timeout=1s', body(), { ca: stuck.ca() })
  await stuck.wake(750)
  await stuck.wake(100)
  const { response } = JSON.parse((await answering).body)
  assert.deepEqual([response.allowed, response.status.code], [false, 503])
  await stuck.close()
})

test('a server that ends says so, answers what is under way and what still comes, then takes no more', async () => {
  const deciding = Promise.withResolvers<Decision>()
  const asked = Promise.withResolvers<void>()
  const ending = await serve(
    () => {
      asked.resolve()
      return deciding.promise
    },
    { retireMs: 10_000 },
  )
  const underWay = post(ending.url, '/validate', body(), { ca: ending.ca() })
  await asked.promise
  const closed = ending.close()
  const late = post(ending.url, '/validate', body(), { ca: ending.ca() })
  const ready = await post(ending.url, '/readyz', '', { ca: ending.ca() }) // a method that it does not take: it is still there
  assert.equal(ready.status, 405)
  deciding.resolve(admitted)
  assert.deepEqual([(await underWay).status, (await late).status], [200, 200])
  await ending.wake(10_000)
  await closed
  await assert.rejects(post(ending.url, '/validate', body(), { ca: ending.ca() }), { code: 'ECONNREFUSED' })
})

test('a certificate that is replaced is served to new connections, while those that are open go on', async () => {
  const files = [memoryFiles(), memoryFiles()]
  const pairs = await Promise.all(files.map(disk => loadServing(disk, 'tls', ['localhost'], ceremony)))
  let now = pairs[0]!
  const renewed = await serve(async () => admitted, { loadTls: async () => now })
  const [oldCa, newCa] = files.map(({ disk }) => new TextDecoder().decode(disk.get('tls/ca.crt')))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  assert.equal((await post(renewed.url, '/validate', body(), { ca: oldCa!, agent })).status, 200)
  now = pairs[1]!
  await renewed.wake(60_000)
  for (let tries = 0; !renewed.lines.some(line => line.includes('tls-certificate-renewed')); tries++) {
    assert.ok(tries < 1000)
    await new Promise<void>(resolve => setImmediate(resolve))
  }
  assert.equal((await post(renewed.url, '/validate', body(), { ca: newCa! })).status, 200)
  assert.equal((await post(renewed.url, '/validate', body(), { ca: oldCa!, agent })).status, 200)
  await assert.rejects(post(renewed.url, '/validate', body(), { ca: oldCa! }), /certificate/)
  agent.destroy()
  await renewed.close()
})
