import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { explainConnection, type PassingFailure, withinDeadline } from './within-deadline.ts'

type Effects = Parameters<typeof withinDeadline>[1]

const what = 'KMS key "k"'

/** A world whose clock moves by its pauses alone. */
function worldOf(random = 128) {
  const pauses: number[] = []
  let now = 0
  const world = {
    now: () => new Date(now),
    randomBytes: (length: number) => new Uint8Array(length).fill(random),
    sleep: async (ms: number) => {
      pauses.push(ms)
      now += ms
    },
  }
  return { world, pauses, signal: new AbortController().signal }
}

const fail = (failure: CountersignError | PassingFailure) => Promise.reject(failure)
const explain = (cause: unknown) => cause as CountersignError | PassingFailure

test('withinDeadline gives what the first attempt gives', async () => {
  const { pauses, ...effects } = worldOf()
  assert.equal(await withinDeadline(what, effects, explain, ask => ask(async () => 7)), 7)
  assert.deepEqual(pauses, [])
})

test('withinDeadline asks again after growing pauses, or the one it is told', async () => {
  const { pauses, ...effects } = worldOf()
  const answers = [() => fail({ passing: 'throttled' }), () => fail({ passing: 'throttled', afterMs: 2000 }), async () => 'signed']
  assert.equal(await withinDeadline(what, effects, explain, ask => ask(() => answers.shift()!())), 'signed')
  assert.deepEqual(pauses, [100, 2000])
})

for (const { name, failure, pauses: wanted, message, random = 128 } of [
  {
    name: 'throttles to the end',
    failure: { passing: 'throttled' },
    pauses: [100, 200, 400, 801, 1602, 3203, 5005, 5005, 5005, 5005],
    message: 'KMS key "k": throttled, 11 times, within 30000 ms',
  },
  {
    name: 'asks for too long a pause',
    failure: { passing: 'throttled', afterMs: 60_000 },
    pauses: [],
    message: /: throttled, once and to be asked again after 60000 ms, within 30000 ms$/,
  },
  {
    name: 'is not there',
    failure: { passing: 'connection refused', atMost: 4 },
    pauses: [100, 200, 400],
    message: 'KMS key "k": connection refused, 4 times',
  },
  {
    name: 'is not there, with the shortest pauses',
    random: 0,
    failure: { passing: 'gone', atMost: 3 },
    pauses: [75, 150],
    message: 'KMS key "k": gone, 3 times',
  },
])
  test(`withinDeadline ends when the provider ${name}`, async () => {
    const { pauses, ...effects } = worldOf(random)
    await assert.rejects(
      withinDeadline(what, effects, explain, ask => ask(() => fail(failure))),
      { code: 'KMS_UNAVAILABLE', message },
    )
    assert.deepEqual(pauses, wanted)
  })

test('withinDeadline counts the pauses of all that it asks, also on a clock that stands still', async () => {
  const effects = { ...worldOf(), world: { ...worldOf().world, now: () => new Date(0), sleep: async () => {} } }
  const refused = withinDeadline(what, effects, explain, async ask => {
    for (let at = 0; at < 3; at++) {
      let isFirst = true
      await ask(async () => {
        if (!isFirst) return
        isFirst = false
        await fail({ passing: 'busy', afterMs: 12_000 })
      })
    }
  })
  await assert.rejects(refused, { message: /busy, once and to be asked again after 12000 ms, within 30000 ms/ })
})

test('withinDeadline asks no more once a failure is final', async () => {
  const { pauses, ...effects } = worldOf()
  const final = new CountersignError('KEY_NOT_FOUND', `${what}: not there`)
  await assert.rejects(
    withinDeadline(what, effects, explain, ask => ask(() => fail(final))),
    final,
  )
  assert.deepEqual(pauses, [])
})

test('withinDeadline leaves an attempt behind that never ends, whether it looks at its signal or not', async () => {
  const { pauses, ...effects } = worldOf()
  const alive = setInterval(() => {}, 1000) // the deadline alone keeps no process alive
  const silent = () => new Promise<never>(() => {})
  await assert.rejects(
    withinDeadline(what, effects, explain, ask => ask(silent), 1),
    {
      code: 'KMS_UNAVAILABLE',
      message: 'KMS key "k": no answer within 1 ms',
    },
  )
  clearInterval(alive)
  assert.deepEqual(pauses, [])
})

test('withinDeadline ends with the reason of the caller, in an attempt, in a pause and before', async () => {
  const reason = new Error('enough')
  const aborted = (work: Parameters<typeof withinDeadline<unknown>>[3], world: Effects['world'] = worldOf().world) => {
    const caller = new AbortController()
    const running = withinDeadline(what, { world, signal: caller.signal }, explain, work)
    caller.abort(reason)
    return running
  }
  await assert.rejects(
    aborted(ask => ask(() => new Promise(() => {}))),
    reason,
  )
  const sleep = (_: number, signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  await assert.rejects(
    aborted(ask => ask(() => fail({ passing: 'busy' })), { ...worldOf().world, sleep }),
    reason,
  )
  await assert.rejects(
    withinDeadline(what, { ...worldOf(), signal: AbortSignal.abort(reason) }, explain, ask => ask(async () => assert.fail('asked'))),
    reason,
  )
})

for (const { code, expected } of [
  { code: 'ECONNREFUSED', expected: { passing: 'connection refused', atMost: 4 } },
  { code: 'ECONNRESET', expected: { passing: 'the connection was closed before an answer', atMost: 4 } },
  { code: 'ENOTFOUND', expected: 'KMS key "k": no such host name' },
  { code: 'CERT_HAS_EXPIRED', expected: 'KMS key "k": its certificate has expired' },
])
  test(`explainConnection: ${code}`, () => {
    const explained = explainConnection(what, Object.assign(new Error('secret'), { code }))
    if (typeof expected !== 'string') return assert.deepEqual(explained, expected)
    assert.ok(explained instanceof CountersignError)
    assert.deepEqual([explained.code, explained.message], ['KMS_UNAVAILABLE', expected])
  })
