import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import type { JsonObject } from '../codec/json.ts'
import type { EventFacts } from '../services/service.ts'
import { reviewOf, workloadOf, workloads } from '../testing/admission/reviews.ts'
import { type AdmissionOptions, createAdmissionServer } from './admission-server.ts'
import type { Decide, Decision } from './decide.ts'

const [pod] = workloads
const image = 'r.test/app:v1'
const to = `${image}@sha256:${'a'.repeat(64)}`
const review = (request: JsonObject = {}) => JSON.stringify(reviewOf(pod!, workloadOf(pod!, [image]), request))
const decision = (made: Partial<Decision> = {}): Decision => ({
  verdict: 'admitted',
  message: 'signed by the team',
  reason: '',
  warnings: [],
  pins: [{ pointer: '/spec/containers/0/image', from: image, to }],
  auditAnnotations: new Map([['digest.0', `sha256:${'a'.repeat(64)}`]]),
  explanationId: 'e-1',
  ...made,
})

type Ask = {
  readonly path?: string
  readonly method?: string
  readonly type?: string
  readonly body?: string | ReadableStream
  readonly headers?: Readonly<Record<string, string>>
}

type Answer = {
  readonly allowed: boolean
  readonly status: { readonly code: number; readonly reason: string; readonly message: string }
  readonly patch?: string
  readonly auditAnnotations: Readonly<Record<string, string>>
}

/** A server whose time passes only where it is let pass, with what it logged and counted. */
function serve(decide: Decide, options: Partial<AdmissionOptions> = {}) {
  const [logged, counted, sleeps] = [[] as EventFacts[], [] as string[], [] as (readonly [ms: number, pass: () => void])[]]
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      sleeps.push([ms, resolve])
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  const events = {
    count: (metric: string, labels = {}) => void counted.push(`${metric} ${Object.values(labels).join(' ')}`),
    observe: () => {},
    log: (level: string, message: string, facts: EventFacts = {}) => void logged.push({ level, msg: message, ...facts }),
    audit: () => {},
  }
  const called = Promise.withResolvers<void>()
  const { handler, retire } = createAdmissionServer(
    {
      decide: (asked, signal) => {
        called.resolve()
        return decide(asked, signal)
      },
      rules: { exemptNamespaces: new Set(['cosign-system']), imagesChanged: () => true },
      mutation: 'all',
      problems: () => [],
      ...options,
    },
    { events, metrics: async () => new Response('metrics') },
    { now: () => new Date('2026-01-02T03:04:05Z'), sleep },
  )
  const ask = ({ path = '/mutations', method = 'POST', type = 'application/json', body = review(), headers = {} }: Ask = {}) => {
    const init = method === 'GET' ? { method } : { method, body, duplex: 'half' as const, headers: { 'content-type': type, ...headers } }
    return handler(new Request(`https://webhook.test${path}`, init))
  }
  const answer = async (asked?: Ask) => {
    const response = await ask(asked)
    assert.equal(response.status, 200)
    return ((await response.json()) as { response: Answer }).response
  }
  /** Lets the time pass that is waited for now. */
  const pass = async (): Promise<number> => {
    while (sleeps.length === 0) await new Promise<void>(resolve => setImmediate(resolve))
    const [ms, wake] = sleeps.shift()!
    wake()
    return ms
  }
  return { ask, answer, pass, called: called.promise, logged, counted, retire, sleeps }
}

for (const { path, isPatched } of [
  { path: '/mutations', isPatched: true },
  { path: '/mutate?timeout=5s', isPatched: true },
  { path: '/validations', isPatched: false },
  { path: '/validate?timeout=5s', isPatched: false },
])
  test(`${path} answers what was decided`, async () => {
    const { answer, logged, counted, sleeps } = serve(async ({ endpoint, dryRun }) =>
      decision({ message: `${endpoint} ${dryRun}`, ...(endpoint === 'validate' && { pins: [] }) }),
    )
    const response = await answer({ path })
    assert.deepEqual([response.allowed, 'patch' in response], [true, isPatched])
    assert.equal(response.auditAnnotations['digest.0'], `sha256:${'a'.repeat(64)}`)
    const endpoint = isPatched ? 'mutate' : 'validate'
    assert.deepEqual(logged, [
      {
        ...{ level: 'info', msg: 'review', uid: '705ab4f5-6393-11e8-b7cc-42010a800002', endpoint, operation: 'CREATE', kind: 'Pod' },
        ...{ group: '', subResource: '', namespace: 'team', name: 'app', dryRun: false, user: 'alice', verdict: 'admitted', reason: '' },
        ...{ message: `${endpoint} false`, explanationId: 'e-1', warnings: 0, ms: 0 },
      },
    ])
    assert.deepEqual(counted, [`countersign_admission_reviews_total ${endpoint} CREATE admitted`])
    assert.equal(sleeps[0]?.[0], path.includes('?') ? 4500 : 9000)
  })

