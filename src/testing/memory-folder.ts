import { collectBytes } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import { type Folder, namesIn, partsOfPath } from '../oci/layout/folder.ts'

export type MemoryFile = { readonly data: Uint8Array; readonly mode: number }

/** Files by their paths. */
export type Disk = {
  readonly get: (path: string) => MemoryFile | undefined
  readonly set: (path: string, file: MemoryFile) => unknown
  readonly has: (path: string) => boolean
  readonly delete: (path: string) => boolean
  readonly keys: () => Iterable<string>
}

/** A folder of a disk in memory, whose files are all those under `NAME/`. Memory has no links. */
export function memoryFolder(disk: Disk, name: string): Folder {
  const prefix = `${name.replace(/^(\.\/)+/, '').replace(/\/+$/, '')}/`
  const pathOf = (path: string) => `${prefix === './' ? '' : prefix}${partsOfPath(path, name).join('/')}`
  return {
    name,
    read: async (path, limitBytes) => {
      const data = disk.get(pathOf(path))?.data
      if (data && data.length > limitBytes)
        throw new CountersignError('LIMIT_EXCEEDED', `file ${quote(pathOf(path))}: want at most ${limitBytes} bytes`)
      return data
    },
    stream: async function* (path, range) {
      const file = disk.get(pathOf(path))
      if (!file) throw new CountersignError('FILE_UNREADABLE', `file ${quote(pathOf(path))}: no such file or folder`)
      const part = file.data.subarray(range?.start, range?.end)
      for (let at = 0; at < part.length; at += pieceBytes) yield part.subarray(at, at + pieceBytes)
    },
    size: async path => disk.get(pathOf(path))?.data.length,
    list: async path => namesIn(pathOf(path), disk.keys()),
    write: async (path, data) => {
      const whole = data instanceof Uint8Array ? Uint8Array.from(data) : await collectBytes(data, Number.POSITIVE_INFINITY)
      disk.set(pathOf(path), { data: whole!, mode: 0o644 })
    },
    remove: async path => void disk.delete(pathOf(path)),
  }
}

const pieceBytes = 64 * 1024
