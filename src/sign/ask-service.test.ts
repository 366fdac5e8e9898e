import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fetch } from '../codec/world.ts'
import { askService, type ServiceAccess, type ServiceRequest } from './ask-service.ts'

const request: ServiceRequest = {
  method: 'POST',
  path: 'api/v1/thing',
  headers: {},
  body: Uint8Array.of(1),
  accepts: [200],
  limitBytes: 100,
  secret: 'eyJtoken',
}

type Answer = () => Response

/** A service that gives one answer after the other, the last one for ever; and what was asked of it. */
function serviceOf(...answers: readonly Answer[]) {
  const asked: string[] = []
  const pauses: number[] = []
  const fetch: Fetch = async (input, init) => {
    init?.signal?.throwIfAborted()
    asked.push(`${init?.method} ${input}`)
    return answers[Math.min(asked.length, answers.length) - 1]!()
  }
  const access: ServiceAccess = {
    world: { fetch, sleep: async ms => void pauses.push(ms), randomBytes: length => new Uint8Array(length) },
    url: new URL('https://service.test/base'),
    signal: new AbortController().signal,
  }
  return { access, asked, pauses }
}

const ok: Answer = () => new Response('fine')
const status =
  (code: number, body = '', headers: Record<string, string> = {}): Answer =>
  () =>
    new Response(body, { status: code, headers })
const broken: Answer = () => {
  throw Object.assign(new Error('https://service.test/?secret'), { code: 'ECONNRESET' })
}
const otherCertificate: Answer = () => {
  throw Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' })
}

for (const { name, answers, pauses = [], code, message } of [
  { name: 'an answer', answers: [ok] },
  { name: 'outages that pass', answers: [status(500), status(503), broken, ok], pauses: [1000, 2000, 4000] },
  { name: 'as long as it asks for', answers: [status(429, '', { 'retry-after': '7' }), ok], pauses: [7000] },
  { name: 'no longer than half a minute', answers: [status(429, '', { 'retry-after': '3600' }), ok], pauses: [30_000] },
  {
    name: 'an outage that does not pass',
    answers: [status(502, '<html>')],
    pauses: [1000, 2000, 4000],
    code: 'SERVICE_UNAVAILABLE',
    message: /^POST https:\/\/service\.test\/base\/api\/v1\/thing: want status 200, got 502$/,
  },
  {
    name: 'a connection that breaks',
    answers: [broken],
    pauses: [1000, 2000, 4000],
    code: 'SERVICE_UNAVAILABLE',
    message: /^POST https:\/\/service\.test\/base\/api\/v1\/thing: the connection was closed before an answer$/,
  },
  {
    name: 'a certificate that is not accepted, asked once',
    answers: [otherCertificate],
    code: 'SERVICE_UNAVAILABLE',
    message: /its certificate has expired$/,
  },
  {
    name: 'a refusal in its own words, asked once',
    answers: [status(400, '{"code":3,"message":"no\\nthanks"}')],
    code: 'SERVICE_REFUSED',
    message: /got 400: "no\\u\{000a\}thanks"$/,
  },
  { name: 'a refusal in plain text', answers: [status(405, 'frozen')], code: 'SERVICE_REFUSED', message: /got 405: "frozen"$/ },
  { name: 'a refusal that repeats the token', answers: [status(400, 'bad eyJtoken')], code: 'SERVICE_REFUSED', message: /got 400$/ },
  {
    name: 'a redirect, which is not followed',
    answers: [status(302, '', { location: 'https://elsewhere.test' })],
    code: 'SERVICE_REFUSED',
    message: /got 302$/,
  },
  { name: 'another success', answers: [status(201)], code: 'SERVICE_REFUSED', message: /want status 200, got 201$/ },
  { name: 'too much', answers: [status(200, 'x'.repeat(101))], code: 'LIMIT_EXCEEDED', message: /want at most 100 bytes, got more/ },
] as const)
  test(`askService: ${name}`, async () => {
    const service = serviceOf(...answers)
    const answer = askService(service.access, request)
    if (code) await assert.rejects(answer, { name: 'CountersignError', code, message })
    else assert.equal(new TextDecoder().decode((await answer).bytes), 'fine')
    assert.deepEqual(service.pauses, [...pauses])
    assert.equal(new Set(service.asked).size, 1)
  })

test('askService: pauses differ between those who were refused together', async () => {
  const { access, pauses } = serviceOf(status(500), ok)
  await askService({ ...access, world: { ...access.world, randomBytes: () => Uint8Array.of(255) } }, request)
  assert.deepEqual(pauses, [1500])
})

test('askService: the time for all attempts ends the pauses too, and the last outage is told', async () => {
  const { access } = serviceOf(status(503, 'busy'))
  const sleep: ServiceAccess['world']['sleep'] = (_, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const impatient: ServiceAccess = { ...access, world: { ...access.world, sleep }, limits: { totalMs: 5 } }
  await assert.rejects(askService(impatient, request), { code: 'SERVICE_UNAVAILABLE', message: /got 503: "busy"$/ })
})

test('askService: an answer that does not come ends in time, and is asked for again', async () => {
  let asked = 0
  const fetch: Fetch = (_, init) => {
    asked++
    return new Promise((_, reject) => init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason)))
  }
  const { access } = serviceOf(ok)
  const slow: ServiceAccess = { ...access, world: { ...access.world, fetch }, limits: { attemptMs: 5, attempts: 2 } }
  await assert.rejects(askService(slow, request), { code: 'SERVICE_UNAVAILABLE', message: /no answer within 5 ms$/ })
  assert.equal(asked, 2)
})

test("askService: the caller's own reason passes through unchanged", async () => {
  const reason = new Error('enough')
  const { access } = serviceOf(ok)
  await assert.rejects(askService({ ...access, signal: AbortSignal.abort(reason) }, request), error => error === reason)
})

test('askService: the address itself, with its query, which is never shown', async () => {
  const { access, asked } = serviceOf(status(404))
  const url = new URL('https://service.test/stamp?key=secret')
  await assert.rejects(askService({ ...access, url }, { ...request, path: '' }), { message: /^POST https:\/\/service\.test\/stamp: / })
  assert.deepEqual(asked, ['POST https://service.test/stamp?key=secret'])
})
