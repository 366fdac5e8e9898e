import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { sha256 } from '../crypto/digest.ts'
import { emptyRoot } from '../formats/log/merkle.ts'
import { copyOfDisk, emptyLogDisk, openMemoryStore } from '../testing/log/memory-store.ts'
import { openSqliteStore } from './sqlite/sqlite-store.ts'
import type { Batch, LogStore, NewRow } from './store.ts'

/** A place where a store can be opened again and again. */
type Place = { readonly open: () => Promise<LogStore>; readonly remove: () => Promise<void> }

const drivers: Readonly<Record<string, () => Promise<Place>>> = {
  memory: async () => {
    const disk = emptyLogDisk()
    return { open: async () => openMemoryStore(disk), remove: async () => {} }
  },
  sqlite: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-log-'))
    return { open: () => openSqliteStore(join(folder, 'log')), remove: () => rm(folder, { recursive: true }) }
  },
}

function rowOf(index: number, searchKeys: readonly string[] = []): NewRow {
  const text = (what: string) => encodeUtf8(`${what} ${index}`)
  return {
    index,
    timeMs: 1000 + index,
    identity: sha256(text('identity')),
    leafHash: sha256(text('leaf')),
    data: text('data'),
    extra: index === 1 ? new Uint8Array(0) : text('extra'),
    searchKeys,
  }
}

function batchOf(start: number, rows: readonly NewRow[]): Batch {
  const size = start + rows.length
  return { start, rows, after: { size, root: sha256(encodeUtf8(`root ${size}`)), timeMs: 1000 + size, tilesFiled: 7 } }
}

/** What is read of a row. */
function readingOf({ identity, searchKeys, ...row }: NewRow) {
  return row
}

for (const [driver, makePlace] of Object.entries(drivers)) {
  const withStore = (name: string, body: (store: LogStore, place: Place) => Promise<LogStore | undefined>) =>
    test(`${driver} store: ${name}`, async () => {
      const place = await makePlace()
      try {
        await (await body(await place.open(), place))?.close()
      } finally {
        await place.remove()
      }
    })

  withStore('a new one is empty', async store => {
    assert.deepEqual(await store.state(), { size: 0, root: emptyRoot, timeMs: 0, tilesFiled: 0 })
    assert.deepEqual(await store.rows(0, 10), [])
    assert.deepEqual(await store.leafHashes(0, 10), new Uint8Array(0))
    assert.deepEqual(await store.find([rowOf(0).identity]), [undefined])
    assert.deepEqual(await store.search('key', 10, 10), [])
    assert.equal(await store.readObject('checkpoint'), undefined)
    return store
  })

  withStore('what was committed is there after it was closed and opened', async (store, place) => {
    const rows = [rowOf(0), rowOf(1), rowOf(2)]
    await store.commit(batchOf(0, rows.slice(0, 2)))
    await store.commit(batchOf(2, rows.slice(2)))
    await store.close()
    const again = await place.open()
    assert.deepEqual(await again.state(), batchOf(2, rows.slice(2)).after)
    assert.deepEqual(await again.rows(0, 3), rows.map(readingOf))
    assert.deepEqual(await again.rows(1, 2), [readingOf(rows[1]!)])
    assert.deepEqual(await again.rows(2, 9), [readingOf(rows[2]!)])
    assert.deepEqual(await again.leafHashes(1, 3), Uint8Array.from([...rows[1]!.leafHash, ...rows[2]!.leafHash]))
    assert.deepEqual(await again.find([rows[2]!.identity, rowOf(9).identity, rows[0]!.identity]), [2, undefined, 0])
    return again
  })

  withStore('a batch that starts elsewhere is refused, all of it', async store => {
    await store.commit(batchOf(0, [rowOf(0)]))
    for (const start of [0, 2]) {
      const batch = batchOf(start, [rowOf(5), rowOf(6)])
      await assert.rejects(store.commit(batch), { code: 'STORE_UNAVAILABLE', message: new RegExp(`want size ${start}, got another`) })
    }
    assert.deepEqual(await store.state(), batchOf(0, [rowOf(0)]).after)
    assert.equal((await store.rows(0, 9)).length, 1)
    assert.deepEqual(await store.find([rowOf(5).identity]), [undefined])
    await store.commit(batchOf(1, [rowOf(1)]))
    return store
  })

  withStore('a frozen one takes no batch, and stays frozen by what was said first', async (store, place) => {
    await store.commit(batchOf(0, [rowOf(0)]))
    await store.freeze('the end')
    await store.freeze('another end')
    await assert.rejects(store.commit(batchOf(1, [rowOf(1)])), {
      code: 'STORE_UNAVAILABLE',
      message: /want size 1, got another, or an end/,
    })
    await store.close()
    const again = await place.open()
    await assert.rejects(again.commit(batchOf(1, [rowOf(1)])), { code: 'STORE_UNAVAILABLE' })
    assert.deepEqual(await again.state(), { ...batchOf(0, [rowOf(0)]).after, frozen: 'the end' })
    assert.equal((await again.rows(0, 9)).length, 1)
    return again
  })

  withStore('keys find their entries, the oldest first', async store => {
    const rows = [rowOf(0, ['a', 'b']), rowOf(1, ['b']), rowOf(2, ['b', 'b']), rowOf(3, [`sha256:${'0'.repeat(600)}`])]
    await store.commit(batchOf(0, rows))
    assert.deepEqual(await store.search('b', 4, 10), [0, 1, 2])
    assert.deepEqual(await store.search('b', 4, 2), [0, 1])
    assert.deepEqual(await store.search('b', 2, 10), [0, 1])
    assert.deepEqual(await store.search('a', 4, 10), [0])
    assert.deepEqual(await store.search('', 4, 10), [])
    assert.deepEqual(await store.search(`sha256:${'0'.repeat(600)}`, 4, 10), [3])
    return store
  })

  withStore('keys find entries that are far apart', async store => {
    const far = 16_384
    const rows = Array.from({ length: 2 * far + 1 }, (_, index) => rowOf(index, index % far === 0 ? ['far'] : []))
    await store.commit(batchOf(0, rows))
    assert.deepEqual(await store.search('far', rows.length, 10), [0, far, 2 * far])
    assert.deepEqual(await store.search('far', rows.length, 2), [0, far])
    assert.deepEqual(await store.search('far', 2 * far, 10), [0, far])
    assert.deepEqual(await store.search('far', far, 10), [0])
    return store
  })

  withStore('objects are replaced, and stay', async (store, place) => {
    await store.writeObject('checkpoint', encodeUtf8('first'))
    await store.writeObject('checkpoint', encodeUtf8('second'))
    await store.writeObject('tile/0/x001/234', new Uint8Array(8192).fill(3))
    await store.close()
    const again = await place.open()
    assert.deepEqual(Uint8Array.from((await again.readObject('checkpoint'))!), encodeUtf8('second'))
    assert.deepEqual(Uint8Array.from((await again.readObject('tile/0/x001/234'))!), new Uint8Array(8192).fill(3))
    assert.equal(await again.readObject('tile/0/x001/235'), undefined)
    return again
  })

  withStore('a second one is refused as long as the first is open', async (store, place) => {
    await assert.rejects(place.open(), { code: 'STORE_LOCKED', message: /another/ })
    await store.commit(batchOf(0, [rowOf(0)]))
    await store.close()
    return await place.open()
  })
}

