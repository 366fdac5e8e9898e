import { bytesEqual, joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { type HashName, startDigest } from '../../crypto/digest.ts'
import { type Message, messageOfBytes, messageOfDigests } from '../../crypto/message.ts'
import { isOciDigest, sha256Of } from '../../formats/oci-digest.ts'
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
 * that name. That file must be the one its name says: else whoever can write into the current folder decides what is verified.
 * A file of any size is read once, piece by piece.
 *
 * @throws CountersignError `DIGEST_MISMATCH`, `FILE_UNREADABLE`
 */
export async function readMessage(context: CommandContext, path: string): Promise<Message> {
  if (!isOciDigest(path)) return await readContent(context, path)
  const digest = sha256Of(path)
  if (!(await context.files.exists(path))) return messageOfDigests(new Map([['sha256', digest]]))
  const message = await readContent(context, path)
  if (!bytesEqual(message.digest('sha256'), digest))
    throw new CountersignError(
      'DIGEST_MISMATCH',
      `${path}: there is a file of this name, with sha256:${encodeHex(message.digest('sha256'))}; a path with a slash names it as a file`,
    )
  return message
}

async function readContent(context: CommandContext, path: string): Promise<Message> {
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
  if (!isUrl(input) && !(await context.files.exists(input))) return encodeUtf8(input)
  return await readFileOrUrl(context, 'signature', input, signatureLimitBytes, offline)
}

/**
 * The bytes of a file or URL that a flag names, as cosign takes both.
 *
 * @param flag - its name without dashes: what the file holds
 * @throws CountersignError `USAGE` for what is no URL after all, `SERVICE_UNAVAILABLE`, `FILE_UNREADABLE`, `LIMIT_EXCEEDED`
 */
export async function readFileOrUrl(
  context: CommandContext,
  flag: 'signature' | 'payload' | 'certificate',
  input: string,
  limitBytes: number,
  offline: boolean,
): Promise<Uint8Array> {
  if (!isUrl(input)) return await context.files.read(input, limitBytes)
  if (!URL.canParse(input)) throw new CountersignError('USAGE', `--${flag}: want a file or URL, got ${quote(input)}`)
  if (offline) throw new CountersignError('SERVICE_UNAVAILABLE', `offline: want no network, but the ${flag} is at a URL`)
  return await fetchFile(new URL(input), { fetch: context.world.fetch, signal: context.signal }, limitBytes)
}

/** Whether an input is at a URL, and no file. */
export function isUrl(input: string): boolean {
  return /^https?:\/\//.test(input)
}
