import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import { hexOf, type OciDigest } from '../../formats/oci-digest.ts'
import { type BlobWriter, isRecordName, type RecordFolder, type RegistryStore } from './store.ts'

const chunkBytes = 1 << 18

/**
 * A store in a folder, made where it is missing, readable by its owner alone:
 * ```text
 * blobs/sha256/HEX                bytes, as in an OCI image layout
 * repositories/demo/app/_tags/v1  one file per record
 * incoming/N                      files in the making; whatever a crash left there goes when the store is opened
 * ```
 * Every file is written in `incoming`, synced, renamed into its place, and the folder synced: durable at that point.
 *
 * @throws CountersignError `FILE_UNWRITABLE` where the folder cannot be made or emptied
 */
export async function folderStore(path: string): Promise<RegistryStore> {
  const root = resolve(path)
  const incoming = join(root, 'incoming')
  const blobs = join(root, 'blobs', 'sha256')
  try {
    await rm(incoming, { recursive: true, force: true })
    for (const folder of [root, incoming, blobs]) await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CountersignError('FILE_UNWRITABLE', `registry folder ${quote(root)} cannot be prepared`, { cause })
  }

  let made = 0
  const nextTemporary = (): string => join(incoming, String(++made))
  const blobPath = (digest: OciDigest): string => join(blobs, hexOf(digest))
  const recordPath = (folder: RecordFolder, ...names: readonly string[]): string =>
    join(root, 'repositories', ...[...folder, ...names].map(encodeName))

  return {
    createUpload: async () => fileWriter(nextTemporary(), blobPath),
    blobSize: async digest => (await absentAsUndefined(stat(blobPath(digest))))?.size,
    readBlob: (digest, start, end) => readFileRange(blobPath(digest), start, end),
    readRecord: async (folder, name) => absentAsUndefined(readFile(recordPath(folder, name), 'utf8')),
    writeRecord: async (folder, name, value) => {
      const target = recordPath(folder, name)
      if (value === undefined) return remove(target)
      await makeFolder(dirname(target))
      const temporary = nextTemporary()
      try {
        await writeFile(temporary, value, { flag: 'wx', mode: 0o600 })
        await moveInto(target, temporary)
      } catch (cause) {
        await rm(temporary, { force: true })
        throw cause
      }
    },
    listRecords: async (folder, after, limit) => {
      const entries = (await absentAsUndefined(readdir(recordPath(folder), { withFileTypes: true }))) ?? []
      const names = entries.filter(entry => entry.isFile()).map(entry => decodeName(entry.name))
      return names
        .filter(name => name > after)
        .sort()
        .slice(0, limit)
    },
  }
}

/** No file stays open between calls: uploads may rest for long, and readers may be forgotten. */
async function withFile<T>(path: string, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags, 0o600)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

function fileWriter(temporary: string, blobPath: (digest: OciDigest) => string): BlobWriter {
  return {
    append: chunks =>
      withFile(temporary, 'a', async file => {
        for await (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
      }),
    commit: digest => moveInto(blobPath(digest), temporary), // replaces the same bytes where the blob was known already
    discard: () => rm(temporary, { force: true }),
  }
}

async function moveInto(target: string, temporary: string): Promise<void> {
  await withFile(temporary, 'a', file => file.sync())
  await rename(temporary, target) // seen from here on
  await syncFolder(dirname(target)) // durable from here on
}

function readFileRange(path: string, start: number, end: number): ReadableStream<Uint8Array> {
  let at = start
  return new ReadableStream<Uint8Array>(
    {
      pull: async controller => {
        const chunk = new Uint8Array(Math.min(chunkBytes, end - at))
        const { bytesRead } = await withFile(path, 'r', file => file.read(chunk, 0, chunk.length, at))
        if (bytesRead === 0 && at < end) throw new CountersignError('FILE_UNREADABLE', `${quote(path)} ends at byte ${at}, before ${end}`)
        at += bytesRead
        if (bytesRead > 0) controller.enqueue(chunk.subarray(0, bytesRead))
        if (at === end) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return
    throw cause
  }
  await syncFolder(dirname(path))
}

/** Makes a folder and those above it; each new name is durable in its parent before this resolves. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = dirname(path); at.length >= dirname(first).length; at = dirname(at)) await syncFolder(at)
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // folders cannot be opened there; NTFS journals their entries
  await withFile(path, 'r', folder => folder.sync())
}

async function absentAsUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return undefined
    throw cause
  }
}

/**
 * File name of a record: lower case, with `=` and the set of upper-case positions in hex where there are any (`V1` is `v1=1`),
 * so that tags that differ in case stay apart on file systems that ignore it. At most 161 bytes for a tag.
 */
function encodeName(name: string): string {
  if (!isRecordName(name)) throw new CountersignError('USAGE', `registry store: want a plain name, got ${quote(name)}`)
  let upper = 0n
  for (let at = 0; at < name.length; at++) if (/[A-Z]/.test(name[at]!)) upper |= 1n << BigInt(at)
  return upper === 0n ? name : `${name.toLowerCase()}=${upper.toString(16)}`
}

function decodeName(fileName: string): string {
  const [lower, positions] = fileName.split('=')
  if (positions === undefined) return fileName
  const upper = BigInt(`0x${positions}`)
  return [...lower!].map((character, at) => ((upper >> BigInt(at)) & 1n ? character.toUpperCase() : character)).join('')
}
