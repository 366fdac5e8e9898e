import { access, constants, mkdir, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { CountersignError } from '../../codec/error.ts'
import { decodeHex } from '../../codec/hex.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import type { LogStore, StoredRow } from '../store.ts'
import { openObjectFiles, syncFolder } from './object-files.ts'
import { migrate } from './schema.ts'

/** What a store may take of its disk. */
export type SqliteStoreOptions = {
  /** Bytes that `log.db` takes on disk at most. A commit past them fails as on a full disk. */
  readonly limitBytes?: number
}

/**
 * A log's store in a folder of its own, made where it is missing, readable by its owner alone:
 * ```text
 * log.db       entries, identities and how far the log has come: the truth
 * log.db-wal   what SQLite has committed and not yet moved
 * tile/...     tiles and entry bundles, as C2SP tlog-tiles names them; can be made again from log.db
 * checkpoint   the latest published head
 * incoming/N   files in the making
 * ```
 * A commit is durable once SQLite has synced its write-ahead log (`synchronous=FULL`; `NORMAL` would lose it in a power cut).
 *
 * The lock is SQLite's own on `log.db`, held until `close` or the end of the process, however it ends. It is the process's: reading
 * `log.db` by other means in this process and closing it would let go of the lock, as POSIX has it. So nothing else here opens that file.
 *
 * @throws CountersignError `STORE_LOCKED` when another process has it open, `STORE_TOO_NEW`, `STORE_CORRUPT`, `STORE_UNAVAILABLE`
 */
export async function openSqliteStore(folder: string, options: SqliteStoreOptions = {}): Promise<LogStore> {
  const root = resolve(folder)
  const path = join(root, 'log.db')
  try {
    await mkdir(root, { recursive: true, mode: 0o700 })
    await makeFile(path)
    await syncFolder(root)
  } catch (cause) {
    throw new CountersignError('STORE_UNAVAILABLE', `log store ${quote(path)}: cannot be made`, { cause })
  }
  await checkWritable(root)
  const database = openDatabase(path, options)
  try {
    const objects = await openObjectFiles(root)
    return { ...rowsOf(database, path), ...objects }
  } catch (cause) {
    database.close()
    throw asStoreError(cause, path)
  }
}

/** Makes an empty file that nobody else can read, which SQLite would not. One that is there is not even opened, for its lock's sake. */
async function makeFile(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close()
  } catch (cause) {
    if (systemErrorCode(cause) !== 'EEXIST') throw cause
  }
}

/** Of a disk that is read only SQLite says no more than "disk I/O error". */
async function checkWritable(root: string): Promise<void> {
  try {
    await access(root, constants.W_OK)
  } catch (cause) {
    const reason = systemErrorCode(cause) === 'EROFS' ? 'the disk is read only' : 'the folder cannot be written'
    throw new CountersignError('STORE_UNAVAILABLE', `log store ${quote(root)}: ${reason}`, { cause })
  }
}

