import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNtpServer } from '../../testing/stack/ntp-server.ts'
import { createStackRig, type StackRig } from '../../testing/stack/stack-rig.ts'

// A stack whose clock is held against a server on loopback, by UDP.

async function withClock(
  failClosed: boolean,
  body: (rig: StackRig, serverIsAheadMs: (ms: number) => void) => Promise<void>,
): Promise<void> {
  let aheadMs = 0
  const server = await startNtpServer(() => (rig?.world.now().getTime() ?? Date.parse('2026-03-01T12:00:00Z')) + aheadMs)
  const ntp = `{ servers: ["${server.host}:${server.port}"], fail-closed: ${failClosed} }`
  let rig: StackRig | undefined
  try {
    rig = await createStackRig({ config: `timestamps: { ntp: ${ntp} }\n` })
    await rig.asleep(60_000) // the first round is over
    await body(rig, ms => {
      aheadMs = ms
    })
  } finally {
    await rig?.remove()
    server.close()
  }
}

async function nextRound(rig: StackRig): Promise<void> {
  await rig.pass(60_000)
  await rig.asleep(60_000)
}

const query = { artifactHash: Buffer.alloc(32, 1).toString('base64'), hashAlgorithm: 'sha256' }
const stamp = ({ ask }: StackRig) =>
  ask('/api/v1/timestamp', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(query) })

test('a clock that is off: no timestamps where the stack fails closed, and unready until it is right', () =>
  withClock(true, async (rig, serverIsAheadMs) => {
    assert.equal((await stamp(rig)).status, 200)
    serverIsAheadMs(6500)
    await nextRound(rig)
    const refused = await stamp(rig)
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '60'])
    const problems = ['clock: it is off by 6500 ms, and may be by 6000 ms']
    assert.deepEqual(await (await rig.ask('/readyz')).json(), { ready: false, problems })
    assert.equal(rig.counted.get('timestamp_authority_ntp_errors_total'), 1)
    serverIsAheadMs(0)
    await nextRound(rig)
    assert.equal((await stamp(rig)).status, 200)
    assert.equal((await rig.ask('/readyz')).status, 200)
  }))

test('a clock that is off: said and counted where the stack does not fail closed, as upstream', () =>
  withClock(false, async (rig, serverIsAheadMs) => {
    serverIsAheadMs(-60_000)
    await nextRound(rig)
    assert.deepEqual([(await stamp(rig)).status, (await rig.ask('/readyz')).status], [200, 200])
    assert.ok(rig.lines.includes('error: the clock is off'))
    assert.equal(rig.counted.get('timestamp_authority_ntp_errors_total'), 1)
  }))

test('a stack asks no server of the time unless told', async () => {
  const rig = await createStackRig({ exchange: () => assert.fail('nobody was named') })
  assert.equal((await stamp(rig)).status, 200)
  await rig.remove()
})
