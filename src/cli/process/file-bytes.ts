import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { eachPiece, type Pieces } from '../../codec/byte-source.ts'
import { collectBytes } from '../../codec/bytes.ts'
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
    throw unreadable(path, cause)
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}

const largeBytes = 1 << 20

/**
 * All bytes of a file, or nothing once they are more than `limitBytes`: reading stops there. Those of a large plain file are read to where they
 * stay, and are never there in pieces as well.
 *
 * @throws CountersignError `FILE_UNREADABLE`
 */
export async function readWhole(path: string, limitBytes: number): Promise<Uint8Array | undefined> {
  return (await readLarge(path, limitBytes)) ?? (await collectBytes(readStream(path), limitBytes))
}

/** Nothing where another way is wanted: for a short file, one above the limit, a pipe, and a file whose length changes meanwhile. */
async function readLarge(path: string, limitBytes: number): Promise<Uint8Array | undefined> {
  let descriptor: number | undefined
  try {
    const status = fs.statSync(path)
    if (!status.isFile() || status.size < largeBytes || status.size > limitBytes) return undefined
    descriptor = fs.openSync(path, 'r')
    const whole = new Uint8Array(status.size)
    let at = 0
    for (let length = 1; at < whole.length && length > 0; at += length)
      length = await readSome(descriptor, whole.subarray(at, at + largeBytes), at)
    const isAll = at === whole.length && (await readSome(descriptor, new Uint8Array(1), at)) === 0
    return isAll ? whole : undefined
  } catch (cause) {
    throw unreadable(path, cause)
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}

function unreadable(path: string, cause: unknown): CountersignError {
  return new CountersignError('FILE_UNREADABLE', `file ${quote(path)}: ${explain(cause)}`, { cause })
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

type WriteOptions = {
  readonly mode: number // less what the process withholds, unless it is exact
  readonly isExact?: boolean
  readonly onlyNew?: boolean
  readonly randomName: () => string
}

/**
 * Durable before it appears under its name: the bytes are synced, then renamed or linked into place. Whatever stood there, a
 * link too, is replaced and not followed. When something throws, the pieces of `data` too, nothing stays.
 */
export async function writeDurably(
  target: string,
  data: string | Uint8Array | Pieces,
  { mode, isExact = false, onlyNew = false, randomName }: WriteOptions,
): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomName()}`)
  try {
    const file = await fs.promises.open(temporary, 'wx', mode)
    try {
      if (isExact) await file.chmod(mode)
      await writeAll(file, data)
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

/** Writes all of it behind what the file has. */
export async function writeAll(file: fs.promises.FileHandle, data: string | Uint8Array | Pieces): Promise<void> {
  if (typeof data === 'string' || data instanceof Uint8Array) await file.writeFile(data)
  else await eachPiece(data, piece => file.writeFile(piece)) // goes on where the last one ended
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
