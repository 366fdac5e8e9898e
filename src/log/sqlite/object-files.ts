import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import type { LogStore } from '../store.ts'

/**
 * Objects of a log as files below a folder, under their own names. Each is written in `incoming`, synced, renamed into its place, and the
 * folder synced: durable at that point, and never seen in part.
 *
 * What a crash left in `incoming` goes here, so this is called by whoever holds the lock.
 */
export async function openObjectFiles(folder: string): Promise<Pick<LogStore, 'readObject' | 'writeObject'>> {
  const incoming = join(folder, 'incoming')
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming, { mode: 0o700 })
  const durableFolders = new Set([folder])
  let written = 0

  /** Makes a folder whose name, and those of the folders around it, outlive a power cut. */
  async function makeFolder(path: string): Promise<void> {
    if (durableFolders.has(path)) return
    await makeFolder(dirname(path))
    await mkdir(path, { mode: 0o700 }).catch(ignore('EEXIST'))
    await syncFolder(dirname(path))
    durableFolders.add(path)
  }

  return {
    async readObject(name) {
      try {
        return await readFile(join(folder, checked(name)))
      } catch (cause) {
        if (systemErrorCode(cause) === 'ENOENT') return undefined
        throw new CountersignError('STORE_UNAVAILABLE', `log store: ${name} cannot be read`, { cause })
      }
    },
    async writeObject(name, bytes) {
      const path = join(folder, checked(name))
      const temporary = join(incoming, String(++written))
      try {
        await makeFolder(dirname(path))
        const file = await open(temporary, 'wx', 0o600)
        try {
          await file.writeFile(bytes)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(temporary, path)
        await syncFolder(dirname(path))
      } catch (cause) {
        await rm(temporary, { force: true }).catch(() => {}) // the next start removes it
        throw new CountersignError('STORE_UNAVAILABLE', `log store: ${name} cannot be written`, { cause })
      }
    },
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Names come from this program, and none of them leads elsewhere. */
function checked(name: string): string {
  if (!/^[a-z0-9]+(\/[a-z0-9]+(\.p)?)*$/.test(name)) throw new TypeError(`object name ${quote(name)}: want parts of letters and digits`)
  return name
}

function ignore(code: string): (cause: unknown) => void {
  return cause => {
    if (systemErrorCode(cause) !== code) throw cause
  }
}
