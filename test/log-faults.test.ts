import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CountersignError } from '../src/codec/error.ts'
import { openSqliteStore } from '../src/log/sqlite/sqlite-store.ts'
import type { TileLog } from '../src/log/tile-log.ts'
import { faultyStore, type StoreFault } from '../src/testing/log/faulty-store.ts'
import { LogAudit } from '../src/testing/log/log-audit.ts'
import { openTestLog, proposalOf, testStart } from '../src/testing/log/log-rig.ts'
import { copyOfDisk, emptyLogDisk, type LogDisk, openMemoryStore, unplug } from '../src/testing/log/memory-store.ts'

// Crash points C1 to C9, C17 and C18 of the stores' contract (services §9.3): every write of a run fails once, before and after it lands, and
// an auditor that kept every answer looks at what is there then. A tile and a bundle become full on the way.

const rounds = 4

const perRound = 10

const newPerRound = 9 // the tenth is one of them

const sizeBefore = 235

const sizeAfter = BigInt(sizeBefore + rounds * newPerRound)

/** Appends rounds of entries, some of them a second time. What is refused must be refused as unknown. */
async function run(log: TileLog, audit: LogAudit): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const texts = Array.from({ length: perRound }, (_, at) => `entry ${round} ${at % newPerRound}`)
    const outcomes = await Promise.allSettled(texts.map(text => log.append(proposalOf(text))))
    for (const [at, outcome] of outcomes.entries())
      if (outcome.status === 'fulfilled') await audit.included(outcome.value, texts[at]!)
      else assert.equal(outcome.reason.code, 'STORE_UNAVAILABLE', String(outcome.reason))
    await audit.head(log.head())
  }
}

/** The clock steps back now and then. */
function unsteadyClock(): () => Date {
  let ticks = 0
  return () => new Date(testStart.getTime() + (++ticks % 3 === 0 ? -60_000 : ticks * 10))
}

/** Appends what was there before. */
async function fill(log: TileLog): Promise<void> {
  await Promise.all(Array.from({ length: sizeBefore }, (_, at) => log.append(proposalOf(`before ${at}`))))
}

async function filledDisk(): Promise<LogDisk> {
  const disk = emptyLogDisk()
  const log = await openTestLog(openMemoryStore(disk))
  await fill(log)
  await log.close()
  return disk
}

const filled = await filledDisk()

async function countWrites(): Promise<number> {
  const { store, writes } = faultyStore(openMemoryStore(copyOfDisk(filled)), undefined)
  const log = await openTestLog(store, { now: unsteadyClock() })
  await run(log, new LogAudit())
  await log.close()
  return writes()
}

const writes = await countWrites()

test('a run has writes of every kind to fail', () => assert.ok(writes >= rounds + 3, `${writes} writes`)) // commits, a tile, a bundle, checkpoints

for (const afterwards of ['dies', 'once'] as const)
  for (const when of ['before', 'after'] as const)
    test(`a fault ${when} each of ${writes} writes lands, after which the store ${afterwards === 'dies' ? 'is gone' : 'works again'}`, async () => {
      for (let write = 1; write <= writes; write++) await faultAt({ write, when, afterwards })
    })

async function faultAt(fault: StoreFault): Promise<void> {
  const disk = copyOfDisk(filled)
  const audit = new LogAudit()
  const { store } = faultyStore(openMemoryStore(disk), fault)
  const log = await openTestLog(store, { now: unsteadyClock() })
  await run(log, audit)
  if (fault.afterwards === 'once') {
    await run(log, audit) // what was refused is taken now, and nothing is there twice
    assert.equal(log.head().size, sizeAfter)
    await audit.check(log)
  }
  await log.close()
  unplug(disk)
  const again = await openTestLog(openMemoryStore(disk), { now: unsteadyClock() })
  await audit.check(again)
  await run(again, audit)
  assert.equal(again.head().size, sizeAfter)
  await again.close()
}

