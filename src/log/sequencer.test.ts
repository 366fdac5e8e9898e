import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import { decodeUtf8, encodeUtf8 } from '../codec/text.ts'
import { leafHash, rootOfInclusion } from '../formats/log/merkle.ts'
import { LogAudit } from '../testing/log/log-audit.ts'
import { openTestLog, proposalOf, testOrigin, testStart, verifyTestHead } from '../testing/log/log-rig.ts'
import { emptyLogDisk, openMemoryStore } from '../testing/log/memory-store.ts'
import { testLogSigners } from '../testing/sigstore/transparency-log.ts'
import { noteHeadSigner } from './note-heads.ts'
import type { Place, TileLog } from './tile-log.ts'

const startMs = BigInt(testStart.getTime())

const appendAll = (log: TileLog, texts: readonly string[]) => Promise.all(texts.map(text => log.append(proposalOf(text))))

test('log: an entry is answered with its place, its proof and a head that covers it', async () => {
  const log = await openTestLog(openMemoryStore(emptyLogDisk()))
  for (const [at, text] of ['first', 'second', 'third'].entries()) {
    const { entry, head, path, isNew } = await log.append(proposalOf(text))
    assert.equal(isNew, true)
    assert.deepEqual(entry, {
      index: BigInt(at),
      timeMs: startMs,
      leafHash: leafHash(encodeUtf8(text)),
      data: encodeUtf8(text),
      extra: encodeUtf8(`${at} ${startMs}`),
    })
    assert.equal(head.size, BigInt(at + 1))
    assert.deepEqual(rootOfInclusion(entry.leafHash, entry.index, path, head.size), (await verifyTestHead(head.note)).root)
    assert.deepEqual(log.head(), head)
  }
  await log.close()
})

test('log: what waits together is committed together, in the order in which it came', async () => {
  const disk = emptyLogDisk()
  const store = openMemoryStore(disk)
  const sizes: number[] = []
  const log = await openTestLog({
    ...store,
    commit: batch => {
      sizes.push(batch.rows.length)
      return store.commit(batch)
    },
  })
  const answers = await appendAll(
    log,
    Array.from({ length: 40 }, (_, at) => `entry ${at}`),
  )
  assert.deepEqual(
    answers.map(({ entry }) => entry.index),
    answers.map((_, at) => BigInt(at)),
  )
  assert.ok(answers.every(({ head }) => head.size === 40n))
  assert.deepEqual(sizes, [40])
  await log.close()
})

test('log: the same entry is there once, whenever it comes again', async () => {
  const disk = emptyLogDisk()
  const log = await openTestLog(openMemoryStore(disk), { now: () => new Date(testStart.getTime() + disk.rows.length) })
  const [first, twin, other] = await appendAll(log, ['same', 'same', 'other'])
  assert.deepEqual([first!.isNew, twin!.isNew, other!.isNew], [true, false, true])
  assert.deepEqual(twin!.entry, first!.entry)
  const sealed: Place[] = []
  const proposal = proposalOf('same')
  const again = await log.append({
    ...proposal,
    seal: place => {
      sealed.push(place)
      return proposal.seal(place)
    },
  })
  assert.deepEqual({ ...again, path: [] }, { isNew: false, entry: first!.entry, head: log.head(), path: [] })
  assert.deepEqual(sealed, [])
  await log.close()
  const reopened = await openTestLog(openMemoryStore(disk), { now: () => new Date(testStart.getTime() + 1e9) })
  assert.deepEqual((await reopened.append(proposal)).entry, first!.entry)
  assert.equal(reopened.head().size, 2n)
  await reopened.close()
})

test('log: an entry that cannot be made falls out, and those after it are made for their new places', async () => {
  const log = await openTestLog(openMemoryStore(emptyLogDisk()))
  const places: string[] = []
  const sealing = (text: string, fails: boolean) =>
    log.append({
      ...proposalOf(text),
      seal: async place => {
        places.push(`${text} at ${place.index}`)
        if (fails) throw new CountersignError('SERVICE_UNAVAILABLE', 'the key is not to be had')
        return await proposalOf(text).seal(place)
      },
    })
  const outcomes = await Promise.allSettled([sealing('a', false), sealing('b', true), sealing('c', false), sealing('d', true)])
  assert.deepEqual(
    outcomes.map(outcome => (outcome.status === 'fulfilled' ? outcome.value.entry.index : outcome.reason.code)),
    [0n, 'SERVICE_UNAVAILABLE', 1n, 'SERVICE_UNAVAILABLE'],
  )
  assert.deepEqual(places, ['a at 0', 'b at 1', 'c at 2', 'd at 3', 'c at 1', 'd at 2'])
  assert.equal(decodeUtf8((await log.entry(1n))!.extra, 'extra'), `1 ${startMs}`)
  await log.close()
})

