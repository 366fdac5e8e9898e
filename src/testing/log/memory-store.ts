import { joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { emptyRoot } from '../../formats/log/merkle.ts'
import type { LogStore, NewRow, StoredState } from '../../log/store.ts'

/** What outlives the process: everything that a store said is durable. */
export type LogDisk = {
  state: StoredState
  rows: NewRow[]
  readonly objects: Map<string, Uint8Array>
  isOpen: boolean
}

/** A disk on which no log has begun. */
export function emptyLogDisk(): LogDisk {
  return { state: { size: 0, root: emptyRoot, timeMs: 0, tilesFiled: 0 }, rows: [], objects: new Map(), isOpen: false }
}

/** A disk with what this one has, as a backup is. */
export function copyOfDisk(disk: LogDisk): LogDisk {
  return { ...disk, rows: [...disk.rows], objects: new Map(disk.objects), isOpen: false }
}

/** A process that dies: its lock goes with it. */
export function unplug(disk: LogDisk): void {
  disk.isOpen = false
}

/** A store in memory that keeps the contract of `LogStore`. */
export function openMemoryStore(disk: LogDisk): LogStore {
  if (disk.isOpen) throw new CountersignError('STORE_LOCKED', 'log store in memory: another has it open')
  disk.isOpen = true
  const byIdentity = new Map(disk.rows.map(row => [encodeHex(row.identity), row.index]))
  const range = (start: number, end: number) => disk.rows.slice(start, end)
  return {
    state: async () => disk.state,
    commit: async ({ start, rows, after }) => {
      if (disk.state.size !== start || disk.state.frozen !== undefined)
        throw new CountersignError('STORE_UNAVAILABLE', `log store in memory: want size ${start}, got another, or an end`)
      disk.rows.push(...rows)
      disk.state = after
      for (const row of rows) byIdentity.set(encodeHex(row.identity), row.index)
    },
    freeze: async line => {
      disk.state = { frozen: line, ...disk.state }
    },
    rows: async (start, end) => range(start, end).map(({ identity, searchKeys, ...row }) => row),
    leafHashes: async (start, end) => joinBytes(range(start, end).map(row => row.leafHash)),
    find: async identities => identities.map((identity: Sha256) => byIdentity.get(encodeHex(identity))),
    search: async (key, end, limit) =>
      range(0, end)
        .filter(row => row.searchKeys.includes(key))
        .slice(0, limit)
        .map(row => row.index),
    readObject: async name => disk.objects.get(name),
    writeObject: async (name, bytes) => void disk.objects.set(name, Uint8Array.from(bytes)),
    close: async () => unplug(disk),
  }
}
