import type { DatabaseSync } from 'node:sqlite'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { quote } from '../../codec/text.ts'
import { emptyRoot } from '../../formats/log/merkle.ts'

/** What makes a database one of a log. It stands in the file's header (`PRAGMA application_id`). */
const applicationId = 0x4353_4c47 // "CSLG"

/** What leads from each version of the schema to the next, from nothing on. Steps are never changed once they were released, only added. */
const steps: readonly string[] = [
  `CREATE TABLE log (
     id INTEGER PRIMARY KEY CHECK (id = 0),
     size INTEGER NOT NULL,
     root BLOB NOT NULL,
     time_ms INTEGER NOT NULL,
     tiles_filed INTEGER NOT NULL
   ) STRICT;
   INSERT INTO log VALUES (0, 0, x'${encodeHex(emptyRoot)}', 0, 0);
   CREATE TABLE entries (
     idx INTEGER PRIMARY KEY,
     time_ms INTEGER NOT NULL,
     leaf_hash BLOB NOT NULL, -- before what is long, so that tiles are made again without reading it
     extra BLOB NOT NULL,
     data BLOB NOT NULL
   ) STRICT;
   CREATE TABLE identities (identity BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE search_keys ( -- by chapters of entries, so that what a commit changes lies close together, however long the log
     chapter INTEGER NOT NULL,
     key BLOB NOT NULL,
     idx INTEGER NOT NULL,
     PRIMARY KEY (chapter, key, idx)
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE log ADD COLUMN frozen TEXT; -- what the last checkpoint says of the log's end; NULL while it takes entries`,
]

/** The version of the schema that this program writes (`PRAGMA user_version`). */
export const schemaVersion = steps.length

/**
 * Brings a database to the schema of this program, all of it or nothing.
 *
 * @param path - for messages
 * @throws CountersignError `STORE_TOO_NEW`; `STORE_CORRUPT` for a database of something else
 */
export function migrate(database: DatabaseSync, path: string): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = numberOf(database, 'user_version')
    const owner = numberOf(database, 'application_id')
    const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
    if (owner !== applicationId && !(owner === 0 && version === 0 && isEmpty))
      throw new CountersignError('STORE_CORRUPT', `log store ${quote(path)}: this is a database of something else`)
    if (version > schemaVersion)
      throw new CountersignError(
        'STORE_TOO_NEW',
        `log store ${quote(path)}: want schema version ${schemaVersion} or older, got ${version}: a later version of this program wrote it`,
      )
    for (const step of steps.slice(version)) database.exec(step)
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}; COMMIT`)
  } catch (cause) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw cause
  }
}

function numberOf(database: DatabaseSync, pragma: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()![pragma])
}
