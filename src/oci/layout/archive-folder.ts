import { collectBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type ByteRange, type Folder, namesIn } from './folder.ts'
import { type Archive, indexTar } from './tar-index.ts'

/**
 * The files of a tar archive as a folder to read in. Nothing is unpacked: each file is read where it lies.
 *
 * @throws CountersignError as `indexTar`; `CAPABILITY_MISSING` from `write` and `remove`
 */
export async function openArchiveFolder(archive: Archive, signal: AbortSignal): Promise<Folder> {
  const files = await indexTar(archive, signal)
  const { name } = archive
  const refuse = () => {
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `archive ${quote(name)}: it can be read only; what is to be written goes into a folder, oci:DIR`,
    )
  }
  const stream: Folder['stream'] = async function* (path, range) {
    const file = files.get(path)
    if (!file) throw new CountersignError('FILE_UNREADABLE', `archive ${quote(name)}: there is no file ${quote(path)}`)
    yield* partOf(archive, path, file, range)
  }
  return {
    name,
    stream,
    size: async path => sizeOf(files.get(path)),
    read: async (path, limitBytes) => {
      const size = sizeOf(files.get(path))
      if (size === undefined) return undefined
      if (size > limitBytes)
        throw new CountersignError(
          'LIMIT_EXCEEDED',
          `archive ${quote(name)}: file ${quote(path)}: want at most ${limitBytes} bytes, got ${size}`,
        )
      return await collectBytes(stream(path), size)
    },
    list: async path => namesIn(path, files.keys()),
    write: async () => refuse(),
    remove: async () => refuse(),
  }
}

async function* partOf(archive: Archive, path: string, file: ByteRange, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
  const start = file.start + (range?.start ?? 0)
  const end = range ? Math.min(file.end, file.start + range.end) : file.end
  let left = Math.max(0, end - start)
  if (left === 0) return
  for await (const piece of archive.stream({ start, end })) {
    left -= piece.length
    yield piece
  }
  if (left !== 0) throw new CountersignError('LAYOUT_MALFORMED', `archive ${quote(archive.name)}: it is cut off within ${quote(path)}`)
}

function sizeOf(file: ByteRange | undefined): number | undefined {
  return file && file.end - file.start
}
