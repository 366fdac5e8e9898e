import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../src/codec/error.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { frozenLine } from '../src/formats/log/checkpoint.ts'
import { parseSignedNote } from '../src/formats/log/signed-note.ts'
import { witnessesOf } from '../src/formats/log/witness/witness-policy.ts'
import type { TileLog } from '../src/log/tile-log.ts'
import { createCosigning } from '../src/log/witness/cosigning.ts'
import { faultyStore, type StoreFault } from '../src/testing/log/faulty-store.ts'
import { LogAudit } from '../src/testing/log/log-audit.ts'
import { openTestLog, proposalOf, testOrigin } from '../src/testing/log/log-rig.ts'
import { emptyLogDisk, openMemoryStore, unplug } from '../src/testing/log/memory-store.ts'
import { cosignersOf, createPlace, down, hanging, witnessIds as ids, losing, refusedBy } from '../src/testing/log/witness-rig.ts'

// Scenario 39 of the services' contract: heads that witnesses cosign, and what becomes of a log when they do not.
// What witnesses answer, and what of it counts, is in log-witness-answers.test.ts.

test('witnesses: each head that is published has a quorum of cosignatures, and goes on from the one before', async () => {
  const place = createPlace({ quorum: 3 })
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const log = await place.open(disk)
  assert.equal(place.asked.length, 0) // there is nothing to see in an empty tree
  for (const text of ['a', 'b', 'c']) {
    const included = await log.append(proposalOf(text))
    await audit.included(included, text)
    assert.deepEqual(await cosignersOf(included.head.note), ['w1', 'w2', 'w3'])
    assert.deepEqual(disk.objects.get('checkpoint'), encodeUtf8(included.head.note)) // before it was told
  }
  assert.deepEqual(
    place.asked.filter(line => line.startsWith('w1')),
    ['w1 old 0', 'w1 old 1', 'w1 old 2'],
  )
  assert.equal(place.witnesses.w1.seen.get(testOrigin)?.size, 3n)
  assert.equal(place.counted.get('log_witness_answers w1 cosigned'), 3)
  await audit.check(log)
  await log.close()
})

test('witnesses: two of three suffice when one is down', async () => {
  const place = createPlace()
  place.faults.set('w2', down)
  const log = await place.open(emptyLogDisk())
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('a'))).head.note), ['w1', 'w3'])
  await log.append(proposalOf('b'))
  await log.close()
})

test('witnesses: nobody waits for one that does not answer when the others are a quorum', async () => {
  const place = createPlace()
  place.faults.set('w1', hanging)
  const log = await place.open(emptyLogDisk())
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('a'))).head.note), ['w2', 'w3'])
  assert.equal(place.counted.get('log_witness_answers w1 unneeded'), 1)
  await log.close()
})

test('witnesses: all down, failing open: the head is published without them', async () => {
  const place = createPlace({ failOpen: true })
  for (const id of ids) place.faults.set(id, down)
  const disk = emptyLogDisk()
  const log = await place.open(disk)
  const { head } = await log.append(proposalOf('a'))
  assert.deepEqual(await cosignersOf(head.note), [])
  assert.equal(place.counted.get('log_heads_without_quorum true'), 1)
  assert.equal(place.lines.length, 3)
  await log.append(proposalOf('b'))
  assert.equal(place.lines.length, 3) // the same is not said again
  place.faults.delete('w3')
  assert.deepEqual(await cosignersOf((await log.append(proposalOf('c'))).head.note), ['w3']) // what there is of them
  await log.close()
})

