import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'

const fileLimitBytes = 1 << 20

/** A folder that its owner alone may look into. @throws CountersignError `FILE_UNWRITABLE`, `RIGHTS_TOO_WIDE` */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CountersignError('FILE_UNWRITABLE', `${quote(folder)} cannot be made`, { cause })
  }
  await checkPrivate(folder)
}

/** @throws CountersignError `RIGHTS_TOO_WIDE` where group or others have any right to a path; `FILE_UNREADABLE` */
export async function checkPrivate(path: string): Promise<void> {
  const { mode } = await stat(path).catch(cause => {
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)} is not there or cannot be looked at`, { cause })
  })
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new CountersignError(
      'RIGHTS_TOO_WIDE',
      `${quote(path)}: want rights for its owner alone, got mode 0${(mode & 0o777).toString(8)}`,
    )
}

/** Writes a file that is not there yet: whole and durable, or not at all. @throws CountersignError `KEY_EXISTS`, `FILE_UNWRITABLE` */
export async function writeNewFile(path: string, text: string): Promise<void> {
  if (await exists(path)) throw new CountersignError('KEY_EXISTS', `${quote(path)} is there already`)
  await replaceFile(path, text)
}

/** Writes a file in place of what has its name: whole and durable, or not at all. @throws CountersignError `FILE_UNWRITABLE` */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (cause) {
    throw new CountersignError('FILE_UNWRITABLE', `${quote(path)} cannot be written`, { cause })
  }
}

/** @throws CountersignError `FILE_UNREADABLE` where it cannot be told */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return false
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)} cannot be looked at`, { cause })
  }
}

/** Names in a folder, in order; none where it is not there. @throws CountersignError `FILE_UNREADABLE` */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return []
    throw new CountersignError('FILE_UNREADABLE', `${quote(folder)} cannot be looked into`, { cause })
  }
}

/** A whole file. @throws CountersignError `FILE_UNREADABLE`; `LIMIT_EXCEEDED` past 1 MiB */
export async function readFileAt(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch(cause => {
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)} cannot be read`, { cause })
  })
  if (bytes.length > fileLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${quote(path)}: want at most ${fileLimitBytes} bytes, got ${bytes.length}`)
  return bytes
}
