import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

const [soonMs, betweenMs] = [20_000, 100]

/**
 * Asks until there is what is waited for: the cluster and the webhook go about it at their own time.
 *
 * @param explain - what is said where it does not come: logs
 */
export async function soon<T>(what: string, find: () => Promise<T | undefined>, explain: () => string): Promise<T> {
  for (const began = performance.now(); ; ) {
    const found = await find()
    if (found !== undefined) return found
    assert.ok(performance.now() - began < soonMs, `${what}: not within ${soonMs} ms\n${explain()}`)
    await pause(betweenMs)
  }
}
