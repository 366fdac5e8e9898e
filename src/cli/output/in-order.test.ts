import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inOrder } from './in-order.ts'

async function* items(count: number, started: number[] = []) {
  for (let item = 0; item < count; item++) {
    started.push(item)
    yield item
  }
}

for (const width of [1, 2, 3, 10])
  test(`results come in the order of the items, whichever is ready first, ${width} at once`, async () => {
    const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
    const [handedOn, underWay] = [[] as number[], new Set<number>()]
    let most = 0
    const done = inOrder(
      items(6),
      width,
      async item => {
        most = Math.max(most, underWay.add(item).size)
        await gates[item]!.promise
        underWay.delete(item)
        return item
      },
      result => handedOn.push(result),
    )
    await new Promise(setImmediate)
    for (const gate of gates.reverse()) {
      gate.resolve()
      await new Promise(setImmediate)
    }
    await done
    assert.deepEqual(handedOn, [0, 1, 2, 3, 4, 5])
    assert.equal(most, Math.min(width, 6))
  })

test('nothing is started further ahead than the width, however slow the first is', async () => {
  const started: number[] = []
  const first = Promise.withResolvers<void>()
  const done = inOrder(
    items(100, started),
    3,
    item => (item === 0 ? first.promise : Promise.resolve()),
    () => {},
  )
  await new Promise(setImmediate)
  assert.deepEqual(started, [0, 1, 2])
  first.resolve()
  await done
  assert.equal(started.length, 100)
})

test('the first failure by the order of the items is thrown, after the results before it', async () => {
  const [handedOn, gate] = [[] as number[], Promise.withResolvers<void>()]
  const done = inOrder(
    items(5),
    5,
    async item => {
      if (item === 3) throw new Error('three')
      await gate.promise
      if (item === 2) throw new Error('two')
      return item
    },
    result => handedOn.push(result),
  )
  gate.resolve()
  await assert.rejects(done, /^Error: two$/)
  assert.deepEqual(handedOn, [0, 1])
})
