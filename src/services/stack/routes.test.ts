import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeServices, type StackHandlers } from './routes.ts'

const service = (name: string) => async () => new Response(name)
const handlers: StackHandlers = {
  fulcio: service('fulcio'),
  rekorV1: service('rekorV1'),
  rekorV2: service('rekorV2'),
  timestamps: service('timestamps'),
  ct: service('ct'),
  tuf: service('tuf'),
  unready: () => [],
}

async function ask(path: string, more: Partial<StackHandlers> = {}): Promise<readonly [status: number, body: string]> {
  const response = await routeServices({ ...handlers, ...more })(new Request(`http://127.0.0.1:7070${path}`))
  return [response.status, await response.text()]
}

test('routeServices: /readyz is 503 and says why while a service cannot do its work, and /healthz stays 200', async () => {
  const unready = () => ['TUF repository: timestamp expired at 2026-05-11T03:02:01.000Z']
  assert.deepEqual(await ask('/readyz', { unready }), [503, JSON.stringify({ ready: false, problems: unready() })])
  assert.equal((await ask('/healthz', { unready }))[0], 200)
  assert.deepEqual(await ask('/readyz'), [200, '{"ready":true,"problems":[]}'])
})

for (const { path, answer } of [
  { path: '/api/v1/signingCertificate', answer: [404, '{"code":404,"message":"not found"}'] },
  { path: '/api/v1/signingCert', answer: [200, 'fulcio'] },
  { path: '/checkpoints', answer: [404, '{"code":404,"message":"not found"}'] },
  { path: '/checkpoint', answer: [200, 'rekorV2'] },
  { path: '/v2/', answer: [404, '{"code":404,"message":"not found"}'] }, // there is a registry only where it is asked for
  { path: '/.well-known/openid-configuration', answer: [404, '{"code":404,"message":"not found"}'] }, // likewise an issuer
] as const)
  test(`routeServices: ${path} is answered ${answer[0]}`, async () => assert.deepEqual(await ask(path), answer))
