import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOperatedEvents } from './events.ts'

const now = () => new Date('2026-11-30T12:00:00Z')

async function scrape({ metrics }: ReturnType<typeof createOperatedEvents>): Promise<string> {
  return await (await metrics(new Request('http://127.0.0.1/metrics'))).text()
}

test('createOperatedEvents: a line of the log is a JSON object with level, time and message; an audit says so', () => {
  const lines: string[] = []
  const { events } = createOperatedEvents(line => lines.push(line), now)
  events.log('warn', 'the clock stepped back', { ms: 7 })
  events.audit('certificate issued', { serial: '0a' })
  assert.deepEqual(
    lines.map(line => JSON.parse(line)),
    [
      { level: 'warn', time: '2026-11-30T12:00:00.000Z', ms: 7, msg: 'the clock stepped back' },
      { level: 'info', time: '2026-11-30T12:00:00.000Z', audit: true, serial: '0a', msg: 'certificate issued' },
    ],
  )
})

test('createOperatedEvents: counters and histograms are served as Prometheus reads them', async () => {
  const operated = createOperatedEvents(() => {}, now)
  operated.events.count('rekor_new_entries', { kind: 'dsse' })
  operated.events.count('rekor_new_entries', { kind: 'dsse' })
  operated.events.observe('rekor_api_latency', 0.003, { path: '/api/v1/log/entries' })
  const text = await scrape(operated)
  assert.match(text, /^rekor_new_entries\{kind="dsse"\} 2$/m)
  assert.match(text, /^rekor_api_latency_bucket\{le="0.0025",path="\/api\/v1\/log\/entries"\} 0$/m)
  assert.match(text, /^rekor_api_latency_bucket\{le="0.005",path="\/api\/v1\/log\/entries"\} 1$/m)
})

test('createOperatedEvents: sizes of requests are counted by bytes, not by seconds', async () => {
  const operated = createOperatedEvents(() => {}, now)
  operated.events.observe('rekor_v2_http_api_request_size', 5000, { method: 'post' })
  const text = await scrape(operated)
  assert.match(text, /^rekor_v2_http_api_request_size_bucket\{le="4096",method="post"\} 0$/m)
  assert.match(text, /^rekor_v2_http_api_request_size_bucket\{le="16384",method="post"\} 1$/m)
  assert.match(text, /^rekor_v2_http_api_request_size_sum\{method="post"\} 5000$/m)
})

test('createOperatedEvents: a gauge shows what is so when it is asked for, and nothing of what is so no longer', async () => {
  const operated = createOperatedEvents(() => {}, now)
  let roles = ['root', 'timestamp']
  operated.measure(() => roles.map(role => ({ metric: 'tuf_role_valid_days_remaining', value: role.length, labels: { role } })))
  assert.match(await scrape(operated), /^tuf_role_valid_days_remaining\{role="timestamp"\} 9$/m)
  roles = ['root']
  const text = await scrape(operated)
  assert.match(text, /^# TYPE tuf_role_valid_days_remaining gauge$/m)
  assert.deepEqual(text.match(/^tuf_role_valid_days_remaining\{.*/gm), ['tuf_role_valid_days_remaining{role="root"} 4'])
})

test('createOperatedEvents: a label that anybody could choose does not fill the memory', async () => {
  const operated = createOperatedEvents(() => {}, now)
  for (let client = 0; client < 1000; client++) operated.events.count('requests', { client: String(client) })
  const text = await scrape(operated)
  assert.equal(text.match(/^requests\{/gm)?.length, 201)
  assert.match(text, /^requests\{client="other"\} 800$/m)
})

for (const { method, path, status } of [
  { method: 'GET', path: '/', status: 404 },
  { method: 'POST', path: '/metrics', status: 405 },
])
  test(`createOperatedEvents: ${method} ${path} is answered ${status}`, async () => {
    const { metrics } = createOperatedEvents(() => {}, now)
    assert.equal((await metrics(new Request(`http://127.0.0.1${path}`, { method }))).status, status)
  })
