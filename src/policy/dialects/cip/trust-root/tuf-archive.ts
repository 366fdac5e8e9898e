import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { collectBytes } from '../../../../codec/bytes.ts'
import { CountersignError, reasonOf } from '../../../../codec/error.ts'
import { quote } from '../../../../codec/text.ts'
import { openArchiveFolder } from '../../../../oci/layout/archive-folder.ts'
import type { TufRepository } from '../../../../trust/tuf/repository.ts'

const limitUnpackedBytes = 32 << 20
const prefix = 'repository/' // policy-controller's tools pack the folder of that name

/**
 * A TUF repository in a tar archive, compressed by gzip. Nobody is asked for anything, and what it unpacks to is bounded.
 *
 * @param what - begins every message
 * @throws CountersignError `TUF_MALFORMED` for what is no such archive, `LIMIT_EXCEEDED` past 32 MiB unpacked; as `indexTar`
 * @see spec admission §1.9 `repository`
 */
export async function openTufArchive(compressed: Uint8Array, what: string, signal: AbortSignal): Promise<TufRepository> {
  const bytes = await unpack(compressed, what)
  const stream = async function* ({ start, end }: { readonly start: number; readonly end: number }) {
    yield bytes.subarray(start, end)
  }
  const folder = await openArchiveFolder({ name: what, stream }, signal)
  return {
    name: what,
    get: async (path, limitBytes) => {
      const file = path.join('/')
      if (path.some(part => part === '' || part === '.' || part === '..'))
        throw new CountersignError('TUF_UNTRUSTED', `${what}: want a name that stays in its folder, got ${quote(file)}`)
      return (await folder.read(`${prefix}${file}`, limitBytes)) ?? (await folder.read(file, limitBytes))
    },
  }
}

async function unpack(compressed: Uint8Array, what: string): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined
  try {
    bytes = await collectBytes(Readable.from([compressed]).pipe(createGunzip()), limitUnpackedBytes)
  } catch (cause) {
    throw new CountersignError('TUF_MALFORMED', `${what}: want a tar archive compressed by gzip: ${quote(reasonOf(cause))}`, { cause })
  }
  if (!bytes) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitUnpackedBytes} bytes unpacked, got more`)
  return bytes
}
