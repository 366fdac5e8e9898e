import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { beforeDeadline, createPending } from './deadline.ts'

const never = () => new Promise<never>(() => {})

test('past the end nothing is begun', async () => {
  let begun = 0
  const begin = async () => ++begun
  await assert.rejects(beforeDeadline('a step', AbortSignal.abort(), createPending(), begin), {
    code: 'TIMED_OUT',
    message: 'no answer before the deadline: a step',
  })
  assert.equal(begun, 0)
})

test('what comes in time is the answer, and so is what is thrown', async () => {
  const { signal } = new AbortController()
  assert.equal(await beforeDeadline('a step', signal, createPending(), async () => 7), 7)
  const broken = () => Promise.reject(new CountersignError('REGISTRY_DENIED', 'no'))
  await assert.rejects(beforeDeadline('a step', signal, createPending(), broken), { code: 'REGISTRY_DENIED', message: 'no' })
})

test('whatever was pending is named, each once and not all of them', async () => {
  const deadline = new AbortController()
  const pending = createPending()
  for (const step of ['c', 'b', 'a', 'b', 'f', 'e', 'd']) void pending.during(step, never)
  const waiting = beforeDeadline('a step', deadline.signal, pending, never)
  deadline.abort()
  await assert.rejects(waiting, {
    code: 'TIMED_OUT',
    message: 'no answer before the deadline: a step (pending: a; b; c; d; e, and 1 more)',
  })
})

test('the reason of the signal, which requests pass on, is no error of its own', async () => {
  const deadline = new AbortController()
  const passesOn = async (signal: AbortSignal) => {
    deadline.abort()
    signal.throwIfAborted()
  }
  await assert.rejects(beforeDeadline('a step', deadline.signal, createPending(), passesOn), { code: 'TIMED_OUT', message: /: a step$/ })
})

test('a step that ended is not pending', async () => {
  const pending = createPending()
  await pending.during('a', async () => {})
  await assert.rejects(
    pending.during('b', () => Promise.reject(new RangeError('broken'))),
    { message: 'broken' },
  )
  assert.deepEqual(pending.steps(), [])
})
