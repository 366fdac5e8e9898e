import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { CountersignError } from '../src/codec/error.ts'
import { decodeUtf8, encodeUtf8 } from '../src/codec/text.ts'
import { frozenLine, frozenLineOf, parseCheckpoint } from '../src/formats/log/checkpoint.ts'
import { parseSignedNote } from '../src/formats/log/signed-note.ts'
import { openSqliteStore } from '../src/log/sqlite/sqlite-store.ts'
import type { TileLog } from '../src/log/tile-log.ts'
import { ctLogLayout } from '../src/services/ctlog/ct-heads.ts'
import { faultyStore, type StoreFault } from '../src/testing/log/faulty-store.ts'
import { LogAudit } from '../src/testing/log/log-audit.ts'
import { openTestLog, proposalOf, testOrigin } from '../src/testing/log/log-rig.ts'
import { copyOfDisk, emptyLogDisk, type LogDisk, openMemoryStore, unplug } from '../src/testing/log/memory-store.ts'
import { testLogSigners } from '../src/testing/sigstore/transparency-log.ts'

// The end of a log, and crash point C11 of the stores' contract (services §9.3).

const line = frozenLine('use the log at log-2.example')

/** The checkpoint that a crash would leave. */
function writtenNote({ objects }: LogDisk): string {
  return decodeUtf8(objects.get('checkpoint')!, 'checkpoint')
}

const refused = { code: 'LOG_FROZEN', message: 'log: it is frozen, and takes no entries' }

test('a log that was frozen says so in its last head, over what it had, and stays frozen', async () => {
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const log = await openTestLog(openMemoryStore(disk))
  for (const text of ['a', 'b', 'c']) await audit.included(await log.append(proposalOf(text)), text)
  const before = log.head()
  assert.equal(log.isFrozen(), false)
  const last = await log.freeze(line)
  assert.deepEqual([last.size, last.root, last.frozen], [before.size, before.root, line])
  assert.equal(parseSignedNote(last.note).text, `${parseSignedNote(before.note).text}Log frozen \u2014 use the log at log-2.example\n`)
  assert.equal(writtenNote(disk), last.note)
  assert.equal(log.isFrozen(), true)
  assert.equal(log.head().note, last.note)
  await assert.rejects(log.append(proposalOf('d')), refused)
  await assert.rejects(log.append(proposalOf('a')), refused) // also what is there already
  assert.equal((await log.freeze(frozenLine('another end'))).note, last.note)
  await audit.check(log)
  await log.close()

  const again = await openTestLog(openMemoryStore(disk))
  assert.equal(again.head().note, last.note)
  assert.equal(again.isFrozen(), true)
  await assert.rejects(again.append(proposalOf('d')), refused)
  await audit.check(again)
  await again.close()
})

test('who waits when a log is frozen is answered: logged before it, or refused', async () => {
  const audit = new LogAudit()
  const log = await openTestLog(openMemoryStore(emptyLogDisk()))
  const first = Promise.all(['a', 'b'].map(text => log.append(proposalOf(text))))
  while (log.head().size === 0n) await new Promise(resolve => setImmediate(resolve))
  const waiting = Promise.allSettled(['c', 'd'].map(text => log.append(proposalOf(text))))
  const [last, outcomes] = await Promise.all([log.freeze(line), waiting])
  for (const [at, included] of (await first).entries()) await audit.included(included, 'ab'[at]!)
  for (const outcome of outcomes) assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'LOG_FROZEN')
  assert.equal(last.size, 2n)
  await audit.check(log)
  await log.close()
})

test('a log that is found to contradict itself while it is frozen signs no last head', async () => {
  const disk = emptyLogDisk()
  const store = openMemoryStore(disk)
  const counted: string[] = []
  const log: TileLog = await openTestLog(
    {
      ...store,
      freeze: async text => {
        await store.freeze(text)
        disk.rows[0] = { ...disk.rows[0]!, data: encodeUtf8('b') }
        await assert.rejects(log.entry(0n), { code: 'STORE_CORRUPT' })
      },
    },
    { events: { count: metric => void counted.push(metric), observe: () => {}, log: () => {} } },
  )
  const before = (await log.append(proposalOf('a'))).head
  await assert.rejects(log.freeze(line), { code: 'STORE_CORRUPT', message: /entry 0 is not what its leaf hash says/ })
  assert.equal(log.head(), before)
  assert.equal(log.isFrozen(), false)
  await assert.rejects(log.append(proposalOf('c')), { code: 'STORE_CORRUPT' })
  assert.equal(counted.filter(metric => metric === 'log_corrupt').length, 1)
  await log.close()
})

test('an empty log can be frozen', async () => {
  const log = await openTestLog(openMemoryStore(emptyLogDisk()))
  assert.equal((await log.freeze(line)).size, 0n)
  await assert.rejects(log.append(proposalOf('a')), refused)
  await log.close()
})

test('a backup from before its end does not begin a log again', async () => {
  const disk = emptyLogDisk()
  const log = await openTestLog(openMemoryStore(disk))
  await log.append(proposalOf('a'))
  const backup = copyOfDisk(disk)
  const last = await log.freeze(line)
  await log.close()
  backup.objects.set('checkpoint', encodeUtf8(last.note))
  const restored = await openTestLog(openMemoryStore(backup))
  assert.equal(restored.head().note, last.note)
  await assert.rejects(restored.append(proposalOf('b')), refused)
  await restored.close()
  assert.equal(backup.state.frozen, line)
})

