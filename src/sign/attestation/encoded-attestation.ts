import { eachPiece } from '../../codec/byte-source.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import type { TextWithBase64 } from '../../codec/json/text-with-base64.ts'
import { startDigest } from '../../crypto/digest.ts'
import { blobBundleText } from '../../formats/blob-bundle.ts'
import { bundleLimitBytes, parseBundle } from '../../formats/bundle.ts'
import { parseOciDigest } from '../../formats/oci-digest.ts'
import type { BlobContent, BlobSource } from '../../oci/blob-content.ts'
import { bundleEvidence, type Candidate } from '../../verify/evidence.ts'

/** Payloads from this size on are not held in base64 as well: what is made of them is written piece by piece. */
const largeBytes = 1 << 20

/** Whether a payload is large. */
export function isLarge(payload: Uint8Array): boolean {
  return payload.length >= largeBytes
}

/**
 * What is to be published of a large payload, made anew piece by piece each time it is written. Each piece was held against the payload once,
 * and the digest is of the same pieces: a registry that stores something else is told so by it.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` for what would be too large to be read again
 */
export async function sourceOfText(text: TextWithBase64): Promise<BlobSource> {
  checkReadable(text.size)
  const [digest, check] = [startDigest('sha256'), text.startCheck()]
  await eachPiece(text.open(), piece => {
    digest.update(piece)
    check.update(piece)
  })
  if (!check.finish()) throw new TypeError('what is made of a payload does not hold it')
  return { size: text.size, open: text.open, digest: parseOciDigest(`sha256:${encodeHex(digest.finish())}`, 'attestation') }
}

/** @throws CountersignError `LIMIT_EXCEEDED` */
export function checkReadable(size: number): void {
  if (size > bundleLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `attestation: want at most ${bundleLimitBytes} bytes, got ${size}`)
}

/**
 * What `attest-blob` of cosign 2 wrote: a bundle for bare signatures, with the envelope in the place of one.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` for what would be too large to be read again: the payload is in base64 twice
 */
export function olderBundleText(...content: Parameters<typeof blobBundleText>): TextWithBase64 {
  const text = blobBundleText(...content)
  checkReadable(text.size)
  return text
}

/** All bytes of what was made. */
export async function bytesOf(content: BlobContent): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content
  const bytes = new Uint8Array(content.size)
  let at = 0
  await eachPiece(content.open(), piece => {
    bytes.set(piece, at)
    at += piece.length
  })
  return bytes
}

/** A bundle whose payload stays where it is: parsed as verifiers do, but for the base64, which `sourceOfText` has held against the payload. */
export function bundleTextCandidate(source: string, { around, value }: TextWithBase64): Candidate {
  const decode = () => {
    const bundle = parseBundle(around)
    if (bundle.content.kind !== 'dsse') throw new TypeError('text around a payload is that of an envelope')
    return bundleEvidence({ ...bundle, content: { kind: 'dsse', envelope: { ...bundle.content.envelope, payload: value } } })
  }
  return { source, format: 'bundle', decode }
}
