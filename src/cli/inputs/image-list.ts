import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import { parseImageReference } from '../../oci/reference.ts'
import type { CommandContext } from '../context.ts'
import { parseLocalName } from './local-name.ts'

const limits = { bytes: 16 << 20, images: 100_000 }

/**
 * Reads names of images from a file, or from standard input for `-`: one on each line, in order, as they are spelled there.
 * Blank lines and lines that begin with `#` are left out.
 *
 * @throws CountersignError `FILE_UNREADABLE`; `LIMIT_EXCEEDED` above 16 MiB or 100,000 images; `USAGE` where it names none;
 *   `REFERENCE_MALFORMED` naming the line
 */
export async function readImageList({ files, stdin }: Pick<CommandContext, 'files' | 'stdin'>, path: string): Promise<readonly string[]> {
  const what = path === '-' ? 'standard input' : path
  const bytes = path === '-' ? await stdin.readAll(limits.bytes) : await files.read(path, limits.bytes)
  const lines = decodeUtf8(bytes, what).split('\n')
  const names: string[] = []
  for (const [index, line] of lines.entries()) {
    const name = line.trim()
    if (name === '' || name.startsWith('#')) continue
    if (names.length === limits.images) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limits.images} images`)
    checkName(name, `${what}: line ${index + 1}`)
    names.push(name)
  }
  if (names.length === 0) throw new CountersignError('USAGE', `${what}: want names of images, one on each line, got none`)
  return names
}

function checkName(name: string, place: string): void {
  try {
    if (!parseLocalName(name)) parseImageReference(name)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError(cause.code, `${place}: ${cause.message}`, { cause })
  }
}
