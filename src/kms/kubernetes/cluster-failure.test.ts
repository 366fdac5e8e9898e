import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endless } from '../../testing/hostile-bodies.ts'
import { clusterToken, kubeconfigOf, status } from '../../testing/kms/cluster-secrets.ts'
import { filesOf, providerEffects } from '../../testing/kms/provider-effects.ts'
import { createClusterApi } from './cluster-api.ts'

const path = '/api/v1/namespaces/signing/secrets/release'
const closed = () => Promise.reject(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))

/** A cluster that answers so, the last one for ever, and how often it was asked. */
function cluster(answers: readonly (() => Response | Promise<Response>)[]) {
  const asked: string[] = []
  const api = createClusterApi(
    'Secret "release"',
    providerEffects(
      async (_, init) => {
        asked.push(init?.method ?? '')
        return await answers[Math.min(asked.length, answers.length) - 1]!()
      },
      { ...filesOf({ '/home/ann/.kube/config': kubeconfigOf(clusterToken) }), environment: new Map([['HOME', '/home/ann']]) },
    ),
    ['passphrase'],
  )
  return { api, asked }
}

const calls = {
  get: (api: ReturnType<typeof createClusterApi>) => api.get(path),
  create: (api: ReturnType<typeof createClusterApi>) => api.create(path, {}),
  patch: (api: ReturnType<typeof createClusterApi>) => api.merge(path, {}),
}

for (const { name, verb, answers, code, message, requests } of [
  {
    name: 'a redirect',
    verb: 'get',
    answers: [() => new Response(null, { status: 302 })],
    code: 'CREDENTIALS_WITHHELD',
    message: /leads elsewhere/,
  },
  {
    name: 'a page of a proxy',
    verb: 'get',
    answers: [() => new Response('<html>', { status: 404 })],
    code: 'KMS_RESPONSE_MALFORMED',
    message: /want an answer of an API server, got status 404$/,
  },
  {
    name: 'a success that is no JSON',
    verb: 'get',
    answers: [() => new Response('s3cret')],
    code: 'KMS_RESPONSE_MALFORMED',
    message: /^Secret "release": want a JSON object, got something else$/,
  },
  {
    name: 'a body without end',
    verb: 'get',
    answers: [() => new Response(endless(new Uint8Array(65_536)))],
    code: 'LIMIT_EXCEEDED',
    message: /want at most/,
  },
  {
    name: 'another status',
    verb: 'get',
    answers: [() => status(418, 'teapot')],
    code: 'KMS_RESPONSE_MALFORMED',
    message: /got status 418, "teapot"$/,
  },
  {
    name: 'the token in its words',
    verb: 'get',
    answers: [() => status(403, `token ${clusterToken}`)],
    code: 'KMS_DENIED',
    message: /may not get it, got status 403$/,
  },
  {
    name: 'the passphrase in its words',
    verb: 'create',
    answers: [() => status(422, 'bad: passphrase')],
    code: 'KMS_DENIED',
    message: /does not take it, got status 422$/,
  },
  {
    name: 'throttling for ever',
    verb: 'get',
    answers: [() => status(429, 'slow')],
    code: 'KMS_UNAVAILABLE',
    message: /throttled/,
  },
  {
    name: 'an error for ever',
    verb: 'get',
    answers: [() => status(500, 'etcd')],
    code: 'KMS_UNAVAILABLE',
    message: /got status 500, "etcd", 4 times$/,
    requests: 4,
  },
  { name: 'a connection that breaks for ever', verb: 'get', answers: [closed], code: 'KMS_UNAVAILABLE', message: /4 times$/, requests: 4 },
  {
    name: 'an error',
    verb: 'create',
    answers: [() => status(500, 'etcd')],
    code: 'KMS_UNAVAILABLE',
    message: /whether it was written is not known, got status 500/,
  },
  {
    name: 'a connection that breaks',
    verb: 'create',
    answers: [closed],
    code: 'KMS_UNAVAILABLE',
    message: /whether it was written is not known$/,
  },
  {
    name: 'a connection that breaks',
    verb: 'patch',
    answers: [closed],
    code: 'KMS_UNAVAILABLE',
    message: /whether it was written is not known$/,
  },
  {
    name: 'an object that went away',
    verb: 'patch',
    answers: [() => status(404, 'gone', 'secrets')],
    code: 'KEY_NOT_FOUND',
    message: /it is gone/,
  },
] as readonly {
  name: string
  verb: keyof typeof calls
  answers: (() => Response | Promise<Response>)[]
  code: string
  message: RegExp
  requests?: number
}[])
  test(`a cluster answers ${name} to ${verb}`, async () => {
    const { api, asked } = cluster(answers)
    await assert.rejects(calls[verb](api), { name: 'CountersignError', code, message })
    if (requests !== undefined) assert.equal(asked.length, requests)
  })

test('what is throttled or breaks is asked again; a write is, where the server has not looked at it', async () => {
  const read = cluster([() => status(429, 'slow'), closed, () => status(503, 'starting'), () => Response.json({ kind: 'Secret' })])
  assert.deepEqual(await read.api.get(path), { kind: 'Secret' })
  const written = cluster([() => status(429, 'slow'), () => Response.json({ kind: 'Secret' }, { status: 201 })])
  assert.deepEqual(await written.api.create(path, {}), { kind: 'Secret' })
  assert.deepEqual(written.asked, ['POST', 'POST'])
})

test('nothing is there only where the API server itself says so', async () => {
  assert.equal(await cluster([() => status(404, 'not found', 'secrets')]).api.get(path), undefined)
})
