import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createPlace } from './harness/place.ts'
import { checkStack } from './harness/stack-audit.ts'
import { type Acknowledged, ciToken, loadStack, type Refused } from './harness/stack-load.ts'
import { type StackProcess, startStack, stopStack } from './harness/stack-process.ts'

// Stopped while clients log (services.md §12, 57): what was acknowledged is there after the next start, what was not is refused as not possible
// now, or its connection is closed before anything was promised.

const limitMs = 60_000 // services.md §11
const clients = { v1: 15, v2: 14, certificate: 3 } // 32

const place = createPlace()
const folder = place.path('stack')
const heard: Acknowledged = { entries: { v1: [], v2: [] }, certificates: [] }
let stack: StackProcess | undefined
after(async () => {
  if (stack) await stopStack(stack)
  place.remove()
})

for (const { name, signal, round, acknowledged } of [
  { name: 'at once', signal: 'SIGTERM', round: 0, acknowledged: 40 },
  { name: 'when tiles are full', signal: 'SIGTERM', round: 1, acknowledged: 700 },
  { name: 'by a key at the terminal', signal: 'SIGINT', round: 2, acknowledged: 100 },
] as const)
  test(`stopped while 32 clients log, it keeps what it promised, and ends by itself: ${name}`, async () => {
    stack ??= await startStack(place, ['--dev', '--data', 'stack', '--url', 'http://127.0.0.1:0'])
    const { child, ended, url } = stack
    const refusals: Refused[] = []
    let left: number = acknowledged
    let askedMs = 0
    const stop = () => {
      askedMs = performance.now()
      child.kill(signal)
    }
    await loadStack(url, `stop ${round}`, await ciToken(folder), heard, () => void (--left === 0 && stop()), {
      clients,
      onRefused: refused => void refusals.push(refused),
    })
    assert.equal(await ended, 0, stack.lines.at(-1) ?? 'it logged nothing')
    assert.ok(performance.now() - askedMs < limitMs, `it ended after ${performance.now() - askedMs} ms`)
    assert.deepEqual(
      refusals.filter(({ status }) => status !== 503),
      [],
    )
    stack = undefined // should the next start fail
    stack = await startStack(place, ['--dev', '--data', 'stack'])
    assert.ok(left <= 0, `${left} acknowledgements were waited for in vain`)
    await checkStack(stack.url, folder, heard)
  })
