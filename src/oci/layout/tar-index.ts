import { collectBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { ByteRange } from './folder.ts'
import { parsePaxHeader, parsePaxSize, parseTarHeader, type TarHeader, tarBlock } from './tar-header.ts'

/** A file that is read in place, at whatever position. */
export type Archive = {
  readonly name: string // for messages: the path as it was given
  readonly stream: (range: ByteRange) => AsyncIterable<Uint8Array>
}

/** Where the files of an archive are, by their paths: nothing of them is read. */
export type TarIndex = ReadonlyMap<string, ByteRange>

const maxEntries = 20_000
const maxExtendedBytes = 64 * 1024
const maxPathLength = 4096

/**
 * Finds the files of a tar archive by its headers, ustar with the long names of pax and GNU. A link is the file it leads to
 * within the archive; folders and devices are passed over.
 *
 * @throws CountersignError `LAYOUT_MALFORMED` for what is no tar archive, is cut off, or holds a path twice, on which readers
 *   differ; `PATH_ESCAPES` for a path or link that leads out of it; `LIMIT_EXCEEDED` above 20,000 entries
 */
export async function indexTar(archive: Archive, signal: AbortSignal): Promise<TarIndex> {
  const what = `archive ${quote(archive.name)}`
  const files = new Map<string, ByteRange>()
  const links = new Map<string, string>()
  for await (const { type, path, target, start, size } of entriesOf(archive, what, signal)) {
    if (!['0', '7', '1', '2'].includes(type)) continue
    const at = pathWithin([], path, what)
    if (files.has(at) || links.has(at)) throw malformed(what, `it holds ${quote(at)} twice`)
    if (type === '1' || type === '2') links.set(at, pathWithin(type === '2' ? at.split('/').slice(0, -1) : [], target, what))
    else files.set(at, { start, end: start + size })
  }
  const linked = [...links].map(([path, target]) => [path, files.get(target)] as const)
  return new Map([...files, ...linked.filter((entry): entry is [string, ByteRange] => entry[1] !== undefined)])
}

type TarEntry = TarHeader & { readonly start: number }

/** What extended headers say of the entry after them, in place of its own header. */
type Extension = { readonly path?: string; readonly target?: string; readonly size?: number }

async function* entriesOf(archive: Archive, what: string, signal: AbortSignal): AsyncGenerator<TarEntry> {
  let extension: Extension = {}
  for (let [at, count] = [0, 0]; ; count++) {
    signal.throwIfAborted()
    if (count > maxEntries) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxEntries} entries`)
    const block = await readAt(archive, at, tarBlock)
    if (count === 0 && block[0] === 0x1f && block[1] === 0x8b) throw malformed(what, 'want a tar archive, got one that is compressed')
    if (block.length < tarBlock) throw malformed(what, `want a tar archive, got a file that is cut off at byte ${at + block.length}`)
    const header = parseTarHeader(block, what)
    if (!header) return
    const isExtension = ['x', 'g', 'L', 'K'].includes(header.type)
    const entry = { ...header, start: at + tarBlock, ...(!isExtension && extension) }
    at = entry.start + Math.ceil(entry.size / tarBlock) * tarBlock
    if (!Number.isSafeInteger(at)) throw malformed(what, 'an entry is larger than any file')
    if (entry.type === 'S') throw malformed(what, `${quote(entry.path)}: want a plain file, got a sparse one`)
    if (!isExtension) yield entry
    extension = isExtension ? { ...extension, ...(await readExtension(archive, entry, what)) } : {}
  }
}

async function readExtension(archive: Archive, { type, start, size }: TarEntry, what: string): Promise<Extension> {
  if (size > maxExtendedBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want an extended header of at most ${maxExtendedBytes} bytes, got ${size}`)
  const bytes = await readAt(archive, start, size)
  if (type === 'L') return { path: untilZero(bytes, what) }
  if (type === 'K') return { target: untilZero(bytes, what) }
  const members = parsePaxHeader(bytes, what)
  const [path, target, length] = ['path', 'linkpath', 'size'].map(key => members.get(key))
  if (type === 'g' && (path ?? target ?? length) !== undefined)
    throw malformed(what, 'its global header has a path or size, for all entries')
  if ([...members.keys()].some(key => key.startsWith('GNU.sparse.'))) throw malformed(what, 'want plain files, got a sparse one')
  return {
    ...(path !== undefined && { path }),
    ...(target !== undefined && { target }),
    ...(length !== undefined && { size: parsePaxSize(length, what) }),
  }
}

/** Up to `length` bytes; fewer where the file ends. */
async function readAt(archive: Archive, start: number, length: number): Promise<Uint8Array> {
  return (await collectBytes(archive.stream({ start, end: start + length }), length)) ?? new Uint8Array()
}

function untilZero(bytes: Uint8Array, what: string): string {
  const end = bytes.indexOf(0)
  return decodeUtf8(end < 0 ? bytes : bytes.subarray(0, end), what, 'LAYOUT_MALFORMED')
}

/** A path seen from the top of the archive, `.` and `..` worked out. */
function pathWithin(folder: readonly string[], path: string, what: string): string {
  const parts = [...folder]
  const leaves = () => new CountersignError('PATH_ESCAPES', `${what}: want paths that stay in it, got ${quote(path)}`)
  if (path.length > maxPathLength || path.startsWith('/') || path.includes('\0')) throw leaves()
  for (const part of path.split('/'))
    if (part === '..') {
      if (parts.pop() === undefined) throw leaves()
    } else if (part !== '' && part !== '.') parts.push(part)
  if (parts.length === 0) throw leaves()
  return parts.join('/')
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('LAYOUT_MALFORMED', `${what}: ${problem}`)
}