test('a log that has more than its last head says is not opened', async () => {
  const disk = emptyLogDisk()
  const log = await openTestLog(openMemoryStore(disk))
  await log.append(proposalOf('a'))
  const other = copyOfDisk(disk)
  await log.append(proposalOf('b'))
  await log.close()
  const frozen = await openTestLog(openMemoryStore(other))
  disk.objects.set('checkpoint', encodeUtf8((await frozen.freeze(line)).note))
  await frozen.close()
  await assert.rejects(openTestLog(openMemoryStore(disk)), {
    code: 'STORE_CORRUPT',
    message: 'log: its last head, of size 1, was published, and 2 entries are stored',
  })
})

test('a log whose heads have no place for it cannot be frozen', async () => {
  const layout = ctLogLayout('ct.example/2026', testLogSigners.ecdsa())
  const log = await openTestLog(openMemoryStore(emptyLogDisk()), { ...layout, canFreeze: false })
  await assert.rejects(log.freeze(line), { code: 'CAPABILITY_MISSING', message: /heads of this kind cannot say that it has ended/ })
  assert.equal(log.isFrozen(), false)
  await log.close()
})

// C11: a run of appends with a freeze in the middle, of which each write fails once.

const texts = ['a', 'b', 'c', 'd']

type Outcome = 'frozen' | 'unknown'

async function freezeOnce(log: TileLog): Promise<Outcome> {
  try {
    assert.equal((await log.freeze(line)).frozen, line)
    return 'frozen'
  } catch (cause) {
    assert.ok(cause instanceof CountersignError && cause.code === 'STORE_UNAVAILABLE', String(cause))
    return 'unknown'
  }
}

/** Appends; what is refused is so because the store failed, or because the log has ended. */
async function appendAll(log: TileLog, audit: LogAudit, from: readonly string[]): Promise<void> {
  for (const text of from)
    try {
      await audit.included(await log.append(proposalOf(text)), text)
      assert.equal(log.isFrozen(), false)
    } catch (cause) {
      assert.ok(cause instanceof CountersignError, String(cause))
      assert.match(cause.code, /^(STORE_UNAVAILABLE|LOG_FROZEN)$/)
    }
  await audit.head(log.head())
}

async function run(log: TileLog, audit: LogAudit): Promise<Outcome> {
  await appendAll(log, audit, texts.slice(0, 2))
  const outcome = await freezeOnce(log)
  await appendAll(log, audit, texts.slice(2))
  if (outcome === 'frozen') assert.equal(log.isFrozen(), true)
  return outcome
}

async function countWrites(): Promise<number> {
  const { store, writes } = faultyStore(openMemoryStore(emptyLogDisk()), undefined)
  const log = await openTestLog(store)
  assert.equal(await run(log, new LogAudit()), 'frozen')
  await log.close()
  return writes()
}

const writes = await countWrites()

test('a run has writes of every kind to fail', () => assert.ok(writes >= 4, `${writes} writes`)) // commits, the end, its head

for (const afterwards of ['dies', 'once'] as const)
  for (const when of ['before', 'after'] as const)
    test(`C11: a fault ${when} each of ${writes} writes of a freeze lands, after which the store ${afterwards === 'dies' ? 'is gone' : 'works again'}`, async () => {
      for (let write = 1; write <= writes; write++) await faultAt({ write, when, afterwards })
    })

async function faultAt(fault: StoreFault): Promise<void> {
  const disk = emptyLogDisk()
  const audit = new LogAudit()
  const log = await openTestLog(faultyStore(openMemoryStore(disk), fault).store)
  const outcome = await run(log, audit)
  if (fault.afterwards === 'once') {
    assert.equal(await freezeOnce(log), 'frozen') // asking again makes sure
    assert.equal(writtenNote(disk), log.head().note)
    await audit.check(log)
  }
  await log.close()
  unplug(disk)
  const again = await openTestLog(openMemoryStore(disk))
  await audit.check(again)
  if (outcome === 'frozen') assert.equal(again.head().frozen, line)
  assert.equal(again.isFrozen(), again.head().frozen !== undefined) // who reads that it has ended can rely on it, and the other way round
  await appendAll(again, audit, texts)
  const last = await again.freeze(line)
  assert.equal(frozenLineOf(parseCheckpoint(parseSignedNote(writtenNote(disk)).text)), line)
  await audit.check(again)
  await again.close()
  const ended = await openTestLog(openMemoryStore(disk))
  assert.equal(ended.head().note, last.note)
  await ended.close()
}

test('a database of an earlier version is brought up to date, and what was in it is there', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'countersign-log-'))
  const folder = join(parent, 'log')
  try {
    const audit = new LogAudit()
    const log = await openTestLog(await openSqliteStore(folder))
    await audit.included(await log.append(proposalOf('a')), 'a')
    await log.close()
    const database = new DatabaseSync(join(folder, 'log.db'))
    database.exec('ALTER TABLE log DROP COLUMN frozen; PRAGMA user_version = 1') // as version 1 was
    database.close()
    const migrated = await openTestLog(await openSqliteStore(folder))
    await audit.check(migrated)
    await audit.included(await migrated.append(proposalOf('b')), 'b')
    const last = await migrated.freeze(line)
    await migrated.close()
    const again = await openTestLog(await openSqliteStore(folder))
    assert.equal(again.head().note, last.note)
    assert.equal(again.head().note.startsWith(`${testOrigin}\n2\n`), true)
    await assert.rejects(again.append(proposalOf('c')), refused)
    await audit.check(again)
    await again.close()
  } finally {
    await rm(parent, { recursive: true })
  }
})
