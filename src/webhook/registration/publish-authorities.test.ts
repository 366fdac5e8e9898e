import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../codec/json.ts'
import { createMemoryConnection } from '../../testing/admission/memory-connection.ts'
import { publishAuthorities } from './publish-authorities.ts'

const base = '/apis/admissionregistration.k8s.io/v1'
const [mutating, validating] = [`${base}/mutatingwebhookconfigurations/guard`, `${base}/validatingwebhookconfigurations/guard`]
const dnsName = 'webhook.system.svc'
const never = new AbortController().signal
const base64 = (text: string) => Buffer.from(text).toString('base64')

const ofService = (name = 'webhook', namespace = 'system', more: JsonObject = {}): JsonObject => ({
  name: 'images',
  failurePolicy: 'Fail',
  clientConfig: { service: { name, namespace, path: '/v', port: 443 }, ...more },
})
const ofUrl = (url: string): JsonObject => ({ name: 'images', clientConfig: { url } })
const configuration = (...webhooks: readonly JsonObject[]): JsonObject => ({ metadata: { name: 'guard', labels: { a: 'b' } }, webhooks })
function bundlesAt({ objects }: ReturnType<typeof createMemoryConnection>, path: string): readonly (string | undefined)[] {
  const webhooks = objects.get(path)?.['webhooks'] as { clientConfig: { caBundle?: string } }[] | undefined
  return (webhooks ?? []).map(({ clientConfig }) => clientConfig.caBundle)
}

test('whom to trust is written where another stands, and nowhere else', async () => {
  const connection = createMemoryConnection()
  connection.put(mutating, configuration(ofService()))
  connection.put(
    validating,
    configuration(ofService('webhook', 'elsewhere', { caBundle: 'kept' }), ofService('webhook', 'system', { caBundle: 'old' })),
  )
  const publish = (pem: string) => publishAuthorities(connection, 'guard', [dnsName], pem, never)
  const both = ['mutatingwebhookconfigurations/guard', 'validatingwebhookconfigurations/guard']
  assert.deepEqual(await publish('PEM'), { changed: both })
  assert.deepEqual(bundlesAt(connection, mutating), [base64('PEM')])
  assert.deepEqual(bundlesAt(connection, validating), ['kept', base64('PEM')])
  const { webhooks: [webhook] = [] } = connection.objects.get(mutating) as { webhooks?: JsonObject[] }
  assert.deepEqual(webhook, ofService('webhook', 'system', { caBundle: base64('PEM') }))
  assert.deepEqual(await publish('PEM'), { changed: [] })
  assert.deepEqual(connection.writes, [mutating, validating])
  assert.deepEqual(await publish('PEM and the next'), { changed: both })
})

test('a webhook may be at a URL, and one configuration is enough', async () => {
  const connection = createMemoryConnection()
  connection.put(validating, configuration(ofUrl('https://localhost:8443/validations'), ofUrl('https://other:8443/validations')))
  await publishAuthorities(connection, 'guard', [dnsName, 'localhost'], 'PEM', never)
  assert.deepEqual(bundlesAt(connection, validating), [base64('PEM'), undefined])
})

test('what another changed meanwhile is not written over', async () => {
  const connection = createMemoryConnection()
  connection.put(validating, configuration(ofService()))
  connection.before = path => connection.put(path, configuration(ofService('webhook', 'system', { caBundle: 'theirs' })))
  await assert.rejects(publishAuthorities(connection, 'guard', [dnsName], 'PEM', never), { message: /409/ })
  assert.deepEqual(bundlesAt(connection, validating), ['theirs'])
})

for (const { name, given, code, message } of [
  {
    name: 'no configuration',
    given: undefined,
    code: 'SERVICE_REFUSED',
    message: /want a webhook that leads to "webhook\.system\.svc", got none/,
  },
  { name: 'none that leads here', given: configuration(ofService('webhook', 'other')), code: 'SERVICE_REFUSED', message: /got none/ },
  { name: 'no webhooks', given: configuration(), code: 'SERVICE_REFUSED', message: /got none/ },
  {
    name: 'one that leads nowhere',
    given: configuration({ name: 'x', clientConfig: {} }),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /webhooks\[0\]\.clientConfig\.url: want/,
  },
  {
    name: 'one without a client',
    given: configuration({ name: 'x' }),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /webhooks\[0\]\.clientConfig: want/,
  },
] as const)
  test(`nothing is written: ${name}`, async () => {
    const connection = createMemoryConnection()
    if (given) connection.put(validating, given)
    await assert.rejects(publishAuthorities(connection, 'guard', [dnsName], 'PEM', never), { code, message })
    assert.deepEqual(connection.writes, [])
  })