test('a dry run is decided as any other and told to whoever decides', async () => {
  const { answer } = serve(async ({ dryRun }) => decision({ verdict: 'refused', reason: 'NO_SIGNATURE', message: `dry run: ${dryRun}` }))
  const response = await answer({ body: review({ dryRun: true }) })
  assert.deepEqual([response.allowed, response.status.code], [false, 403])
  assert.match(response.status.message, /^dry run: true\n\[countersign: NO_SIGNATURE explain=e-1\]$/)
})

test('a mutating webhook that is invoked again changes nothing', async () => {
  const { answer } = serve(async ({ object }) => {
    const { containers } = object!['spec'] as unknown as { containers: { image: string }[] }
    return decision({ pins: [{ pointer: '/spec/containers/0/image', from: containers[0]!.image, to }] })
  })
  assert.ok('patch' in (await answer()))
  const again = await answer({ body: JSON.stringify(reviewOf(pod!, workloadOf(pod!, [to]))) })
  assert.deepEqual([again.allowed, 'patch' in again], [true, false])
})

test('what needs no judging is not handed to whoever decides', async () => {
  const { answer, logged } = serve(() => assert.fail('it was'))
  for (const request of [{ operation: 'DELETE', object: null }, { namespace: 'cosign-system' }]) {
    const { allowed } = await answer({ body: review(request) })
    assert.equal(allowed, true)
  }
  assert.deepEqual(
    logged.map(({ message }) => message),
    ['delete runs no image', 'the namespace is exempt'],
  )
})

for (const { name, thrown, code, message } of [
  { name: 'a denial', thrown: new CountersignError('IDENTITY_MISMATCH', 'somebody else'), code: 403, message: /^somebody else\n/ },
  { name: 'an untrusted one', thrown: new CountersignError('SIGNATURE_INVALID', 'forged'), code: 403, message: /^forged\n/ },
  { name: 'a malformed one', thrown: new CountersignError('REFERENCE_MALFORMED', 'no image'), code: 403, message: /^no image\n/ },
  { name: "a policy's mistake", thrown: new CountersignError('POLICY_MALFORMED', 'no policy'), code: 403, message: /^no policy\n/ },
  { name: 'an outage', thrown: new CountersignError('REGISTRY_UNAVAILABLE', 'down'), code: 503, message: /^down\n/ },
  {
    name: 'a timeout of its own',
    thrown: new CountersignError('TIMED_OUT', 'late'),
    code: 503,
    message: /^late\n\[countersign: TIMEOUT\]$/,
  },
  { name: 'a defect', thrown: new TypeError('secret detail'), code: 503, message: /^internal error\n\[countersign: INTERNAL\]$/ },
])
  test(`what is thrown refuses by its kind: ${name}`, async () => {
    const { answer, logged } = serve(async () => {
      throw thrown
    })
    const { allowed, status } = await answer()
    assert.deepEqual([allowed, status.code], [false, code])
    assert.match(status.message, message)
    assert.equal(logged.filter(({ level }) => level === 'error').length, thrown instanceof TypeError ? 1 : 0)
  })

test('a patch of what was not judged is refused', async () => {
  const { answer, logged } = serve(async () => decision({ pins: [{ pointer: '/spec/containers/0/image', from: 'r.test/other', to }] }))
  const { allowed, status, patch } = await answer()
  assert.deepEqual([allowed, status.code, patch], [false, 403, undefined])
  assert.match(status.message, /want "r.test\/other", which was judged/)
  assert.deepEqual(
    logged.map(({ level, verdict }) => [level, verdict]),
    [
      ['error', undefined],
      ['warn', 'refused'],
    ],
  )
})

// The deadline: each of these has been given 1 s, of which 750 ms are for the verdict.
for (const { name, decide, message } of [
  {
    name: 'who never answers',
    decide: () => new Promise<never>(() => {}),
    message: /^review: no verdict within 750 ms\n\[countersign: TIMEOUT\]$/,
  },
  {
    name: 'who says what was pending',
    decide: (_: unknown, signal: AbortSignal) =>
      new Promise<Decision>(resolve =>
        signal.addEventListener('abort', () => resolve(decision({ verdict: 'unknown', message: 'pending: manifest', reason: 'TIMEOUT' }))),
      ),
    message: /^pending: manifest\n\[countersign: TIMEOUT explain=e-1\]$/,
  },
  {
    name: 'who throws what was pending',
    decide: (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new CountersignError('TIMED_OUT', 'pending: log')))),
    message: /^pending: log\n\[countersign: TIMEOUT\]$/,
  },
  {
    name: 'who throws something',
    decide: (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('context was canceled')))),
    message: /^review: no verdict within 750 ms\n\[countersign: TIMEOUT\]$/,
  },
  {
    name: 'who admits after the deadline',
    decide: (_: unknown, signal: AbortSignal) =>
      new Promise<Decision>(resolve => signal.addEventListener('abort', () => resolve(decision()))),
    message: /^review: no verdict within 750 ms\n\[countersign: TIMEOUT\]$/,
  },
] as const)
  test(`the deadline passes for one ${name}`, async () => {
    const { answer, pass, called } = serve(decide)
    const answered = answer({ path: '/validate?timeout=1s' })
    await called
    assert.equal(await pass(), 750)
    if (name === 'who never answers') assert.equal(await pass(), 100)
    const { allowed, status } = await answered
    assert.deepEqual([allowed, status.code, status.reason], [false, 503, 'ServiceUnavailable'])
    assert.match(status.message, message)
  })

