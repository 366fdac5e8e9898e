import * as fs from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { collectBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import { escapes, type Folder, partsOfPath } from '../../oci/layout/folder.ts'
import { explain, readStream, writeDurably } from './file-bytes.ts'

/** A folder on the disk, which need not be there before something is written. `randomName` makes names for temporary files. */
export function createFolder(name: string, randomName: () => string): Folder {
  const pathOf = (path: string) => join(name, ...partsOfPath(path, name))
  const within = (path: string, target: string) => realPathWithin(name, path, target)
  const reading = async <T>(path: string, task: (real: string) => Promise<T>): Promise<T | undefined> => {
    try {
      return await task(await within(path, pathOf(path)))
    } catch (cause) {
      if (cause instanceof CountersignError) throw cause
      if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause))) return undefined
      throw new CountersignError('FILE_UNREADABLE', `file ${quote(pathOf(path))}: ${explain(cause)}`, { cause })
    }
  }
  const stream: Folder['stream'] = async function* (path, range) {
    const real = await reading(path, async real => real)
    if (real === undefined) throw new CountersignError('FILE_UNREADABLE', `file ${quote(pathOf(path))}: no such file or folder`)
    yield* readStream(real, range)
  }
  const size = (path: string) =>
    reading(path, async real => {
      const status = await fs.promises.stat(real)
      if (status.isFile()) return status.size
      throw new CountersignError('FILE_UNREADABLE', `file ${quote(pathOf(path))}: it is no plain file`)
    })
  return {
    name,
    stream,
    size,
    read: async (path, limitBytes) => {
      if ((await size(path)) === undefined) return undefined
      const bytes = await collectBytes(stream(path), limitBytes)
      if (!bytes) throw new CountersignError('LIMIT_EXCEEDED', `file ${quote(pathOf(path))}: want at most ${limitBytes} bytes`)
      return bytes
    },
    list: async path => (await reading(path, real => fs.promises.readdir(real))) ?? [],
    write: (path, data) =>
      writing(pathOf(path), async () => {
        const target = pathOf(path)
        await makeFolders(name, path, dirname(target))
        const folder = await within(path, dirname(target))
        await writeDurably(join(folder, basename(target)), data, { mode: 0o644, randomName })
      }),
    remove: path =>
      writing(pathOf(path), async () => {
        if ((await reading(path, async real => real)) === undefined) return
        const target = pathOf(path)
        await fs.promises.rm(join(await within(path, dirname(target)), basename(target)), { force: true }) // the link itself, where it is one
      }),
  }
}

/** The path without links, once it is known to lie in the folder. */
async function realPathWithin(folder: string, path: string, target: string): Promise<string> {
  const [root, real] = [await fs.promises.realpath(folder), await fs.promises.realpath(target)]
  if (real !== root && !real.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)) throw escapes(path, folder)
  return real
}

/** Makes the folders that a file needs, none of them by way of a link that leads out. */
async function makeFolders(folder: string, path: string, parent: string): Promise<void> {
  await fs.promises.mkdir(folder, { recursive: true })
  let made = folder
  for (const part of partsOfPath(path, folder).slice(0, -1)) {
    await realPathWithin(folder, path, made)
    made = join(made, part)
    await fs.promises.mkdir(made).catch(cause => {
      if (systemErrorCode(cause) !== 'EEXIST') throw cause
    })
  }
  await realPathWithin(folder, path, parent)
}

async function writing(target: string, task: () => Promise<void>): Promise<void> {
  try {
    await task()
  } catch (cause) {
    if (cause instanceof CountersignError || systemErrorCode(cause) === '') throw cause
    throw new CountersignError('FILE_UNWRITABLE', `file ${quote(target)}: ${explain(cause)}`, { cause })
  }
}
