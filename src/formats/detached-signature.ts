import { decodeBase64 } from '../codec/base64.ts'
import { decodeUtf8 } from '../codec/text.ts'

/** Bytes of a detached signature file: base64 text with white space around it, or else the raw signature. */
export function decodeDetachedSignature(bytes: Uint8Array): Uint8Array {
  if (!bytes.every(isBase64OrSpace)) return bytes
  try {
    return decodeBase64(decodeUtf8(bytes, 'signature').trim(), 'signature')
  } catch {
    return bytes
  }
}

/** Almost every raw signature has a byte that text has not, and that is quicker to see than to try. */
function isBase64OrSpace(byte: number): boolean {
  return (byte >= 0x2b && byte <= 0x7a) || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}
