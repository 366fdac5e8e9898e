import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../codec/json.ts'
import { noEvents } from '../../services/service.ts'
import { createMemoryConnection } from '../../testing/admission/memory-connection.ts'
import { registerServing } from './registered-serving.ts'

const secretPath = '/api/v1/namespaces/system/secrets/tls'
const configurationPath = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/guard'
const registered: JsonObject = { webhooks: [{ name: 'x', clientConfig: { service: { name: 'webhook', namespace: 'system' } } }] }

function rig() {
  const connection = createMemoryConnection()
  connection.put(secretPath, { metadata: { name: 'tls' } })
  const [ends, said, pauses] = [new AbortController(), [] as string[], [] as number[]]
  let onPause = (_ms: number): void => {}
  const world = {
    now: () => new Date('2026-01-02T03:04:05Z'),
    randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    sleep: async (ms: number) => {
      pauses.push(ms)
      onPause(ms)
    },
  }
  const events = {
    ...noEvents,
    log: (level: string, message: string, facts: Readonly<Record<string, unknown>> = {}) =>
      void said.push(`${level}: ${message}: ${String(facts['reason'])}`),
    audit: (action: string, facts: Readonly<Record<string, unknown>>) => void said.push(`${action}: ${String(facts['configurations'])}`),
  }
  const options = { connection, configuration: 'guard', dnsNames: ['webhook.system.svc'], events, signal: ends.signal }
  const serving = registerServing({ ...options, secret: { namespace: 'system', name: 'tls' } }, world)
  const whenPausing = (act: (ms: number) => void): void => {
    onPause = act
  }
  return { connection, serving, said, pauses, ends, whenPausing }
}
function bundleAt({ objects }: ReturnType<typeof createMemoryConnection>): string {
  const webhooks = objects.get(configurationPath)?.['webhooks'] as { clientConfig: { caBundle?: string } }[] | undefined
  return webhooks?.[0]?.clientConfig.caBundle ?? ''
}

test('the API server is told before the certificate is served, and then it is ready', async () => {
  const { connection, serving, said } = rig()
  connection.put(configurationPath, registered)
  assert.deepEqual(serving.problems(), ['registration: nobody has been told yet'])
  const { cert, key } = await serving.load()
  assert.match(cert, /BEGIN CERTIFICATE/)
  assert.match(key, /BEGIN PRIVATE KEY/)
  assert.match(Buffer.from(bundleAt(connection), 'base64').toString(), /^-----BEGIN CERTIFICATE-----/)
  assert.deepEqual(serving.problems(), [])
  assert.deepEqual(said, ['authorities-published: validatingwebhookconfigurations/guard'])
})

test('while it cannot be told it is not ready, says why once, and tries again', async () => {
  const { connection, serving, said, pauses, ends, whenPausing } = rig()
  await serving.load()
  assert.match(serving.problems().join(), /^registration: webhook configurations "guard": want a webhook that leads to/)
  whenPausing(() => {
    if (pauses.length === 2) connection.put(configurationPath, registered)
    if (pauses.length === 3) ends.abort()
  })
  await serving.follow()
  assert.deepEqual(pauses, [2000, 2000, 10_000])
  assert.deepEqual(serving.problems(), [])
  assert.deepEqual(
    said.map(line => line.split(':')[0]),
    ['error', 'authorities-published'],
  )
})

test('what others take away is told again', async () => {
  const { connection, serving, pauses, ends, whenPausing } = rig()
  connection.put(configurationPath, registered)
  await serving.load()
  const bundle = bundleAt(connection)
  whenPausing(() => {
    if (pauses.length === 1) connection.put(configurationPath, registered)
    if (pauses.length === 2) ends.abort()
  })
  await serving.follow()
  assert.equal(bundleAt(connection), bundle)
  assert.deepEqual(serving.problems(), [])
})

test('a replica that is late takes the certificates of the other', async () => {
  const [quicker, late] = [rig(), rig()]
  for (const { connection } of [quicker, late]) connection.put(configurationPath, registered)
  const theirs = await quicker.serving.load()
  late.connection.before = path => {
    if (path === secretPath) late.connection.put(path, quicker.connection.objects.get(path) ?? {})
    late.connection.before = () => {}
  }
  assert.deepEqual(await late.serving.load(), theirs)
  assert.deepEqual(late.pauses, [500])
})

test('without its Secret nothing is served', async () => {
  const { connection, serving, pauses } = rig()
  connection.remove(secretPath)
  await assert.rejects(serving.load(), { code: 'SERVICE_REFUSED', message: /want the one of the manifests, got none/ })
  assert.deepEqual(pauses, [500, 500, 500, 500])
})
