import { CountersignError } from '../../codec/error.ts'
import { parseJson, readAs, readObject, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { formatTime, parseTime } from '../../formats/rfc3339.ts'
import { metadataLimits } from './metadata.ts'
import { encodeName } from './repository.ts'
import { type MetadataFiles, targetLimitBytes } from './update.ts'

/** What the cache needs of a folder; that of the command line has it. Paths are relative and never lead out. */
export type CacheFolder = {
  readonly name: string
  readonly read: (path: string, limitBytes: number) => Promise<Uint8Array | undefined>
  readonly write: (path: string, data: Uint8Array) => Promise<void>
  readonly list: (path: string) => Promise<readonly string[]>
  readonly remove: (path: string) => Promise<void>
}

/** The mirror that `initialize` chose last, in `remote.json` of the cache. */
const remoteFile = 'remote.json'
const maxFiles = 64

/**
 * The folder of a mirror within the cache, as cosign names it: the URL without its scheme, `/` and `:` replaced by `-`.
 *
 * @throws CountersignError `USAGE` for a URL that would be no name of a folder (GHSA-jqc5-w2xx-5vq4)
 */
export function cacheNameOf(mirror: string): string {
  const name = mirror.replace(/^https?:\/\//, '').replace(/[/:]/g, '-')
  if (['', '.', '..', 'remote'].includes(name) || /[\\\0]/.test(name))
    // what is known of a mirror called `remote` would lie in remote.json
    throw new CountersignError('USAGE', `TUF mirror: want a URL that can name a folder, got ${quote(mirror)}`)
  return name
}

/** @throws CountersignError `TUF_MALFORMED`, `FILE_UNREADABLE`: another mirror must not take the place of one that cannot be read */
export async function readRemote(folder: CacheFolder): Promise<string | undefined> {
  const bytes = await folder.read(remoteFile, 64 << 10)
  if (!bytes) return undefined
  return readAs('TUF_MALFORMED', remoteFile, () =>
    readString(readObject(parseJson(bytes, remoteFile, { bytes: 64 << 10 }), remoteFile)['mirror'], `${remoteFile}: mirror`),
  )
}

/** Keeps the mirror for later commands, as cosign does. */
export async function writeRemote(folder: CacheFolder, mirror: string): Promise<void> {
  await folder.write(remoteFile, encodeUtf8(JSON.stringify({ mirror })))
}

/** What is kept of one repository. Nothing in it is believed before it is proven. */
export type KeptRepository = {
  readonly folder: string // for messages
  readonly read: () => Promise<{ readonly files: MetadataFiles; readonly checkedAt: Date | undefined }>
  readonly write: (files: MetadataFiles, checkedAt: Date) => Promise<void>
  readonly readTarget: (path: string) => Promise<Uint8Array | undefined>
  readonly writeTarget: (path: string, bytes: Uint8Array) => Promise<void>
}

/** The part of the cache that is about this mirror. */
export function keptRepository(cache: CacheFolder, mirror: string): KeptRepository {
  const name = cacheNameOf(mirror)
  const checkedFile = `${name}.json` // beside the folder; cosign reads and writes the same
  const targetFile = (path: string) => `${name}/targets/${encodeName(path)}`
  return {
    folder: `${cache.name}/${name}`,
    read: async () => {
      const files = new Map<string, Uint8Array>()
      const names = (await cache.list(name)).filter(file => file.endsWith('.json'))
      for (const file of names.toSorted().slice(0, maxFiles)) {
        const bytes = await cache.read(`${name}/${file}`, metadataLimits.targets.bytes)
        if (bytes) files.set(file, bytes)
      }
      return { files, checkedAt: readChecked(await cache.read(checkedFile, 1_024)) }
    },
    write: async (files, checkedAt) => {
      // the root first: whoever reads half of the rest fetches it again, but a root that was proven must not be lost
      for (const [file, bytes] of files) await cache.write(`${name}/${file}`, bytes)
      await cache.write(checkedFile, encodeUtf8(JSON.stringify({ lastTimestamp: formatTime(checkedAt) })))
    },
    readTarget: path => cache.read(targetFile(path), targetLimitBytes),
    writeTarget: (path, bytes) => cache.write(targetFile(path), bytes),
  }
}

/**
 * Removes what is kept of a mirror beyond these files and targets; what other programs keep in the same place stays.
 *
 * @param targets - by their paths in the repository
 */
export async function pruneCache(folder: CacheFolder, mirror: string, files: MetadataFiles, targets: Iterable<string>): Promise<void> {
  const name = cacheNameOf(mirror)
  const kept = new Set([...targets].map(encodeName))
  for (const target of await folder.list(`${name}/targets`)) if (!kept.has(target)) await folder.remove(`${name}/targets/${target}`)
  for (const file of await folder.list(name)) if (file.endsWith('.json') && !files.has(file)) await folder.remove(`${name}/${file}`)
}

/** When the repository was last asked. What cannot be read makes it time to ask again. */
function readChecked(bytes: Uint8Array | undefined): Date | undefined {
  if (!bytes) return undefined
  try {
    return parseTime(
      readString(readObject(parseJson(bytes, 'last check', { bytes: 1_024 }), 'last check')['lastTimestamp'], 'lastTimestamp'),
    )
  } catch (failure) {
    if (!(failure instanceof CountersignError)) throw failure
    return undefined
  }
}