test('witnesses: a head that was published without them is cosigned when they are back, though nobody appends', async () => {
  const place = createPlace({ failOpen: true, quorum: 3 })
  for (const id of ids) place.faults.set(id, down)
  const disk = emptyLogDisk()
  const rests: (() => void)[] = []
  const sleep = (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      rests.push(resolve)
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  const turn = () => new Promise(resolve => setImmediate(resolve))
  /** Lets it ask once more. */
  const rest = async () => {
    const before = place.asked.length
    while (place.asked.length < before + ids.length) {
      for (const wake of rests.splice(0)) wake()
      await turn()
    }
  }
  const log = await openTestLog(openMemoryStore(disk), { cosign: createCosigning(place.options), sleep })
  const { head } = await log.append(proposalOf('a'))
  assert.deepEqual(await cosignersOf(head.note), [])
  await rest()
  assert.deepEqual(await cosignersOf(log.head().note), [])
  place.faults.clear()
  await rest()
  while (log.head().note === head.note) await turn()
  assert.deepEqual(await cosignersOf(log.head().note), ['w1', 'w2', 'w3'])
  assert.deepEqual(disk.objects.get('checkpoint'), encodeUtf8(log.head().note))
  assert.equal(parseSignedNote(log.head().note).text, parseSignedNote(head.note).text)
  const asked = place.asked.length
  for (const wake of rests.splice(0)) wake()
  await log.append(proposalOf('b'))
  assert.equal(place.asked.length, asked + ids.length) // for the new head, and no more for the old
  await log.close()
})

test('witnesses: all down, failing closed: nothing is acknowledged or shown, and once they answer it is there', async () => {
  const place = createPlace()
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const log = await place.open(disk)
  await audit.included(await log.append(proposalOf('a')), 'a')
  const before = log.head()
  for (const id of ids) place.faults.set(id, down)
  await assert.rejects(
    log.append(proposalOf('b')),
    refusedBy(/^no quorum of witnesses: witness "w1": no usable answer; witness "w2": no usable answer/),
  )
  assert.equal(log.head(), before)
  assert.equal(await log.entry(1n), undefined)
  await assert.rejects(log.append(proposalOf('b')), refusedBy(/^no quorum/))
  await assert.rejects(log.append(proposalOf('a')), refusedBy(/^no quorum/)) // under the next head, for the store has more
  place.faults.clear()
  const included = await log.append(proposalOf('b'))
  assert.deepEqual([included.entry.index, included.head.size, included.isNew], [1n, 2n, false])
  await audit.included(included, 'b')
  await audit.check(log)
  await log.close()
})

test('witnesses: time is up for those that hang, all of them together', async () => {
  const place = createPlace()
  place.isTimeUp.value = true
  place.faults.set('w1', hanging)
  place.faults.set('w2', hanging)
  const log = await place.open(emptyLogDisk())
  await assert.rejects(
    log.append(proposalOf('a')),
    refusedBy(/witness "w1": no answer within 1000 ms; witness "w2": no answer within 1000 ms$/),
  )
  await log.close()
})

test('witnesses: those who append while witnesses are asked are asked for together', async () => {
  const place = createPlace({ quorum: 3 })
  const log = await place.open(emptyLogDisk())
  const released = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  place.faults.set('w1', async (request, answer) => {
    reached.resolve()
    await released.promise
    return await answer(request)
  })
  const first = log.append(proposalOf('first'))
  await reached.promise
  const others = Promise.all(Array.from({ length: 50 }, (_, at) => log.append(proposalOf(`other ${at}`))))
  released.resolve()
  assert.equal((await first).head.size, 1n)
  assert.deepEqual(new Set((await others).map(({ head }) => head.size)), new Set([51n]))
  assert.deepEqual(
    place.asked.filter(line => line.startsWith('w1')),
    ['w1 old 0', 'w1 old 1'],
  )
  await log.close()
})

test('witnesses: a crash while they are down, failing closed, shows what was shown before, and loses nothing', async () => {
  const place = createPlace()
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const log = await place.open(disk)
  await audit.included(await log.append(proposalOf('a')), 'a')
  for (const id of ids) place.faults.set(id, down)
  await assert.rejects(log.append(proposalOf('b')), refusedBy(/no quorum/))
  const shown = log.head()
  unplug(disk)
  const again = await place.open(disk)
  assert.deepEqual(again.head().note, shown.note)
  await audit.check(again)
  assert.equal(await again.entry(1n), undefined)
  place.faults.clear()
  await audit.included(await again.append(proposalOf('c')), 'c')
  assert.equal(again.head().size, 3n)
  await audit.check(again)
  await log.close()
})

test('witnesses: a log that never published starts without them as an empty one, failing closed', async () => {
  const place = createPlace()
  const disk = emptyLogDisk()
  const plain = await openTestLog(openMemoryStore(disk))
  await plain.append(proposalOf('a'))
  await plain.close()
  disk.objects.clear()
  for (const id of ids) place.faults.set(id, down)
  const log = await place.open(disk)
  assert.equal(log.head().size, 0n)
  await assert.rejects(log.append(proposalOf('a')), refusedBy(/no quorum/))
  place.faults.clear()
  assert.equal((await log.append(proposalOf('a'))).entry.index, 0n)
  await log.close()
})

test('witnesses: the last head of a log is cosigned too, and cosigned again where the answer was lost', async () => {
  const place = createPlace({ quorum: 3 })
  const disk = emptyLogDisk()
  const log = await place.open(disk)
  await log.append(proposalOf('a'))
  place.faults.set('w2', losing)
  await assert.rejects(log.freeze(frozenLine('the end')), refusedBy(/no quorum/))
  assert.equal(log.isFrozen(), true)
  await assert.rejects(log.append(proposalOf('b')), { code: 'LOG_FROZEN' })
  place.faults.clear()
  const last = await log.freeze(frozenLine('the end'))
  assert.deepEqual([last.size, last.frozen], [1n, 'Log frozen \u2014 the end'])
  assert.deepEqual(await cosignersOf(last.note), ['w1', 'w2', 'w3'])
  await log.close()
  const again = await place.open(disk)
  assert.deepEqual(await cosignersOf(again.head().note), ['w1', 'w2', 'w3'])
  assert.equal(again.head().frozen, last.frozen)
  await again.close()
})

test('witnesses: a log that was frozen while they were away says so when they are back, also after it started again', async () => {
  const place = createPlace({ quorum: 3 })
  const disk = emptyLogDisk()
  const log = await place.open(disk)
  const { head } = await log.append(proposalOf('a'))
  for (const id of ids) place.faults.set(id, down)
  await assert.rejects(log.freeze(frozenLine('the end')), refusedBy(/no quorum/))
  await log.close()
  const rests: (() => void)[] = []
  const again = await openTestLog(openMemoryStore(disk), {
    cosign: createCosigning(place.options),
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        rests.push(resolve)
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  })
  assert.equal(again.head().note, head.note)
  await assert.rejects(again.append(proposalOf('b')), { code: 'LOG_FROZEN' })
  place.faults.clear()
  while (again.head().frozen === undefined) {
    for (const wake of rests.splice(0)) wake()
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.deepEqual(await cosignersOf(again.head().note), ['w1', 'w2', 'w3'])
  assert.deepEqual(disk.objects.get('checkpoint'), encodeUtf8(again.head().note))
  await again.close()
})

// Every write of a run with witnesses fails once, before and after it lands.

const texts = ['a', 'b', 'c']

async function run(log: TileLog, audit: LogAudit): Promise<void> {
  for (const text of texts)
    try {
      await audit.included(await log.append(proposalOf(text)), text)
    } catch (cause) {
      assert.ok(cause instanceof CountersignError && cause.code === 'STORE_UNAVAILABLE', String(cause))
    }
}

async function withFault(fault: StoreFault | undefined): Promise<number> {
  const place = createPlace()
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const { store, writes } = faultyStore(openMemoryStore(disk), fault)
  let shownSize = 0n
  try {
    const log = await openTestLog(store, { cosign: createCosigning(place.options) })
    await run(log, audit)
    shownSize = log.head().size
    await log.close()
  } catch (cause) {
    assert.ok(fault?.afterwards === 'dies' && cause instanceof CountersignError && cause.code === 'STORE_UNAVAILABLE', String(cause)) // it never opened
  }
  unplug(disk)
  for (const id of ids) place.faults.set(id, down)
  const without = await place.open(disk) // witnesses are down when it starts again
  assert.ok(without.head().size >= shownSize, 'a head went back')
  await audit.check(without)
  await without.close()
  place.faults.clear()
  const again = await place.open(disk)
  await run(again, audit)
  assert.equal(again.head().size, BigInt(texts.length))
  await audit.check(again)
  await again.close()
  return writes()
}

const writes = await withFault(undefined)

for (const afterwards of ['dies', 'once'] as const)
  for (const when of ['before', 'after'] as const)
    test(`witnesses: a fault ${when} each of ${writes} writes lands, after which the store ${afterwards === 'dies' ? 'is gone' : 'works again'}`, async () => {
      assert.ok(writes >= 2 * texts.length, `${writes} writes`)
      for (let write = 1; write <= writes; write++) await withFault({ write, when, afterwards })
    })

test('witnesses: those of a policy are asked at its URLs', () => {
  const { policy } = createPlace()
  assert.deepEqual(
    witnessesOf(policy.quorum!).map(({ url }) => url.href),
    ['https://w1.example/', 'https://w2.example/', 'https://w3.example/'],
  )
})