const sealedAs = (data: Uint8Array, searchKeys: readonly string[] = []) => ({
  identity: leafHash(data),
  seal: () => ({ leaf: data, data, extra: new Uint8Array(0), searchKeys }),
})

for (const { name, proposal, error } of [
  {
    name: 'one that no bundle takes',
    proposal: sealedAs(new Uint8Array(65_536)),
    error: { code: 'LIMIT_EXCEEDED', message: /want at most 65535 bytes, got 65536/ },
  },
  {
    name: 'one with 65 search keys',
    proposal: sealedAs(
      encodeUtf8('keys'),
      Array.from({ length: 65 }, (_, at) => `key ${at}`),
    ),
    error: { code: 'LIMIT_EXCEEDED', message: /want at most 64 search keys, got 65/ },
  },
  {
    name: 'one with a search key in capitals',
    proposal: sealedAs(encodeUtf8('capitals'), ['Key']),
    error: { name: 'TypeError', message: /search keys are in lower case/ },
  },
  {
    name: 'one whose leaf is another',
    proposal: { ...sealedAs(encodeUtf8('data')), seal: () => ({ ...sealedAs(encodeUtf8('data')).seal(), leaf: encodeUtf8('leaf') }) },
    error: { name: 'TypeError', message: /its leaf is not that of its data/ },
  },
])
  test(`log: of entries that are refused, ${name}`, async () => {
    const log = await openTestLog(openMemoryStore(emptyLogDisk()))
    await assert.rejects(log.append(proposal), error)
    assert.equal((await log.append(proposalOf('sound'))).entry.index, 0n)
    await log.close()
  })

test('log: without bundles an entry may be of any length', async () => {
  const log = await openTestLog(openMemoryStore(emptyLogDisk()), { bundles: undefined })
  assert.equal((await log.append(sealedAs(new Uint8Array(100_000)))).isNew, true)
  assert.equal(await log.bundle(0n, 1), undefined)
  await log.close()
})

test('log: past so many that wait no more are taken, and it goes on; all of it is counted', async () => {
  const results: string[] = []
  const seconds: number[] = []
  const events = {
    count: (metric: string, labels: Readonly<Record<string, string>> = {}) => void results.push(`${metric} ${labels['result']}`),
    observe: (_: string, taken: number) => void seconds.push(taken),
    log: () => {},
  }
  const log = await openTestLog(openMemoryStore(emptyLogDisk()), { limits: { waiting: 2 }, events })
  const outcomes = await Promise.allSettled(['a', 'b', 'c', 'a'].map(text => log.append(proposalOf(text))))
  assert.deepEqual(
    outcomes.map(outcome => (outcome.status === 'fulfilled' ? outcome.value.entry.index : outcome.reason.code)),
    [0n, 1n, 'LOG_OVERLOADED', 0n], // who asks for what waits already adds nothing
  )
  for (const text of ['c', 'b']) await log.append(proposalOf(text))
  assert.equal(log.head().size, 3n)
  assert.deepEqual(
    results,
    ['overloaded', 'new', 'new', 'new', 'known'].map(result => `log_entries ${result}`),
  )
  assert.deepEqual(seconds, [0, 0, 0])
  await log.close()
})

test('log: times do not fall when the clock does, nor over a new start', async () => {
  const disk = emptyLogDisk()
  let offsetMs = 0
  const now = () => new Date(testStart.getTime() + offsetMs)
  const times: bigint[] = []
  let log = await openTestLog(openMemoryStore(disk), { now })
  for (const [step, offset] of [5000, 1000, 6000, -90_000, -90_000, 7000].entries()) {
    offsetMs = offset
    if (step === 3) {
      await log.close()
      log = await openTestLog(openMemoryStore(disk), { now })
    }
    const { entry, head } = await log.append(proposalOf(`step ${step}`))
    times.push(entry.timeMs - startMs)
    assert.ok(head.timeMs >= entry.timeMs)
  }
  assert.deepEqual(times, [5000n, 5000n, 6000n, 6000n, 6000n, 7000n])
  await log.close()
})

