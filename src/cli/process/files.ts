import * as fs from 'node:fs'
import type { Pieces } from '../../codec/byte-source.ts'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import type { Files } from '../context.ts'
import { explain, readStream, readWhole, writeAll, writeDurably } from './file-bytes.ts'
import { createFolder } from './folder.ts'

/** The disk. `randomName` makes names for temporary files. */
export function createFiles(randomName: () => string): Files {
  return {
    read: async (path, limitBytes) => {
      const bytes = await readWhole(path, limitBytes)
      if (!bytes) throw new CountersignError('LIMIT_EXCEEDED', `file ${quote(path)}: want at most ${limitBytes} bytes`)
      return bytes
    },
    stream: readStream,
    folder: path => createFolder(path, randomName),
    write: async (path, data, { mode, onlyNew = false, keepsRights = false }) => {
      try {
        await writeWhole(path, data, { mode, onlyNew, keepsRights, randomName })
      } catch (cause) {
        throw new CountersignError('FILE_UNWRITABLE', `file ${quote(path)}: ${explain(cause)}`, { cause })
      }
    },
    exists: async path => {
      try {
        await fs.promises.lstat(path)
        return true
      } catch (cause) {
        if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause))) return false
        throw new CountersignError('FILE_UNREADABLE', `file ${quote(path)}: ${explain(cause)}`, { cause })
      }
    },
  }
}

type Writing = { readonly mode: number; readonly onlyNew: boolean; readonly keepsRights: boolean; readonly randomName: () => string }

async function writeWhole(
  path: string,
  data: string | Uint8Array | Pieces,
  { mode, onlyNew, keepsRights, randomName }: Writing,
): Promise<void> {
  const target = await whereToWrite(path)
  const kept = keepsRights ? await rightsOf(path) : undefined
  if (target !== 'in place')
    return await writeDurably(target, data, { mode: kept ?? mode, isExact: kept !== undefined, onlyNew, randomName })
  const file = await fs.promises.open(path, 'w', mode)
  try {
    await writeAll(file, data)
  } finally {
    await file.close()
  }
}

/** Who may read and write a file; nothing where there is none. */
async function rightsOf(path: string): Promise<number | undefined> {
  try {
    return (await fs.promises.stat(path)).mode & 0o777
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause
    return undefined
  }
}

/** The file itself, behind symbolic links; or `in place` for what is no plain file. */
async function whereToWrite(path: string): Promise<string> {
  try {
    const status = await fs.promises.stat(path)
    if (status.isFile()) return await fs.promises.realpath(path)
    return 'in place' // a folder is refused by the write itself
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause
    return path
  }
}
