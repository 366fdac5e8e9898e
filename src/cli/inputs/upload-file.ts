import type { ByteSource } from '../../codec/byte-source.ts'
import { concatBytes } from '../../codec/bytes.ts'
import { encodeHex } from '../../codec/hex.ts'
import { startDigest } from '../../crypto/digest.ts'
import { type OciDigest, parseOciDigest } from '../../formats/oci-digest.ts'
import { sniffedBytes, sniffMediaType } from '../../formats/sniff.ts'
import type { CommandContext } from '../context.ts'

/** A file as a blob to push: read twice, held never. */
export type UploadFile = ByteSource & {
  readonly digest: OciDigest
  readonly mediaType: string // what its first bytes say
}

/**
 * Reads a file of any size through once, for its digest and what it seems to be. A file that changes before it is sent no
 * longer has that digest, and the registry refuses it.
 *
 * @throws CountersignError `FILE_UNREADABLE`
 */
export async function readUploadFile({ files }: CommandContext, path: string): Promise<UploadFile> {
  const state = startDigest('sha256')
  let size = 0
  let begin: Uint8Array = new Uint8Array()
  for await (const chunk of files.stream(path)) {
    state.update(chunk)
    size += chunk.length
    if (begin.length < sniffedBytes) begin = concatBytes(begin, chunk.subarray(0, sniffedBytes - begin.length))
  }
  const digest = parseOciDigest(`sha256:${encodeHex(state.finish())}`, path)
  return { size, digest, mediaType: sniffMediaType(begin), open: () => files.stream(path) }
}