test('log: a head is signed when it is committed, published when it is proven, and nobody is answered before', async () => {
  const steps: string[] = []
  const store = openMemoryStore(emptyLogDisk())
  const heads = noteHeadSigner(testOrigin, testLogSigners.ed25519())
  const log = await openTestLog(
    {
      ...store,
      commit: async batch => {
        await store.commit(batch)
        steps.push('committed')
      },
    },
    {
      signHead: async head => {
        steps.push(`signed ${head.size}`)
        return await heads.signHead(head)
      },
    },
  )
  const appended = log.append(proposalOf('entry')).then(({ head }) => steps.push(`answered under ${head.size}`))
  assert.equal(log.head().size, 0n)
  await appended
  assert.deepEqual(steps, ['signed 0', 'committed', 'signed 1', 'answered under 1'])
  await log.close()
})

test('log: a head that could not be signed is made up for by the next', async () => {
  let isKeyThere = true
  const heads = noteHeadSigner(testOrigin, testLogSigners.ed25519())
  const disk = emptyLogDisk()
  const log = await openTestLog(openMemoryStore(disk), {
    signHead: head => (isKeyThere ? heads.signHead(head) : Promise.reject(new CountersignError('KEY_NOT_FOUND', 'no key'))),
  })
  isKeyThere = false
  await assert.rejects(log.append(proposalOf('entry')), { code: 'STORE_UNAVAILABLE', message: /head of size 1 could not be signed/ })
  assert.equal(log.head().size, 0n)
  assert.equal(await log.entry(0n), undefined) // it is durable, but no published head covers it
  assert.equal(await log.find(leafHash(encodeUtf8('entry'))), undefined)
  isKeyThere = true
  const { entry, head, isNew } = await log.append(proposalOf('entry'))
  assert.deepEqual([entry.index, head.size, isNew], [0n, 1n, false])
  await log.close()
})

for (const { name, message, sign } of [
  {
    name: 'of another size',
    message: /the head of size 1 was signed as one of size 2/,
    sign: (size: bigint) => (size === 1n ? 2n : size),
  },
])
  test(`log: a signed head ${name} stops it`, async () => {
    const heads = noteHeadSigner(testOrigin, testLogSigners.ed25519())
    const log = await openTestLog(openMemoryStore(emptyLogDisk()), { signHead: head => heads.signHead({ ...head, size: sign(head.size) }) })
    for (const text of ['entry', 'another']) await assert.rejects(log.append(proposalOf(text)), { code: 'STORE_CORRUPT', message })
    assert.equal(log.head().size, 0n)
    await log.close()
  })

test('log: another writer of the same store is noticed before anything is signed', async () => {
  const disk = emptyLogDisk()
  const store = openMemoryStore(disk)
  const one = await openTestLog(store)
  disk.isOpen = false
  const two = await openTestLog(openMemoryStore(disk))
  await two.append(proposalOf('by the other'))
  await assert.rejects(one.append(proposalOf('mine')), { code: 'STORE_UNAVAILABLE', message: /want size 0, got another/ })
  const { entry } = await one.append(proposalOf('mine')) // it has read what the other wrote
  assert.equal(entry.index, 1n)
  await new LogAudit().check(one)
  await one.close()
})

test('log: what became of a commit that failed is asked until the store answers', async () => {
  const store = openMemoryStore(emptyLogDisk())
  const failed = () => new CountersignError('STORE_UNAVAILABLE', 'log store: gone for now')
  let failures = 0
  const log = await openTestLog({
    ...store,
    commit: async batch => {
      await store.commit(batch)
      if (failures++ === 0) throw failed() // it has landed all the same
    },
    state: async () => {
      if (failures > 0 && failures++ < 3) throw failed()
      return await store.state()
    },
  })
  for (let attempt = 1; attempt <= 3; attempt++)
    await assert.rejects(log.append(proposalOf('entry')), { code: 'STORE_UNAVAILABLE', message: /gone for now/ })
  assert.equal(log.head().size, 0n)
  const { isNew, entry, head } = await log.append(proposalOf('entry'))
  assert.deepEqual([isNew, entry.index, head.size], [false, 0n, 1n])
  await log.close()
})
