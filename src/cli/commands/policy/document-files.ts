import { basename, dirname } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { compareNames } from '../../../codec/json/sorted-json.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import { manifestLimitBytes } from '../../../formats/kubernetes-manifest/manifest-images.ts'
import type { Folder } from '../../../oci/layout/folder.ts'
import type { CommandContext } from '../../context.ts'
import { isUrl } from '../../inputs/artifacts.ts'

/** A file of documents: its path as it was named, and what is in it. */
export type DocumentFile = { readonly name: string; readonly text: string }

const limits = { files: 1000, bytes: 32 << 20, depth: 16 } as const

/**
 * The files that paths name: of a folder, those ending in .yaml, .yml and .json in it and below, in the order of their names, hidden ones left
 * out; `-` is standard input. A file that is named twice is read once.
 *
 * @param flag - by which they were named, for messages
 * @throws CountersignError `FILE_UNREADABLE`, `CAPABILITY_MISSING` for a URL, `USAGE` for a folder without such files, `LIMIT_EXCEEDED` past 1,000 files or 32 MiB,
 *   `UTF8_MALFORMED`
 */
export async function readDocumentFiles(context: CommandContext, flag: string, paths: readonly string[]): Promise<readonly DocumentFile[]> {
  const names: string[] = []
  for (const path of paths) {
    if (isUrl(path))
      throw new CountersignError('CAPABILITY_MISSING', `${flag}: want a file, got a URL: what is judged by is kept, not fetched`)
    names.push(...(path === '-' ? [path] : await filesAt(context, flag, path)))
  }
  const files: DocumentFile[] = []
  let left: number = limits.bytes
  for (const name of new Set(names)) {
    if (files.length === limits.files) throw new CountersignError('LIMIT_EXCEEDED', `${flag}: want at most ${limits.files} files, got more`)
    const limit = Math.min(left, manifestLimitBytes)
    const bytes = name === '-' ? await context.stdin.readAll(limit) : await context.files.read(name, limit)
    left -= bytes.length
    files.push({ name, text: decodeUtf8(bytes, quote(name), 'DOCUMENT_MALFORMED') })
  }
  return files
}

async function filesAt({ files }: CommandContext, flag: string, path: string): Promise<readonly string[]> {
  const folder = files.folder(dirname(path))
  const inside = await folder.list(basename(path))
  if (inside.length === 0) return [path]
  const found = await filesIn(folder, basename(path), inside, 0)
  if (found.length === 0) throw new CountersignError('USAGE', `${flag}: want files .yaml, .yml or .json in folder ${quote(path)}, got none`)
  const trimmed = path.replace(/\/+$/, '')
  return found.map(name => `${trimmed}${name.slice(basename(path).length)}`)
}

async function filesIn(folder: Folder, at: string, names: readonly string[], depth: number): Promise<readonly string[]> {
  if (depth > limits.depth)
    throw new CountersignError('LIMIT_EXCEEDED', `folder ${quote(at)}: want at most ${limits.depth} folders within one another, got more`)
  const found: string[] = []
  for (const name of names.filter(name => !name.startsWith('.')).toSorted(compareNames)) {
    const path = `${at}/${name}`
    const inside = await folder.list(path)
    if (inside.length > 0) found.push(...(await filesIn(folder, path, inside, depth + 1)))
    else if (/\.(ya?ml|json)$/.test(name)) found.push(path)
    if (found.length > limits.files)
      throw new CountersignError('LIMIT_EXCEEDED', `folder ${quote(at)}: want at most ${limits.files} files, got more`)
  }
  return found
}