function openDatabase(path: string, { limitBytes }: SqliteStoreOptions): DatabaseSync {
  const database = attempt(path, () => new DatabaseSync(path))
  try {
    attempt(path, () => {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF')
      const { journal_mode: mode } = database.prepare('PRAGMA journal_mode = WAL').get()!
      if (mode !== 'wal') throw new CountersignError('STORE_UNAVAILABLE', `log store ${quote(path)}: no write-ahead log can be kept there`)
      database.exec('PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864')
      migrate(database, path)
      if (limitBytes !== undefined) {
        const { page_size: pageBytes } = database.prepare('PRAGMA page_size').get()!
        database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(limitBytes / Number(pageBytes)))}`)
      }
    })
    return database
  } catch (cause) {
    database.close()
    throw cause
  }
}

function rowsOf(database: DatabaseSync, path: string): Omit<LogStore, 'readObject' | 'writeObject'> {
  const sql = attempt(path, () => ({
    state: database.prepare('SELECT size, root, time_ms, tiles_filed, frozen FROM log'),
    advance: database.prepare('UPDATE log SET size = ?, root = ?, time_ms = ?, tiles_filed = ? WHERE size = ? AND frozen IS NULL'),
    freeze: database.prepare('UPDATE log SET frozen = ? WHERE frozen IS NULL'),
    insert: database.prepare('INSERT INTO entries (idx, time_ms, leaf_hash, extra, data) VALUES (?, ?, ?, ?, ?)'),
    identify: database.prepare('INSERT INTO identities (identity, idx) VALUES (?, ?)'),
    addKey: database.prepare('INSERT OR IGNORE INTO search_keys (chapter, key, idx) VALUES (?, ?, ?)'),
    rows: database.prepare('SELECT idx, time_ms, leaf_hash, extra, data FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx'),
    // As one text: a value for each row takes twice as long.
    leafHashes: database.prepare(
      "SELECT lower(group_concat(hex(leaf_hash), '' ORDER BY idx)) AS hashes FROM entries WHERE idx >= ? AND idx < ?",
    ),
    find: database.prepare('SELECT idx FROM identities WHERE identity = ?'),
    search: database.prepare('SELECT idx FROM search_keys WHERE chapter = ? AND key = ? AND idx < ? ORDER BY idx LIMIT ?'),
  }))
  const use = async <T>(task: () => T): Promise<T> => attempt(path, task)

  return {
    state: () =>
      use(() => {
        const row = sql.state.get()
        if (!row) throw new CountersignError('STORE_CORRUPT', `log store ${quote(path)}: nothing says how far the log has come`)
        return {
          size: numberIn(row['size']),
          root: hashIn(row['root']),
          timeMs: numberIn(row['time_ms']),
          tilesFiled: numberIn(row['tiles_filed']),
          ...(row['frozen'] !== null && { frozen: textIn(row['frozen']) }),
        }
      }),
    commit: ({ start, rows, after }) =>
      use(() => {
        database.exec('BEGIN IMMEDIATE')
        try {
          for (const row of rows) {
            sql.insert.run(row.index, row.timeMs, row.leafHash, row.extra, row.data)
            sql.identify.run(row.identity, row.index)
            for (const key of row.searchKeys) sql.addKey.run(chapterOf(row.index), shortened(key), row.index)
          }
          const { changes } = sql.advance.run(after.size, after.root, after.timeMs, after.tilesFiled, start)
          if (changes !== 1)
            throw new CountersignError('STORE_UNAVAILABLE', `log store ${quote(path)}: want size ${start}, got another, or an end`)
          database.exec('COMMIT')
        } catch (cause) {
          if (database.isTransaction) database.exec('ROLLBACK')
          throw cause
        }
      }),
    freeze: line => use(() => void sql.freeze.run(line)),
    rows: (start, end) =>
      use(() =>
        sql.rows.all(start, end).map(
          (row): StoredRow => ({
            index: numberIn(row['idx']),
            timeMs: numberIn(row['time_ms']),
            leafHash: hashIn(row['leaf_hash']),
            extra: bytesIn(row['extra']),
            data: bytesIn(row['data']),
          }),
        ),
      ),
    leafHashes: (start, end) =>
      use(() => {
        const hashes = sql.leafHashes.get(start, end)?.['hashes'] ?? '' // of no rows there is no text
        return decodeHex(textIn(hashes), 'log store: leaf hashes')
      }),
    find: identities =>
      use(() =>
        identities.map(identity => {
          const row = sql.find.get(identity)
          return row && numberIn(row['idx'])
        }),
      ),
    search: (key, end, limit) =>
      use(() => {
        const found: number[] = []
        for (let chapter = 0; chapter <= chapterOf(end) && found.length < limit; chapter++)
          for (const row of sql.search.all(chapter, shortened(key), end, limit - found.length)) found.push(numberIn(row['idx']))
        return found
      }),
    close: () => use(() => database.close()),
  }
}

/**
 * Keys are random, and one tree of them all would have a page changed for each key of each entry: 44 us of an append of three keys at half a
 * million entries, and growing; by chapters it stays below 20. A search looks into each of them, 61 in a million entries.
 */
function chapterOf(index: number): number {
  return Math.floor(index / 16_384)
}

/** Search keys are kept as half of a digest: 16 bytes, however long they are. */
function shortened(key: string): Uint8Array {
  return sha256(encodeUtf8(key)).subarray(0, 16)
}

function numberIn(value: SQLOutputValue | undefined): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new CountersignError('STORE_CORRUPT', 'log store: want a whole number in a row, got something else')
}

function textIn(value: SQLOutputValue | undefined): string {
  if (typeof value === 'string') return value
  throw new CountersignError('STORE_CORRUPT', 'log store: want text in a row, got something else')
}

function bytesIn(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new CountersignError('STORE_CORRUPT', 'log store: want bytes in a row, got something else')
}

function hashIn(value: SQLOutputValue | undefined): Sha256 {
  const bytes = bytesIn(value)
  if (bytes.length === 32) return bytes as Sha256
  throw new CountersignError('STORE_CORRUPT', `log store: want a hash of 32 bytes in a row, got ${bytes.length}`)
}

function attempt<T>(path: string, task: () => T): T {
  try {
    return task()
  } catch (cause) {
    throw asStoreError(cause, path)
  }
}

/** What SQLite's result codes mean to us. @see https://sqlite.org/rescode.html */
function asStoreError(cause: unknown, path: string): unknown {
  if (cause instanceof CountersignError || !(cause instanceof Error)) return cause
  const code = 'errcode' in cause && typeof cause.errcode === 'number' ? cause.errcode & 0xff : undefined
  const message = `log store ${quote(path)}: ${cause.message}`
  switch (code) {
    case 5: // BUSY
      return new CountersignError('STORE_LOCKED', `log store ${quote(path)}: another process has it open`, { cause })
    case 11: // CORRUPT
    case 19: // CONSTRAINT: an index or identity that the log does not know to be there
    case 26: // NOTADB
      return new CountersignError('STORE_CORRUPT', message, { cause })
    default:
      return new CountersignError('STORE_UNAVAILABLE', message, { cause })
  }
}
