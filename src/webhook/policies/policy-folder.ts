import { CountersignError } from '../../codec/error.ts'
import { compareNames } from '../../codec/json/sorted-json.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import type { PolicyFile } from './policy-documents.ts'

const limits = { files: 1000, bytes: 4 << 20 } as const

/**
 * The files of policies in a folder, ordered by name. Hidden ones are none: a volume of Kubernetes has such for its own ends. Whatever else is
 * there is refused by name: a policy with a mistyped name would not be missed.
 *
 * @param folder - the one in which it is
 * @throws CountersignError `POLICY_EMPTY`, `POLICY_MALFORMED` for a file of another kind, `LIMIT_EXCEEDED`, `UTF8_MALFORMED`,
 *   `FILE_UNREADABLE`
 */
export async function readPolicyFolder(folder: Folder, name: string): Promise<readonly PolicyFile[]> {
  const names = (await folder.list(name)).filter(file => !file.startsWith('.')).toSorted(compareNames)
  if (names.length === 0) throw new CountersignError('POLICY_EMPTY', `policies: want files in folder ${quote(name)}, got none`)
  if (names.length > limits.files)
    throw new CountersignError('LIMIT_EXCEEDED', `policies: want at most ${limits.files} files, got ${names.length}`)
  const files: PolicyFile[] = []
  let left: number = limits.bytes
  for (const file of names) {
    if (!/\.(ya?ml|json)$/.test(file)) throw new CountersignError('POLICY_MALFORMED', `${quote(file)}: want a file .yaml, .yml or .json`)
    const bytes = await folder.read(`${name}/${file}`, left)
    if (!bytes) throw new CountersignError('FILE_UNREADABLE', `${quote(file)}: it is gone`)
    left -= bytes.length
    files.push({ name: file, text: decodeUtf8(bytes, file) })
  }
  return files
}
