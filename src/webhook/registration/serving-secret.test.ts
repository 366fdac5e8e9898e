import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import type { JsonObject } from '../../codec/json.ts'
import { createMemoryConnection } from '../../testing/admission/memory-connection.ts'
import { loadServingSecret } from './serving-secret.ts'

const path = '/api/v1/namespaces/system/secrets/tls'
const empty: JsonObject = { metadata: { name: 'tls' } }
const never = new AbortController().signal
const dayMs = 86_400_000
const at = (days: number) => ({
  now: () => new Date(Date.parse('2026-01-02T03:04:05Z') + days * dayMs),
  randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
})
const load = (connection: ReturnType<typeof createMemoryConnection>, days = 0) =>
  loadServingSecret(connection, { namespace: 'system', name: 'tls' }, ['webhook.test'], at(days), never)
const certificatesIn = (pem: string) => pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []

test('a certificate is made once, in one write, for all replicas', async () => {
  const connection = createMemoryConnection()
  connection.put(path, empty)
  const first = await load(connection)
  assert.deepEqual(await load(connection), first)
  assert.deepEqual(connection.writes, [path])
  const [leaf, authority] = [new X509Certificate(first.pair.cert), new X509Certificate(first.authorities)]
  assert.ok(leaf.checkIssued(authority) && leaf.verify(authority.publicKey))
  assert.doesNotMatch(first.authorities, /PRIVATE/)
})

test('of two replicas that make certificates at once one is refused, and has those of the other then', async () => {
  const connection = createMemoryConnection()
  connection.put(path, empty)
  const quicker = createMemoryConnection()
  quicker.put(path, empty)
  const theirs = await load(quicker)
  connection.before = () => connection.put(path, quicker.objects.get(path) ?? empty)
  await assert.rejects(load(connection), { message: /409/ })
  connection.before = () => {}
  assert.deepEqual(await load(connection), theirs)
  assert.deepEqual(connection.writes, [])
})

test('the next authority is trusted beside the former one before it certifies anything', async () => {
  const connection = createMemoryConnection()
  connection.put(path, empty)
  const [former] = certificatesIn((await load(connection)).authorities)
  const lastYear = 3653 - 364
  const overlap = await load(connection, lastYear)
  const [kept, next, ...others] = certificatesIn(overlap.authorities)
  assert.deepEqual([kept, others], [former, []])
  assert.ok(new X509Certificate(overlap.pair.cert).checkIssued(new X509Certificate(kept ?? '')))
  const later = await load(connection, lastYear + 70)
  assert.deepEqual(certificatesIn(later.authorities), [former, next])
  assert.ok(new X509Certificate(later.pair.cert).verify(new X509Certificate(next ?? '').publicKey))
})

for (const { name, given, code, message } of [
  {
    name: 'no Secret',
    given: undefined,
    code: 'SERVICE_REFUSED',
    message: /Secret "tls" in namespace "system": want the one of the manifests, got none/,
  },
  {
    name: 'what is no base64',
    given: { ...empty, data: { 'serving.json': '*' } },
    code: 'CONFIGURATION_MALFORMED',
    message: /data\["serving\.json"\]/,
  },
  {
    name: "somebody else's state",
    given: { ...empty, data: { 'serving.json': 'e30=' } },
    code: 'CONFIGURATION_MALFORMED',
    message: /authorities/,
  },
  { name: 'data that is none', given: { ...empty, data: 'x' }, code: 'CONFIGURATION_MALFORMED', message: /data: want/ },
  {
    name: 'more than there can be',
    given: { ...empty, data: { 'serving.json': Buffer.alloc((256 << 10) + 1).toString('base64') } },
    code: 'LIMIT_EXCEEDED',
    message: /want at most 262144 bytes/,
  },
] as const)
  test(`nothing is served: ${name}`, async () => {
    const connection = createMemoryConnection()
    if (given) connection.put(path, given)
    await assert.rejects(load(connection), { code, message })
    assert.deepEqual(connection.writes, [])
  })
