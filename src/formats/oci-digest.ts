import type { Branded } from '../codec/branded.ts'
import { CountersignError, type ErrorCode } from '../codec/error.ts'
import { decodeHex, encodeHex } from '../codec/hex.ts'
import { quote } from '../codec/text.ts'
import { type Sha256, sha256 } from '../crypto/digest.ts'

/** A content digest as the OCI image spec spells it: `sha256:` and 64 lower-case hex digits. The only algorithm in use for images. */
export type OciDigest = Branded<string, 'OciDigest'>

const pattern = /^sha256:[0-9a-f]{64}$/

/** Whether a text is a digest in its one spelling. */
export function isOciDigest(text: string): text is OciDigest {
  return pattern.test(text)
}

/**
 * Reads a digest in its one spelling.
 *
 * @param what - begins the message
 * @param code - what a broken digest is called here: the code of the format around it
 * @throws CountersignError `code`, `REFERENCE_MALFORMED` unless told
 */
export function parseOciDigest(text: string, what: string, code: ErrorCode = 'REFERENCE_MALFORMED'): OciDigest {
  if (!isOciDigest(text)) throw new CountersignError(code, `${what}: want sha256: and 64 hex digits, got ${quote(text)}`)
  return text
}

/** The digest that content has. */
export function ociDigestOf(bytes: Uint8Array): OciDigest {
  return `sha256:${encodeHex(sha256(bytes))}` as OciDigest
}

/** The hexadecimal part of a digest: 64 lower-case digits. */
export function hexOf(digest: OciDigest): string {
  return digest.slice('sha256:'.length)
}

/** The 32 bytes that a digest names. */
export function sha256Of(digest: OciDigest): Sha256 {
  return decodeHex(hexOf(digest), 'digest') as Sha256
}
