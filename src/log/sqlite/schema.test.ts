import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { leafHash } from '../../formats/log/merkle.ts'
import { openTileLog } from '../open-tile-log.ts'
import { openSqliteStore } from './sqlite-store.ts'

// Databases as earlier versions of this program wrote them, in their own words: what was released is never written otherwise.

const place = mkdtempSync(join(tmpdir(), 'countersign-log-schema-'))
after(() => rmSync(place, { recursive: true, force: true }))

const data = encodeUtf8('the first entry')
const root = leafHash(data)
const bytes = (value: Uint8Array) => `x'${encodeHex(value)}'`

/** Version 1: a log of one entry. */
const version1 = `
  CREATE TABLE log (
    id INTEGER PRIMARY KEY CHECK (id = 0), size INTEGER NOT NULL, root BLOB NOT NULL, time_ms INTEGER NOT NULL, tiles_filed INTEGER NOT NULL
  ) STRICT;
  INSERT INTO log VALUES (0, 1, ${bytes(root)}, 1700000000000, 0);
  CREATE TABLE entries (
    idx INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, leaf_hash BLOB NOT NULL, extra BLOB NOT NULL, data BLOB NOT NULL
  ) STRICT;
  INSERT INTO entries VALUES (0, 1700000000000, ${bytes(root)}, x'07', ${bytes(data)});
  CREATE TABLE identities (identity BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO identities VALUES (${bytes(sha256(data))}, 0);
  CREATE TABLE search_keys (chapter INTEGER NOT NULL, key BLOB NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (chapter, key, idx)) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${0x4353_4c47};
  PRAGMA user_version = 1;`

function write(name: string, sql: string): string {
  const folder = join(place, name)
  mkdirSync(folder, { mode: 0o700 })
  const database = new DatabaseSync(join(folder, 'log.db'))
  database.exec(sql)
  database.close()
  return folder
}

function versionOf(folder: string): unknown {
  const database = new DatabaseSync(join(folder, 'log.db'))
  try {
    return database.prepare('PRAGMA user_version').get()?.['user_version']
  } finally {
    database.close()
  }
}

const heads = {
  signHead: async ({ size, root }: { readonly size: bigint; readonly root: Uint8Array }) => `${size} ${encodeHex(root)}`,
  verifyHead: async (note: string) => {
    const [size, hex] = note.split(' ')
    return { size: BigInt(size!), root: Uint8Array.from(Buffer.from(hex!, 'hex')) as ReturnType<typeof leafHash> }
  },
}

test('sqlite store: one of an earlier version is brought to this one, with all it has, and goes on', async () => {
  const folder = write('migrated', version1)
  const log = await openTileLog({ ...heads, store: await openSqliteStore(folder), now: () => new Date(), bundles: undefined })
  assert.deepEqual([log.head().size, log.head().root], [1n, root], 'its tree is proven')
  const first = await log.entry(0n)
  assert.deepEqual([first?.data, first?.extra, first?.timeMs], [data, Uint8Array.of(7), 1_700_000_000_000n])
  const leaf = encodeUtf8('the second')
  const { isNew, entry } = await log.append({
    identity: sha256(leaf),
    seal: () => ({ leaf, data: leaf, extra: new Uint8Array(0), searchKeys: [] }),
  })
  assert.deepEqual([isNew, entry.index], [true, 1n])
  await log.close()
  assert.equal(versionOf(folder), 2)
})

test('sqlite store: one of an earlier version whose tree is not what it says does not start', async () => {
  const folder = write('tampered', version1.replace(`(0, 1, ${bytes(root)}`, `(0, 1, ${bytes(sha256(data))}`))
  const opening = openTileLog({ ...heads, store: await openSqliteStore(folder), now: () => new Date(), bundles: undefined })
  await assert.rejects(opening, { code: 'STORE_CORRUPT', message: /root/ })
})

test('sqlite store: one that cannot be brought to this version is left in its own', async () => {
  const folder = write('stuck', `${version1} ALTER TABLE log ADD COLUMN frozen TEXT;`) // so that the step cannot be taken
  await assert.rejects(openSqliteStore(folder), { code: 'STORE_UNAVAILABLE', message: /duplicate column name: frozen/ })
  assert.equal(versionOf(folder), 1)
})
