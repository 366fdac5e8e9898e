import { CountersignError } from '../../codec/error.ts'
import type { LogStore } from '../../log/store.ts'

/** A write that fails, and what comes after it. */
export type StoreFault = {
  readonly write: number // which of all writes, counted from 1
  readonly when: 'before' | 'after' // it lands
  /** `dies`: nothing is read or written any more. `once`: the store works again. `full`: every later write fails before it lands, reads go on. */
  readonly afterwards: 'dies' | 'once' | 'full'
}

/** A store with a fault, and what came of it. */
export type FaultyStore = {
  readonly store: LogStore
  /** Writes so far, failed ones too. */
  readonly writes: () => number
  /** The disk has room again. */
  readonly mend: () => void
}

/** Puts a fault into a store. Commits, objects and its end are writes alike. */
export function faultyStore(store: LogStore, fault: StoreFault | undefined): FaultyStore {
  let writes = 0
  let isMended = false
  const failed = () => new CountersignError('STORE_UNAVAILABLE', 'log store: the disk failed')
  const hasFailed = () => fault !== undefined && writes >= fault.write && !isMended
  const read = async <T>(task: () => Promise<T>): Promise<T> => {
    if (hasFailed() && fault!.afterwards === 'dies') throw failed()
    return await task()
  }
  const write = async (task: () => Promise<void>): Promise<void> => {
    if (hasFailed() && fault!.afterwards !== 'once') throw failed()
    const isIt = ++writes === fault?.write
    if (isIt && fault?.when === 'before') throw failed()
    await task()
    if (isIt) throw failed()
  }
  return {
    store: {
      state: () => read(() => store.state()),
      commit: batch => write(() => store.commit(batch)),
      freeze: line => write(() => store.freeze(line)),
      rows: (start, end) => read(() => store.rows(start, end)),
      leafHashes: (start, end) => read(() => store.leafHashes(start, end)),
      find: identities => read(() => store.find(identities)),
      search: (key, end, limit) => read(() => store.search(key, end, limit)),
      readObject: name => read(() => store.readObject(name)),
      writeObject: (name, bytes) => write(() => store.writeObject(name, bytes)),
      close: () => store.close(),
    },
    writes: () => writes,
    mend: () => {
      isMended = true
    },
  }
}
