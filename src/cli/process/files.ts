import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { collectBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import type { Files } from '../context.ts'

/** The disk. `randomName` makes names for temporary files. */
export function createFiles(randomName: () => string): Files {
  return {
    read: async (path, limitBytes) => {
      const bytes = await collectBytes(readStream(path), limitBytes)
      if (!bytes) throw new CountersignError('LIMIT_EXCEEDED', `file ${quote(path)}: want at most ${limitBytes} bytes`)
      return bytes
    },
    stream: readStream,
    write: async (path, data, { mode, onlyNew = false }) => {
      try {
        await writeWhole(path, data, mode, onlyNew, randomName)
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

const words = new Map([
  ['EACCES', 'permission denied'],
  ['EEXIST', 'it exists already'],
  ['EISDIR', 'it is a folder'],
  ['ENOENT', 'no such file or folder'],
  ['ENOSPC', 'no space left'],
  ['ENOTDIR', 'a part of the path is no folder'],
  ['EPERM', 'operation not permitted'],
  ['EROFS', 'the file system is read-only'],
])

/** What a system error means, in words. */
export function explain(error: unknown): string {
  return words.get(systemErrorCode(error)) ?? (error instanceof Error ? error.message : String(error))
}

const chunkBytes = 256 * 1024

/**
 * The streams and promises of `node:fs` cost 4 ms of a start-up of 20, and each call that leaves this thread waits for
 * others to start. So the first chunk of a plain file, which is all of most, is read at once; long files and pipes by callbacks.
 */
async function* readStream(path: string): AsyncIterable<Uint8Array> {
  let descriptor: number | undefined
  try {
    const isPlain = fs.statSync(path).isFile()
    descriptor = isPlain ? fs.openSync(path, 'r') : await called<number>(done => fs.open(path, 'r', done))
    for (let atOnce = isPlain; ; ) {
      const chunk = new Uint8Array(chunkBytes)
      const length = atOnce ? fs.readSync(descriptor, chunk) : await readSome(descriptor, chunk)
      if (length === 0) return
      yield chunk.subarray(0, length)
      atOnce &&= length < chunkBytes // most likely its end, which the next read says
    }
  } catch (cause) {
    throw new CountersignError('FILE_UNREADABLE', `file ${quote(path)}: ${explain(cause)}`, { cause })
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}

function readSome(descriptor: number, chunk: Uint8Array): Promise<number> {
  return called(done => fs.read(descriptor, chunk, 0, chunk.length, null, done))
}

function called<T>(call: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      if (error) reject(error)
      else resolve(result)
    })
  })
}

/** Durable before it appears under its name: the bytes are synced, then renamed or linked into place. */
async function writeWhole(
  path: string,
  data: string | Uint8Array,
  mode: number,
  onlyNew: boolean,
  randomName: () => string,
): Promise<void> {
  const target = await whereToWrite(path)
  if (target === 'in place') return fs.promises.writeFile(path, data, { mode })
  const temporary = join(dirname(target), `.${basename(target)}.${randomName()}`)
  try {
    const file = await fs.promises.open(temporary, 'wx', mode)
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    if (onlyNew) await linkNew(temporary, target)
    else await fs.promises.rename(temporary, target)
  } finally {
    await fs.promises.rm(temporary, { force: true })
  }
}

/** Gives a file its second name, if that is free; rename would overwrite. */
async function linkNew(from: string, to: string): Promise<void> {
  try {
    await fs.promises.link(from, to)
  } catch (cause) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemErrorCode(cause))) throw cause
    await fs.promises.copyFile(from, to, fs.constants.COPYFILE_EXCL) // a file system without hard links: not atomic, yet never over another file
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
