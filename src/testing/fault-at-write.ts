import type { Folder } from '../oci/layout/folder.ts'
import type { Handler } from '../services/listen.ts'

/** A process that dies at one of its writes, as registries and folders see it. */
export type FaultAtWrite = {
  readonly registry: (handler: Handler) => Handler
  readonly folder: (folder: Folder) => Folder
  /** Whether it has died; from then on nothing is read or written. */
  readonly isDead: () => boolean
}

/**
 * Makes a fault: the write of that number, counted from 1 over everything it was put around, fails before it is applied, or
 * after it with the answer lost. Every request and every access to a file after that fails as well.
 */
export function faultAtWrite(number: number, when: 'before' | 'after'): FaultAtWrite {
  let writes = 0
  let isDead = false
  const died = () => Object.assign(new Error('the connection was reset'), { code: 'ECONNRESET' })
  const read = <T>(task: () => T): T => {
    if (isDead) throw died()
    return task()
  }
  const write = async <T>(task: () => Promise<T>): Promise<T> => {
    if (isDead) throw died()
    if (++writes !== number) return await task()
    isDead = true
    if (when === 'after') await task()
    throw died()
  }
  return {
    registry: handler => async request =>
      request.method === 'GET' || request.method === 'HEAD'
        ? await read(() => handler(request))
        : await write(async () => await handler(request)),
    folder: folder => ({
      ...folder,
      read: (...args) => read(() => folder.read(...args)),
      stream: (...args) => read(() => folder.stream(...args)),
      size: (...args) => read(() => folder.size(...args)),
      list: (...args) => read(() => folder.list(...args)),
      write: (...args) => write(() => folder.write(...args)),
      remove: (...args) => write(() => folder.remove(...args)),
    }),
    isDead: () => isDead,
  }
}
