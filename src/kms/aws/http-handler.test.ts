import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fetch } from '../../codec/world.ts'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { type AwsHttpRequest, createAwsHttpHandler } from './http-handler.ts'

const what = 'AWS KMS key "k"'
const request: AwsHttpRequest = {
  method: 'POST',
  protocol: 'https:',
  hostname: 'kms.us-east-2.amazonaws.com',
  path: '/',
  headers: { host: 'kms.us-east-2.amazonaws.com', 'content-length': '2', 'x-amz-target': 'TrentService.Sign' },
  body: '{}',
}
type Asked = { readonly url: string; readonly init: RequestInit | undefined }

function fetchThat(answer: () => Response): { readonly fetch: Fetch; readonly asked: Asked[] } {
  const asked: Asked[] = []
  return {
    asked,
    fetch: async (input, init) => {
      asked.push({ url: String(input), init })
      return answer()
    },
  }
}

test('a request of the SDK goes over our own network, and its answer comes back', async () => {
  const { fetch, asked } = fetchThat(() => new Response('{"a":1}', { status: 400, headers: { 'Retry-After': '1' } }))
  const signal = new AbortController().signal
  const { response } = await createAwsHttpHandler(providerEffects(fetch), what).handle(request, { abortSignal: signal })
  assert.equal(response.statusCode, 400)
  assert.equal(response.headers['retry-after'], '1')
  assert.equal(new TextDecoder().decode(response.body), '{"a":1}')
  assert.equal(asked[0]?.url, 'https://kms.us-east-2.amazonaws.com/')
  assert.deepEqual(asked[0]?.init, {
    method: 'POST',
    headers: { 'x-amz-target': 'TrentService.Sign' },
    redirect: 'manual',
    signal,
    body: '{}',
  })
})

test('queries are written as AWS signs them', async () => {
  const { fetch, asked } = fetchThat(() => new Response(''))
  const query = { role_name: 'a b/(c)*', account_id: '1', list: ['x', 'y'], flag: null }
  await createAwsHttpHandler(providerEffects(fetch), what).handle({ ...request, method: 'GET', path: '/federation', query, port: 8443 })
  assert.equal(
    asked[0]?.url,
    'https://kms.us-east-2.amazonaws.com:8443/federation?account_id=1&flag&list=x&list=y&role_name=a%20b%2F%28c%29%2A',
  )
})

test('an answer of more than 64 KiB is refused', async () => {
  const { fetch } = fetchThat(() => new Response(new Uint8Array(65_537)))
  await assert.rejects(createAwsHttpHandler(providerEffects(fetch), what).handle(request), {
    code: 'KMS_RESPONSE_MALFORMED',
    message: /AWS KMS key "k": answer: want at most 65536 bytes/,
  })
})

const unchecked = new Map([['AWS_TLS_INSECURE_SKIP_VERIFY', '1']])
for (const { name, asks, environment = new Map(), refused } of [
  { name: 'http on this machine', asks: { protocol: 'http:', hostname: '127.0.0.1', port: 4566 } },
  {
    name: 'http elsewhere',
    asks: { protocol: 'http:', hostname: 'kms.test' },
    refused: /want https, or http on this machine, got http:\/\/kms\.test/,
  },
  {
    name: 'http on a host that only begins like this machine',
    asks: { protocol: 'http:', hostname: 'localhost.evil.test' },
    refused: /want https/,
  },
  {
    name: 'certificates unchecked elsewhere',
    asks: {},
    environment: unchecked,
    refused: /AWS_TLS_INSECURE_SKIP_VERIFY=1: want an emulator on this machine, got kms\.us-east-2/,
  },
  { name: 'another value of the variable', asks: {}, environment: new Map([['AWS_TLS_INSECURE_SKIP_VERIFY', '0']]) },
])
  test(`endpoint: ${name}`, async () => {
    const { fetch, asked } = fetchThat(() => new Response('{}'))
    const handled = createAwsHttpHandler(providerEffects(fetch, { environment, connect: () => fetch }), what).handle({
      ...request,
      ...asks,
    })
    if (refused) await assert.rejects(handled, { code: 'USAGE', message: refused })
    else await handled
    assert.equal(asked.length, refused ? 0 : 1)
  })

test('an emulator on this machine need show no certificate that anybody trusts, when asked so', async () => {
  const [checked, other] = [fetchThat(() => new Response('{}')), fetchThat(() => new Response('{}'))]
  const options: unknown[] = []
  const connect = (given: unknown) => {
    options.push(given)
    return other.fetch
  }
  const handler = createAwsHttpHandler(providerEffects(checked.fetch, { environment: unchecked, connect }), what)
  await handler.handle({ ...request, hostname: 'localhost', port: 4566 })
  assert.deepEqual(options, [{ insecureSkipTlsVerify: true }])
  assert.deepEqual([checked.asked.length, other.asked.length], [0, 1])
})