test('a disk that is full refuses entries and answers readers; with room again it goes on by itself', async () => {
  for (let write = 1; write <= writes; write += 2) {
    const audit = new LogAudit()
    const { store, mend } = faultyStore(openMemoryStore(copyOfDisk(filled)), { write, when: 'before', afterwards: 'full' })
    const log = await openTestLog(store)
    await run(log, audit)
    await audit.check(log)
    mend()
    await run(log, audit)
    assert.equal(log.head().size, sizeAfter)
    await audit.check(log)
    await log.close()
  }
})

/** Runs with a log in a folder of its own. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-log-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('a database that is full refuses entries and answers readers; with room again it goes on', () =>
  withFolder(async folder => {
    const audit = new LogAudit()
    const texts = Array.from({ length: 40 }, (_, at) => `${at} ${'long '.repeat(1000)}`)
    const full = await openTestLog(await openSqliteStore(folder, { limitBytes: 150_000 }))
    for (const text of texts)
      try {
        await audit.included(await full.append(proposalOf(text)), text)
      } catch (cause) {
        assert.match(String(cause), /database or disk is full/)
      }
    assert.ok(audit.acknowledged > 10 && audit.acknowledged < 30, `${audit.acknowledged} acknowledged`)
    await audit.check(full)
    await full.close()
    const roomy = await openTestLog(await openSqliteStore(folder))
    await audit.check(roomy)
    for (const text of texts) await audit.included(await roomy.append(proposalOf(text)), text)
    await audit.check(roomy)
    assert.equal(roomy.head().size, 40n)
    await roomy.close()
  }))

test('tiles and the checkpoint that cannot be written hold up nobody, and are written later', () =>
  withFolder(async folder => {
    const audit = new LogAudit()
    const log = await openTestLog(await openSqliteStore(folder))
    await fill(log)
    await rm(join(folder, 'incoming'), { recursive: true }) // nothing can be written but the database
    await run(log, audit)
    assert.equal(audit.acknowledged, rounds * newPerRound)
    await audit.check(log)
    await log.close()
    await assert.rejects(stat(join(folder, 'tile/0/000')), { code: 'ENOENT' })
    const again = await openTestLog(await openSqliteStore(folder))
    await audit.check(again)
    await again.close()
    assert.equal((await stat(join(folder, 'tile/0/000'))).size, 8192)
    assert.ok((await stat(join(folder, 'tile/entries/000'))).size > 256)
  }))

test('a store that only lets itself be read refuses entries and answers readers', () =>
  withFolder(async folder => {
    const audit = new LogAudit()
    const store = await openSqliteStore(folder)
    let isReadOnly = false
    const refuse = () => Promise.reject(new CountersignError('STORE_UNAVAILABLE', 'log store: attempt to write a readonly database'))
    const log = await openTestLog({
      ...store,
      commit: batch => (isReadOnly ? refuse() : store.commit(batch)),
      writeObject: (name, bytes) => (isReadOnly ? refuse() : store.writeObject(name, bytes)),
    })
    await audit.included(await log.append(proposalOf('before')), 'before')
    isReadOnly = true
    await assert.rejects(log.append(proposalOf('meanwhile')), { code: 'STORE_UNAVAILABLE', message: /readonly database/ })
    await audit.included(await log.append(proposalOf('before')), 'before') // what is there already needs no writing
    await audit.check(log)
    isReadOnly = false
    assert.equal((await log.append(proposalOf('meanwhile'))).entry.index, 1n)
    await log.close()
  }))

test('a folder that is open here stays locked for other processes, also after it was asked for here again', () =>
  withFolder(async folder => {
    const store = await openSqliteStore(folder)
    const elsewhere = () => {
      const program = `new (process.getBuiltinModule('node:sqlite').DatabaseSync)(${JSON.stringify(join(folder, 'log.db'))}).exec('SELECT * FROM log')`
      return spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' })
    }
    assert.match(elsewhere().stderr, /database is locked/)
    await assert.rejects(openSqliteStore(folder), { code: 'STORE_LOCKED' })
    assert.match(elsewhere().stderr, /database is locked/)
    await store.close()
    assert.deepEqual([elsewhere().status, elsewhere().stderr], [0, ''])
  }))
