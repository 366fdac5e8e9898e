import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError, firstToHold, withAll } from './error.ts'

const fails = (problem: string) => new CountersignError('JSON_MALFORMED', problem)
const attempt = (outcome: string | Error) => {
  if (typeof outcome === 'string') return outcome
  throw outcome
}

test('firstToHold: gives what the first that holds does, and tries none after it', async () => {
  const tried: (string | Error)[] = []
  const noted = async (outcome: string | Error) => {
    tried.push(outcome)
    return attempt(outcome)
  }
  assert.equal(await firstToHold([fails('one'), 'two', fails('three')], noted), 'two')
  assert.equal(tried.length, 2)
})

test('firstToHold: refuses in the words of the first, every failure kept', async () => {
  await assert.rejects(firstToHold([fails('one')], attempt), (error: CountersignError) => error.message === 'one' && !error.cause)
  await assert.rejects(firstToHold([fails('one'), fails('two')], attempt), (error: CountersignError) => {
    assert.deepEqual([error.code, error.message], ['JSON_MALFORMED', 'one'])
    assert.ok(error.cause instanceof AggregateError)
    return error.cause.errors.map(({ message }) => message).join() === 'one,two'
  })
})

test('firstToHold: refuses in the words that are made of the failures', async () => {
  const last = firstToHold([fails('one'), fails('two')], attempt, failures => withAll(failures.at(-1)!, failures))
  await assert.rejects(last, { code: 'JSON_MALFORMED', message: 'two' })
})

test('firstToHold: a defect is no failure, and no alternatives are one', async () => {
  await assert.rejects(firstToHold([fails('one'), new TypeError('defect'), 'three'], attempt), { name: 'TypeError', message: 'defect' })
  await assert.rejects(firstToHold([], attempt), { name: 'TypeError', message: /want at least one alternative/ })
})