test('memory store: a copy goes its own way, as a backup does', async () => {
  const disk = emptyLogDisk()
  const store = openMemoryStore(disk)
  await store.commit(batchOf(0, [rowOf(0)]))
  const backup = copyOfDisk(disk)
  await store.commit(batchOf(1, [rowOf(1)]))
  assert.equal((await openMemoryStore(backup).state()).size, 1)
})

/** Runs with a folder that has a log's database in it, closed. */
async function withDatabase(body: (folder: string, path: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'countersign-log-'))
  const folder = join(parent, 'log')
  try {
    const store = await openSqliteStore(folder)
    await store.commit(batchOf(0, [rowOf(0)]))
    await store.close()
    await body(folder, join(folder, 'log.db'))
  } finally {
    await rm(parent, { recursive: true })
  }
}

test('sqlite store: nobody else can read its files', () =>
  withDatabase(async folder => {
    const store = await openSqliteStore(folder)
    await store.commit(batchOf(1, [rowOf(1)]))
    await store.writeObject('tile/0/000', new Uint8Array(1))
    for (const [name, mode] of [
      ['.', 0o700],
      ['log.db', 0o600],
      ['log.db-wal', 0o600],
      ['tile', 0o700],
      ['tile/0', 0o700],
      ['tile/0/000', 0o600],
    ] as const)
      assert.equal((await stat(join(folder, name))).mode & 0o777, mode, name)
    await store.close()
  }))

for (const { name, change, code, message } of [
  {
    name: 'one of a later version',
    change: 'PRAGMA user_version = 3',
    code: 'STORE_TOO_NEW',
    message: /want schema version 2 or older, got 3/,
  },
  { name: 'one of something else', change: 'PRAGMA application_id = 7', code: 'STORE_CORRUPT', message: /a database of something else/ },
  { name: 'one that nobody signed', change: 'PRAGMA application_id = 0', code: 'STORE_CORRUPT', message: /a database of something else/ },
] as const)
  test(`sqlite store: ${name} is refused and left as it is`, () =>
    withDatabase(async (folder, path) => {
      const database = new DatabaseSync(path)
      database.exec(change)
      database.close()
      for (const _ of [1, 2]) await assert.rejects(openSqliteStore(folder), { code, message })
    }))

test('sqlite store: one whose progress is lost is corrupt', () =>
  withDatabase(async (folder, path) => {
    const database = new DatabaseSync(path)
    database.exec('DELETE FROM log')
    database.close()
    const store = await openSqliteStore(folder)
    await assert.rejects(store.state(), { code: 'STORE_CORRUPT', message: /nothing says how far the log has come/ })
    await store.close()
  }))

test('sqlite store: an identity that is taken is a contradiction', () =>
  withDatabase(async folder => {
    const store = await openSqliteStore(folder)
    const row = { ...rowOf(1), identity: rowOf(0).identity }
    await assert.rejects(store.commit(batchOf(1, [row])), { code: 'STORE_CORRUPT', message: /UNIQUE constraint failed/ })
    assert.equal((await store.state()).size, 1)
    await store.close()
  }))

test('sqlite store: a folder that cannot be made is named', async () =>
  await assert.rejects(openSqliteStore('/dev/null/log'), {
    code: 'STORE_UNAVAILABLE',
    message: /"\/dev\/null\/log\/log\.db": cannot be made/,
  }))
