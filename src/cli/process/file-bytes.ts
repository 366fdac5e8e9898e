import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { CountersignError, reasonOf } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import type { ByteRange } from '../../oci/layout/folder.ts'

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
  return words.get(systemErrorCode(error)) ?? reasonOf(error)
}

const chunkBytes = 256 * 1024

/**
 * The streams and promises of `node:fs` cost 4 ms of a start-up of 20, and each call that leaves this thread waits for
 * others to start. So the first chunk of a plain file, which is all of most, is read at once; long files and pipes by callbacks.
 */
export async function* readStream(path: string, range?: ByteRange): AsyncIterable<Uint8Array> {
  let descriptor: number | undefined
  try {
    const isPlain = fs.statSync(path).isFile()
    descriptor = isPlain ? fs.openSync(path, 'r') : await called<number>(done => fs.open(path, 'r', done))
    let [at, left] = range ? [range.start, range.end - range.start] : [null, Number.POSITIVE_INFINITY]
    for (let atOnce = isPlain; left > 0; ) {
      const chunk = new Uint8Array(Math.min(chunkBytes, left))
      const length = atOnce ? fs.readSync(descriptor, chunk, 0, chunk.length, at) : await readSome(descriptor, chunk, at)
      if (length === 0) return
      if (at !== null) at += length
      left -= length
      yield chunk.subarray(0, length)
      atOnce &&= length < chunk.length // most likely its end, which the next read says
    }
  } catch (cause) {
    throw new CountersignError('FILE_UNREADABLE', `file ${quote(path)}: ${explain(cause)}`, { cause })
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}

function readSome(descriptor: number, chunk: Uint8Array, at: number | null): Promise<number> {
  return called(done => fs.read(descriptor, chunk, 0, chunk.length, at, done))
}

function called<T>(call: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      if (error) reject(error)
      else resolve(result)
    })
  })
}

type WriteOptions = { readonly mode: number; readonly onlyNew?: boolean; readonly randomName: () => string }

/**
 * Durable before it appears under its name: the bytes are synced, then renamed or linked into place. Whatever stood there, a
 * link too, is replaced and not followed. When something throws, the pieces of `data` too, nothing stays.
 */
export async function writeDurably(
  target: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
  { mode, onlyNew = false, randomName }: WriteOptions,
): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomName()}`)
  try {
    const file = await fs.promises.open(temporary, 'wx', mode)
    try {
      if (typeof data === 'string' || data instanceof Uint8Array) await file.writeFile(data)
      else for await (const piece of data) await file.writeFile(piece) // goes on where the last one ended
      await file.sync()
    } finally {
      await file.close()
    }
    if (onlyNew) await linkNew(temporary, target)
    else await fs.promises.rename(temporary, target)
  } finally {
    await fs.promises.rm(temporary, { force: true }).catch(() => {}) // why the writing failed says more
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
