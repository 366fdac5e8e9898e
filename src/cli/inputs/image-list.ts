import { CountersignError, readAt } from '../../codec/error.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import { parseImageReference } from '../../oci/reference.ts'
import type { CommandContext } from '../context.ts'
import { readBlob } from './artifacts.ts'
import { parseLocalName } from './local-name.ts'

const limits = { bytes: 16 << 20, images: 100_000 }

/**
 * Reads names of images from a file, or from standard input for `-`: one on each line, in order, as they are spelled there.
 * Blank lines and lines that begin with `#` are left out.
 *
 * @throws CountersignError `FILE_UNREADABLE`; `LIMIT_EXCEEDED` above 16 MiB or 100,000 images; `USAGE` where it names none;
 *   `REFERENCE_MALFORMED` naming the line
 */
export async function readImageList(context: CommandContext, path: string): Promise<readonly string[]> {
  const what = path === '-' ? 'standard input' : path
  const lines = decodeUtf8(await readBlob(context, path, limits.bytes), what).split('\n')
  const names: string[] = []
  for (const [index, line] of lines.entries()) {
    const name = line.trim()
    if (name === '' || name.startsWith('#')) continue
    if (names.length === limits.images) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limits.images} images`)
    readAt(`${what}: line ${index + 1}`, () => parseLocalName(name) ?? parseImageReference(name))
    names.push(name)
  }
  if (names.length === 0) throw new CountersignError('USAGE', `${what}: want names of images, one on each line, got none`)
  return names
}