test('a body that does not come is answered in time', async () => {
  const { ask, pass } = serve(() => assert.fail('nothing to decide'))
  const answered = ask({ path: '/validate?timeout=2s', body: new ReadableStream({ pull: () => new Promise(() => {}) }) })
  assert.deepEqual([await pass(), await pass(), await pass()], [1750, 100, 50])
  const response = await answered
  assert.deepEqual([response.status, await response.json()], [503, { code: 503, message: 'review: not read within 1750 ms' }])
})

for (const { name, asked, status, message } of [
  { name: 'not JSON', asked: { body: '{' }, status: 400, message: /admission review: not JSON/ },
  { name: 'no review', asked: { body: '{}' }, status: 400, message: /apiVersion: want "admission.k8s.io\/v1", got nothing/ },
  { name: 'another version', asked: { body: review().replace('io/v1', 'io/v1beta1') }, status: 400, message: /v1beta1/ },
  { name: 'too long', asked: { body: ' '.repeat((8 << 20) + 1) }, status: 413, message: /at most 8388608 bytes/ },
  { name: 'a method', asked: { method: 'GET' }, status: 405, message: /want POST/ },
  { name: 'a type', asked: { type: 'text/plain' }, status: 415, message: /want application\/json/ },
  { name: 'compressed', asked: { headers: { 'content-encoding': 'gzip' } }, status: 415, message: /content-encoding: want none/ },
  { name: 'a timeout', asked: { path: '/validate?timeout=1h' }, status: 400, message: /timeout: want 1s to 30s/ },
])
  test(`what is no review is not answered by one: ${name}`, async () => {
    const { ask, counted } = serve(() => assert.fail('nothing to decide'))
    const response = await ask(asked)
    const { code, message: said } = (await response.json()) as { code: number; message: string }
    assert.deepEqual([response.status, code], [status, status])
    assert.match(said, message)
    assert.match(counted[0]!, /^countersign_admission_unread_total (mutate|validate) 4/)
  })

test('only so many reviews are under way at once, and only so many bytes', async () => {
  const deciding = Promise.withResolvers<Decision>()
  const { ask } = serve(() => deciding.promise, { inFlight: 2, bytesInFlight: 100_000 })
  const first = ask({ body: review().padEnd(80_000) })
  const large = await ask({ body: review().padEnd(80_000) })
  assert.deepEqual([large.status, large.headers.get('retry-after')], [503, '1'])
  const second = ask()
  const third = await ask()
  assert.deepEqual([third.status, await third.json()], [503, { code: 503, message: 'too many reviews are under way' }])
  deciding.resolve(decision())
  assert.deepEqual([(await first).status, (await second).status, (await ask()).status], [200, 200, 200])
})

test('a body that does not come takes the place of no other once its time is over', async () => {
  const { ask, pass } = serve(async () => decision(), { inFlight: 1 })
  let end = (): void => {}
  const body = new ReadableStream({
    start: controller => {
      end = () => controller.close()
    },
  })
  const slow = ask({ body })
  assert.equal((await ask()).status, 503)
  for (let passed = 0; passed < 4; passed++) await pass() // three of the slow one, one of who was sent away
  assert.equal((await slow).status, 503)
  assert.equal((await ask()).status, 200)
  end()
})

test('it is ready while nothing is amiss and it is not about to end; reviews are answered all the same', async () => {
  const problems: string[] = ['policies: not loaded']
  const { ask, answer, retire } = serve(async () => decision(), { problems: () => problems })
  const stateOf = async (path: string) => {
    const response = await ask({ path, method: 'GET' })
    return [response.status, ((await response.json()) as { problems: string[] }).problems] as const
  }
  assert.deepEqual(await stateOf('/readyz'), [503, ['policies: not loaded']])
  problems.pop()
  assert.deepEqual(await stateOf('/readyz'), [200, []])
  retire()
  assert.deepEqual(
    [await stateOf('/readyz'), await stateOf('/healthz')],
    [
      [503, ['it is about to end']],
      [200, []],
    ],
  )
  assert.equal((await answer()).allowed, true)
})

test('other paths and methods are none', async () => {
  const { ask } = serve(async () => decision())
  assert.equal((await ask({ path: '/' })).status, 404)
  assert.equal((await ask({ path: '/readyz' })).status, 405)
  assert.equal(await (await ask({ path: '/metrics', method: 'GET' })).text(), 'metrics')
})
