import { joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { HashName } from '../../crypto/digest.ts'
import { startDigest } from '../../crypto/digest.ts'
import { type Message, messageOfBytes, messageOfDigests } from '../../crypto/message.ts'
import { isOciDigest } from '../../formats/oci-digest.ts'
import { fetchFile } from '../../kms/fetch-file.ts'
import type { CommandContext } from '../context.ts'

/** Files up to this size are signed; all of one is held in memory. */
export const blobLimitBytes = 2 ** 31 - 1

/** Files up to this size are verified from memory; of larger ones only digests are kept. */
const inMemoryLimitBytes = 64 << 20

const signatureLimitBytes = 64 << 10

/** The bytes of a file, `-` being standard input. */
export async function readBlob(context: CommandContext, path: string, limitBytes: number): Promise<Uint8Array> {
  return path === '-' ? await context.stdin.readAll(limitBytes) : await context.files.read(path, limitBytes)
}

/**
 * A file as a message to verify: `-` is standard input, `sha256:HEX` the digest of a file kept elsewhere, unless a file has
 * that name. A file of any size is read once, piece by piece.
 */
export async function readMessage(context: CommandContext, path: string): Promise<Message> {
  if (isOciDigest(path) && !(await context.files.exists(path)))
    return messageOfDigests(new Map([['sha256', decodeHex(path.slice('sha256:'.length), 'digest')]]))
  const digests = (['sha256', 'sha384', 'sha512'] as const).map(hash => ({ hash, state: startDigest(hash) }))
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of path === '-' ? context.stdin.stream() : context.files.stream(path)) {
    length += chunk.length
    if (length > inMemoryLimitBytes) {
      for (const held of [...chunks.splice(0), chunk]) for (const { state } of digests) state.update(held)
    } else chunks.push(chunk)
  }
  if (length <= inMemoryLimitBytes) return messageOfBytes(joinBytes(chunks))
  return messageOfDigests(new Map<HashName, Uint8Array>(digests.map(({ hash, state }) => [hash, state.finish()])))
}

/** The bytes that `--signature` names: a URL's, else a file's, else the text itself, as cosign takes it. */
export async function readSignatureInput(context: CommandContext, input: string, offline: boolean): Promise<Uint8Array> {
  if (/^https?:\/\//.test(input)) {
    if (offline) throw new CountersignError('SERVICE_UNAVAILABLE', 'offline: want no network, but the signature is at a URL')
    return await fetchFile(new URL(input), { fetch: context.world.fetch, signal: context.signal }, signatureLimitBytes)
  }
  if (await context.files.exists(input)) return await context.files.read(input, signatureLimitBytes)
  return encodeUtf8(input)
}
