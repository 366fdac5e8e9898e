import { concatBytes } from '../codec/bytes.ts'
import { encodeUtf8 } from '../codec/text.ts'

export type TarEntry = { readonly path: string; readonly mode?: number } & (
  | { readonly type: 'file'; readonly content: string | Uint8Array }
  | { readonly type: 'directory' }
  | { readonly type: 'symlink' | 'hardlink'; readonly target: string }
  | { readonly type: 'special'; readonly flag: string; readonly content: string | Uint8Array } // extended headers and what else has one character
)

const blockBytes = 512

/** An extended header of pax: what it says of the entry after it, in place of that entry's own header. */
export function paxHeader(members: Readonly<Record<string, string>>): TarEntry {
  const lines = Object.entries(members).map(([key, value]) => {
    const rest = encodeUtf8(` ${key}=${value}\n`).length
    const length = [1, 2, 3, 4, 5].map(digits => rest + digits).find(total => `${total}`.length === total - rest)!
    return `${length} ${key}=${value}\n`
  })
  return { type: 'special', flag: 'x', path: 'PaxHeaders/0', content: lines.join('') }
}

/**
 * A tar archive of these entries in this order, POSIX ustar, owned by root, of one fixed time: the same entries are the same bytes.
 *
 * @throws RangeError where a path or target is longer than ustar holds (100 bytes, or 155 + 100 cut at a slash)
 */
export function encodeTar(entries: readonly TarEntry[]): Uint8Array {
  const parts = entries.flatMap(entry => {
    const content = 'content' in entry ? toBytes(entry.content) : new Uint8Array(0)
    return [encodeHeader(entry, content.length), content, new Uint8Array(-content.length & (blockBytes - 1))]
  })
  return concatBytes(...parts, new Uint8Array(2 * blockBytes))
}

const kinds = {
  file: { flag: '0', mode: 0o644 },
  hardlink: { flag: '1', mode: 0o644 },
  symlink: { flag: '2', mode: 0o777 },
  directory: { flag: '5', mode: 0o755 },
} as const

function encodeHeader(entry: TarEntry, size: number): Uint8Array {
  const header = new Uint8Array(blockBytes)
  const put = (offset: number, width: number, text: string): void => {
    const bytes = encodeUtf8(text)
    if (bytes.length > width) throw new RangeError(`tar: ${JSON.stringify(text)} is longer than ${width} bytes`)
    header.set(bytes, offset)
  }
  const octal = (offset: number, width: number, value: number): void =>
    put(offset, width, `${value.toString(8).padStart(width - 1, '0')}\0`)
  const { name, prefix } = splitPath(entry.type === 'directory' ? `${entry.path.replace(/\/$/, '')}/` : entry.path)

  put(0, 100, name)
  const { flag, mode } = entry.type === 'special' ? { flag: entry.flag, mode: 0o644 } : kinds[entry.type]
  octal(100, 8, entry.mode ?? mode)
  octal(108, 8, 0) // uid
  octal(116, 8, 0) // gid
  octal(124, 12, size)
  octal(136, 12, 0) // mtime: 1970
  put(148, 8, '        ') // the checksum counts itself as spaces
  put(156, 1, flag)
  if ('target' in entry) put(157, 100, entry.target)
  put(257, 8, 'ustar\x0000')
  octal(329, 8, 0) // device numbers
  octal(337, 8, 0)
  put(345, 155, prefix)
  const sum = header.reduce((total, byte) => total + byte, 0)
  put(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `)
  return header
}

function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (encodeUtf8(path).length <= 100) return { name: path, prefix: '' }
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (name !== '' && encodeUtf8(name).length <= 100 && encodeUtf8(prefix).length <= 155) return { name, prefix }
  }
  throw new RangeError(`tar: no place to cut ${JSON.stringify(path)}`)
}

function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? encodeUtf8(content) : content
}
