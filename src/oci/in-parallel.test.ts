import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inParallel } from './in-parallel.ts'

test('results keep the order of the items, and no more than `width` run at once', async () => {
  let running = 0
  let most = 0
  const results = await inParallel([5, 3, 9, 1, 7], 2, async (item, index) => {
    most = Math.max(most, ++running)
    for (let turns = item; turns > 0; turns--) await Promise.resolve()
    running--
    return `${index}:${item}`
  })
  assert.deepEqual(results, ['0:5', '1:3', '2:9', '3:1', '4:7'])
  assert.equal(most, 2)
  assert.deepEqual(await inParallel([], 3, async () => 1), [])
})

test('the first failure is thrown, no call is begun after it, and those under way have ended', async () => {
  const begun: number[] = []
  let ended = 0
  const failing = inParallel([0, 1, 2, 3, 4, 5], 2, async item => {
    begun.push(item)
    if (item === 1) throw new Error('one')
    for (let turns = 0; turns < 10; turns++) await Promise.resolve()
    ended++
    return item
  })
  await assert.rejects(failing, { message: 'one' })
  assert.deepEqual(begun, [0, 1])
  assert.equal(ended, 1)
})
