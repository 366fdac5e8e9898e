import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Repetition, repeatedly } from './repeatedly.ts'

/** Runs as many times as there are outcomes, and gives what happened: rests in milliseconds, `done`, and reasons of failures. */
async function happened(outcomes: readonly ('done' | Error)[], repetition: Omit<Repetition, 'onFailure'>): Promise<readonly string[]> {
  const seen: string[] = []
  const ending = new AbortController()
  const left = [...outcomes]
  const act = async () => {
    const outcome = left.shift()
    if (left.length === 0) ending.abort()
    if (outcome instanceof Error) throw outcome
    seen.push('done')
  }
  const sleep = async (ms: number) => void seen.push(`${ms}`)
  await repeatedly(act, { ...repetition, onFailure: reason => seen.push(reason) }, { sleep }, ending.signal)
  return seen
}

for (const { name, outcomes, repetition, seen } of [
  { name: 'after a rest each time', outcomes: ['done', 'done'], repetition: { restMs: 5 }, seen: ['5', 'done', '5', 'done'] },
  { name: 'at once', outcomes: ['done', 'done'], repetition: { restMs: 5, atOnce: true }, seen: ['done', '5', 'done'] },
  {
    name: 'again after a failure, with a rest of its own',
    outcomes: [new Error('full'), 'done', 'done'],
    repetition: { restMs: 5, afterFailureMs: 9, atOnce: true },
    seen: ['full', '9', 'done', '5', 'done'],
  },
  {
    name: 'a failure at the end is not told: it may be of the end',
    outcomes: ['done', new Error('ended')],
    repetition: { restMs: 5 },
    seen: ['5', 'done', '5'],
  },
] as const)
  test(`repeatedly: ${name}`, async () => assert.deepEqual(await happened(outcomes, repetition), seen))

test('repeatedly: nothing is done once the signal aborts during a rest', async () => {
  const ending = new AbortController()
  const sleep = async (_: number, signal: AbortSignal) => {
    ending.abort(new Error('enough'))
    signal.throwIfAborted()
  }
  const act = async () => assert.fail('done all the same')
  await repeatedly(act, { restMs: 5, onFailure: assert.fail }, { sleep }, ending.signal)
})
