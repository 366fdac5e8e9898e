import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/** Part of a file: from byte `start` up to, not including, `end`. */
export type ByteRange = { readonly start: number; readonly end: number }

/**
 * A folder of files, handed in by whoever may touch the disk. Paths are relative, their parts joined by `/`.
 *
 * Nothing outside the folder is ever read or written: a path that would leave it, by its parts or by a symbolic link on the
 * way, is refused with `PATH_ESCAPES`. A file is replaced and never written through, so that a hard link to a file elsewhere
 * is cut and what it led to stays as it is.
 */
export type Folder = {
  readonly name: string // for messages: the path as it was given
  /** The whole file, or nothing where there is none. @throws CountersignError `LIMIT_EXCEEDED`, `FILE_UNREADABLE` */
  readonly read: (path: string, limitBytes: number) => Promise<Uint8Array | undefined>
  /** Piece by piece. @throws CountersignError `FILE_UNREADABLE`, within the loop; also where there is no such file */
  readonly stream: (path: string, range?: ByteRange) => AsyncIterable<Uint8Array>
  /** Bytes of a file; nothing where there is none. @throws CountersignError `FILE_UNREADABLE` */
  readonly size: (path: string) => Promise<number | undefined>
  /** Names of the files in a folder within, in no order; none where there is no such folder. @throws CountersignError `FILE_UNREADABLE` */
  readonly list: (path: string) => Promise<readonly string[]>
  /**
   * Writes the whole file or nothing, making folders on the way: a temporary file beside it is renamed over it once its bytes
   * are durable. When the loop over `data` throws, that error passes through and nothing stays.
   *
   * @throws CountersignError `FILE_UNWRITABLE`
   */
  readonly write: (path: string, data: Uint8Array | AsyncIterable<Uint8Array>) => Promise<void>
  /** Removes a file; no error where there is none. @throws CountersignError `FILE_UNWRITABLE` */
  readonly remove: (path: string) => Promise<void>
}

/**
 * The parts of a path within a folder.
 *
 * @param folder - its name, for the message
 * @throws CountersignError `PATH_ESCAPES` for `..`, an absolute path, an empty part and whatever Windows reads as one of them
 */
export function partsOfPath(path: string, folder: string): readonly string[] {
  const parts = path.split('/')
  if (parts.some(part => part === '' || part === '.' || part === '..' || /[\\:\0]/.test(part))) throw escapes(path, folder)
  return parts
}

/** Names in a folder, each once, of all the paths of files there are. */
export function namesIn(folder: string, paths: Iterable<string>): readonly string[] {
  const inside = `${folder}/`
  const names = [...paths].filter(path => path.startsWith(inside)).map(path => path.slice(inside.length).split('/', 1)[0]!)
  return [...new Set(names)]
}

/** What a path out of a folder is refused with. */
export function escapes(path: string, folder: string): CountersignError {
  return new CountersignError('PATH_ESCAPES', `file ${quote(path)}: want a path that stays in folder ${quote(folder)}`)
}
