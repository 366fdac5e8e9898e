import { type BigIntStats, statSync } from 'node:fs'
import { join } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { systemErrorCode } from '../../../codec/system-error.ts'
import { quote } from '../../../codec/text.ts'
import { openSqliteStore } from '../../../log/sqlite/sqlite-store.ts'
import type { LogStore } from '../../../log/store.ts'

/** A log's store, and why it is not written to now. */
export type FencedStore = { readonly store: LogStore; readonly problem: () => string | undefined }

/**
 * Opens a log's store, which is not written to after its file was exchanged under it. The lock that keeps other processes out is on the file
 * that was opened: where another one has its name, as after a backup was put back under a running stack, another process can lock that, and
 * two would sign different trees with one key (G2). Reads go on, of what was committed while the lock held; and so do writes once the file is
 * back. The same goes for SQLite's write-ahead log, which has what was committed last: the store has one from its opening to its end.
 *
 * @param folder - of the store; its `commit` and `freeze` throw `STORE_UNAVAILABLE` while the file is not there
 * @throws CountersignError what `openSqliteStore` throws
 */
export async function openFencedStore(folder: string): Promise<FencedStore> {
  const store = await openSqliteStore(folder)
  const files = [
    { path: join(folder, 'log.db'), lost: 'the file that is locked is no longer there, and another process may write in its place' },
    {
      path: join(folder, 'log.db-wal'),
      lost: 'the file that is written to is no longer there, and what is committed would end with this process',
    },
  ].map(file => ({ ...file, own: look(file.path) }))
  const problem = (): string | undefined => {
    for (const { path, lost, own } of files)
      try {
        const now = look(path)
        if (!own || now?.ino !== own.ino || now.dev !== own.dev) return `log store ${quote(path)}: ${lost}`
      } catch (cause) {
        return `log store ${quote(path)}: the file cannot be looked at: ${systemErrorCode(cause)}`
      }
    return undefined
  }
  const check = () => {
    const lost = problem()
    if (lost !== undefined) throw new CountersignError('STORE_UNAVAILABLE', lost)
  }
  return {
    store: {
      ...store,
      commit: async batch => {
        check()
        await store.commit(batch)
      },
      freeze: async line => {
        check()
        await store.freeze(line)
      },
    },
    problem,
  }
}

function look(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })
}
