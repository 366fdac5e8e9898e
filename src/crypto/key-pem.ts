import { CountersignError } from '../codec/error.ts'
import { decodePem, type PemBlock } from '../codec/pem.ts'
import { decodeUtf8 } from '../codec/text.ts'

/** Bytes of a key file at most: one is a few hundred, an encrypted RSA-4096 key 5 KiB. */
export const keyFileLimitBytes = 64 << 10

/**
 * The one PEM block of a key file.
 *
 * @param skip - label of a block that may stand beside it without meaning anything
 * @throws CountersignError `LIMIT_EXCEEDED` past 64 KiB, `KEY_MALFORMED` for no block, several blocks, or a broken one
 */
export function parseKeyPem(pem: Uint8Array, what: string, skip?: string): PemBlock {
  if (pem.length > keyFileLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${keyFileLimitBytes} bytes, got ${pem.length}`)
  const [block, ...others] = decodeKeyBlocks(pem, what).filter(({ label }) => label !== skip)
  if (!block) throw new CountersignError('KEY_MALFORMED', `${what}: invalid pem block: none found`)
  if (others.length > 0) throw new CountersignError('KEY_MALFORMED', `${what}: want one PEM block, got ${1 + others.length}`)
  return block
}

function decodeKeyBlocks(pem: Uint8Array, what: string): PemBlock[] {
  try {
    return decodePem(decodeUtf8(pem, what), what)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError('KEY_MALFORMED', cause.message, { cause })
  }
}
