import { CountersignError } from '../../codec/error.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { metadataLimits, type TopLevelRole } from '../../trust/tuf/metadata.ts'
import type { TufRepository } from '../../trust/tuf/repository.ts'
import { targetLimitBytes } from '../../trust/tuf/update.ts'
import { type MetadataFile, parseMetadata } from './metadata-file.ts'
import { parseRoot, type TufRoot } from './root-ceremony.ts'

/** What of a repository is published: what `timestamp.json` leads to. The rest of a folder is of earlier times, or of a write that was cut off. */
export type Published = {
  readonly firstRoot: Uint8Array
  readonly root: TufRoot // the latest
  /** Nothing before the first publication, and where the timestamp is lost. */
  readonly current: Readonly<Record<Exclude<TopLevelRole, 'root'>, MetadataFile>> | undefined
  /** The latest that was written, where there is no timestamp to lead to it. */
  readonly unled?: Readonly<Record<'snapshot' | 'targets', MetadataFile>>
}

/**
 * Reads what a folder publishes; nothing where it has no root. What it holds is taken as this program wrote it, and proven before anything more
 * is written.
 *
 * @throws CountersignError `STORE_CORRUPT` where a file is missing or broken; `FILE_UNREADABLE`
 */
export async function readPublished(folder: Folder): Promise<Published | undefined> {
  let latest = 0
  while ((await folder.size(`${latest + 1}.root.json`)) !== undefined) latest++
  if (latest === 0) return undefined
  const read = async <T>(role: TopLevelRole, name: string, parse: (bytes: Uint8Array) => T): Promise<T> => {
    const bytes = await folder.read(name, metadataLimits[role].bytes)
    if (!bytes) throw corrupt(folder, `${name} is missing`)
    try {
      return parse(bytes)
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      throw corrupt(folder, cause.message, cause)
    }
  }
  const file = (role: TopLevelRole, name: string) => read(role, name, bytes => parseMetadata(role, bytes, name))
  const firstRoot = await read('root', '1.root.json', bytes => bytes)
  const root = await read('root', `${latest}.root.json`, bytes => parseRoot(bytes, `${latest}.root.json`))
  const led = async (version: number) => {
    const snapshot = await file('snapshot', `${version}.snapshot.json`)
    return { snapshot, targets: await file('targets', `${statedVersion(folder, snapshot, 'targets.json')}.targets.json`) }
  }
  if ((await folder.size('timestamp.json')) === undefined) {
    let version = 0
    while ((await folder.size(`${version + 1}.snapshot.json`)) !== undefined) version++
    return { firstRoot, root, current: undefined, ...(version > 0 && { unled: await led(version) }) }
  }
  const timestamp = await file('timestamp', 'timestamp.json')
  return { firstRoot, root, current: { timestamp, ...(await led(statedVersion(folder, timestamp, 'snapshot.json'))) } }
}

function statedVersion(folder: Folder, { role, signed }: MetadataFile, name: string): number {
  const meta = signed['meta'] as { readonly [name: string]: { readonly version?: unknown } | undefined } | undefined
  const version = meta?.[name]?.version
  if (typeof version !== 'number') throw corrupt(folder, `${role} states no version of ${name}`)
  return version
}

/** A folder as clients see it, with files that are yet to be written in place of those that are there. */
export function repositoryOf(
  folder: Folder,
  written: ReadonlyMap<string, Uint8Array>,
  hidden: ReadonlySet<string> = new Set(),
): TufRepository {
  return {
    name: folder.name,
    get: async (path, limitBytes) => {
      const name = path.join('/')
      if (hidden.has(name)) return undefined
      const bytes = written.get(name) ?? (await folder.read(name, Math.max(limitBytes, targetLimitBytes)))
      if (bytes && bytes.length > limitBytes)
        throw new CountersignError('LIMIT_EXCEEDED', `${name}: want at most ${limitBytes} bytes, got ${bytes.length}`)
      return bytes
    },
  }
}

function corrupt(folder: Folder, problem: string, cause?: CountersignError): CountersignError {
  return new CountersignError('STORE_CORRUPT', `TUF repository ${folder.name}: ${problem}`, cause && { cause })
}
