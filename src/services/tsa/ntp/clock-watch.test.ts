import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNtpServer, type TestNtpServer } from '../../../testing/stack/ntp-server.ts'
import { noEvents, type ServiceEvents } from '../../service.ts'
import { createClockWatch } from './clock-watch.ts'
import { exchangeByUdp } from './udp-exchange.ts'

// Servers on loopback that tell another time than ours, lie, keep silent or answer something else.

const ours = Date.parse('2026-03-01T12:00:00Z')
const at = (offsetMs: number) => () => ours + offsetMs
/** Answers to somebody else, which are none, and need not be waited for. */
const useless = (packet: Uint8Array) => packet.set([packet[31]! ^ 1], 31)

/** What a watch finds in some rounds, with servers that are by so much ahead of us. */
async function watch(servers: readonly TestNtpServer[], { rounds = 1, passMs = 60_000, attempts = 1 } = {}) {
  let nowMs = ours
  const ending = new AbortController()
  const lines: string[] = []
  const counted: string[] = []
  const events: ServiceEvents = {
    ...noEvents,
    log: (level, message, facts) => void lines.push([`${level}: ${message}`, facts?.['reason'] ?? []].flat().join(': ')),
    count: (metric, labels) => void counted.push([metric.replace('timestamp_authority_', ''), ...Object.values(labels ?? {})].join(' ')),
  }
  let left = rounds
  const world = {
    now: () => new Date(nowMs),
    randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    exchange: exchangeByUdp,
    sleep: async () => {
      if (--left > 0) nowMs += passMs
      else ending.abort()
    },
  }
  const limits = { attempts, timeoutMs: 9000 }
  const clock = createClockWatch({ servers, maxOffsetMs: 6000, limits }, world, events)
  const first = clock.problem()
  await clock.watch(ending.signal)
  for (const { close } of servers) close()
  const later = (ms: number) => {
    nowMs += ms
    return clock.problem()
  }
  return { first, problem: clock.problem(), later, lines, counted }
}

test('clock: nothing is known before the first round', async () => {
  assert.equal((await watch([await startNtpServer(at(0))])).first, 'clock: NTP servers could not be asked')
})

for (const { name, offsets, problem, lines } of [
  { name: 'all agree with us', offsets: [0, 3, -3, 10], problem: undefined, lines: [] },
  { name: 'off by all that is allowed', offsets: [6000, 6000, 6000], problem: undefined, lines: [] },
  {
    name: 'off by more',
    offsets: [6001, 6001, 6001],
    problem: 'clock: it is off by 6001 ms, and may be by 6000 ms',
    lines: ['error: the clock is off'],
  },
  {
    name: 'off the other way',
    offsets: [-7000, -7100, -7200, -7300],
    problem: 'clock: it is off by -7100 ms, and may be by 6000 ms',
    lines: ['error: the clock is off'],
  },
  { name: 'one server lies', offsets: [0, 1, 3_600_000], problem: undefined, lines: [] },
  {
    name: 'half of them lie, which is nobody’s word against anybody’s',
    offsets: [0, 0, 3_600_000, 3_600_000],
    problem: undefined,
    lines: [],
  },
  {
    name: 'most lie',
    offsets: [0, 3_600_000, 3_600_000],
    problem: 'clock: it is off by 3600000 ms, and may be by 6000 ms',
    lines: ['error: the clock is off'],
  },
])
  test(`clock: ${name}`, async () => {
    const found = await watch(await Promise.all(offsets.map(offset => startNtpServer(at(offset)))))
    assert.deepEqual([found.problem, found.lines], [problem, lines])
    const failed = problem === undefined ? [] : ['ntp_errors_total offset']
    assert.deepEqual(found.counted, [...offsets.map(() => 'ntp_sync_total 127.0.0.1 false'), ...failed])
  })

test('clock: more than half must answer', async () => {
  const servers = [
    await startNtpServer(at(0)),
    await startNtpServer(at(0)),
    await startNtpServer(at(0), useless),
    await startNtpServer(at(0), useless),
  ]
  const { problem, lines, counted } = await watch(servers)
  assert.equal(problem, 'clock: NTP servers could not be asked')
  assert.match(lines[0]!, /^warn: an NTP server gave no time: NTP answer: it is not an answer to what was asked$/)
  assert.equal(lines.at(-1), 'warn: the clock could not be held against NTP servers')
  assert.equal(counted.at(-1), 'ntp_errors_total too_few')
})

test('clock: what was known is believed for five minutes', async () => {
  const server = await startNtpServer(at(0), packet => void (server.asked() > 1 && useless(packet)))
  const { problem, later } = await watch([server], { rounds: 3 }) // two minutes of silence
  assert.equal(problem, undefined)
  assert.equal(later(180_000), undefined)
  assert.equal(later(1), 'clock: NTP servers could not be asked')
})

test('clock: a clock that is put right is said to be', async () => {
  const server = await startNtpServer(at(60_000)) // ours goes on by a minute, theirs stands
  const { problem, lines } = await watch([server], { rounds: 2 })
  assert.equal(problem, undefined)
  assert.deepEqual(lines, ['error: the clock is off', 'info: the clock is right again'])
})

test('clock: a server is asked again before it is given up', async () => {
  const server = await startNtpServer(at(0), packet => {
    if (server.asked() < 3) useless(packet)
  })
  const { problem, counted } = await watch([server], { attempts: 3 })
  assert.equal(problem, undefined)
  assert.deepEqual(
    counted,
    ['true', 'true', 'false'].map(failed => `ntp_sync_total 127.0.0.1 ${failed}`),
  )
})

for (const { name, change, reason } of [
  { name: 'does not want to be asked', change: (packet: Uint8Array) => packet.set([0], 1), reason: /does not want to be asked/ },
  { name: 'does not know the time', change: (packet: Uint8Array) => packet.set([0xe4]), reason: /does not know the time itself/ },
])
  test(`clock: a server that ${name} is none`, async () => {
    const { problem, lines } = await watch([await startNtpServer(at(0), change)])
    assert.equal(problem, 'clock: NTP servers could not be asked')
    assert.match(lines[0]!, reason)
  })

test('clock: of many servers four are asked', async () => {
  const servers = await Promise.all(Array.from({ length: 6 }, () => startNtpServer(at(0))))
  await watch(servers)
  assert.equal(
    servers.reduce((sum, { asked }) => sum + asked(), 0),
    4,
  )
})

test('exchangeByUdp: no answer, and nobody who listens', async () => {
  const { host, port, close } = await startNtpServer(() => undefined)
  const ask = (timeoutMs: number) => exchangeByUdp(host, port, new Uint8Array(48), timeoutMs)
  await assert.rejects(ask(30), { code: 'SERVICE_UNAVAILABLE', message: `${host}:${port}: no answer within 30 ms` })
  close()
  await assert.rejects(ask(300), { code: 'SERVICE_UNAVAILABLE', message: /ECONNREFUSED|no answer within/ })
})
