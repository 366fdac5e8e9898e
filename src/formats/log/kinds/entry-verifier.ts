import { encodeBase64 } from '../../../codec/base64.ts'
import { CountersignError } from '../../../codec/error.ts'
import { readBase64, readObjectOf, readString } from '../../../codec/json.ts'
import { decodePem, encodePem } from '../../../codec/pem.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../../codec/text.ts'
import { type KeyDetails, keyDetailsOf } from '../../../crypto/key-details.ts'

/** What a log entry says its signature verifies with. Not parsed further: it counts when it is, byte for byte, what the signature came with. */
export type EntryVerifier =
  | { readonly kind: 'certificate'; readonly der: Uint8Array; readonly details: KeyDetails | undefined }
  | { readonly kind: 'key'; readonly spki: Uint8Array; readonly details: KeyDetails | undefined } // details: of Rekor v2 alone

/** A verifier of Rekor v2, which says how its key signs. */
export type DetailedVerifier = EntryVerifier & { readonly details: KeyDetails }

const maxChain = 10

/**
 * Reads base64 of PEM, as Rekor v1 keeps keys: one `PUBLIC KEY`, or certificates of which the first is the signer's.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, also for keys of other kinds: PGP, minisign, SSH
 */
export function readPemVerifier(value: unknown, at: string): EntryVerifier {
  const blocks = decodePem(decodeUtf8(readBase64(value, at), at), at)
  const [first, ...others] = blocks
  if (!first || blocks.length > maxChain) throw malformed(`${at}: want 1 to ${maxChain} PEM blocks, got ${blocks.length}`)
  if (first.label === 'PUBLIC KEY' && others.length === 0) return { kind: 'key', spki: first.bytes, details: undefined }
  const odd = blocks.find(({ label }) => label !== 'CERTIFICATE')
  if (odd) throw malformed(`${at}: want one PEM PUBLIC KEY, or CERTIFICATE alone, got ${quote(odd.label)}`)
  return { kind: 'certificate', der: first.bytes, details: undefined }
}

/** Base64 of the verifier's PEM, for Rekor v1. */
export function pemVerifierJson(verifier: EntryVerifier): string {
  const pem = verifier.kind === 'key' ? encodePem('PUBLIC KEY', verifier.spki) : encodePem('CERTIFICATE', verifier.der)
  return encodeBase64(encodeUtf8(pem))
}

/**
 * Reads a `Verifier` of Rekor v2: details of the key, and a certificate or a key. Source: rekor-tiles `verifier.proto`.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, also for details that we do not verify with
 */
export function readProtoVerifier(value: unknown, at: string): DetailedVerifier {
  const { keyDetails, x509Certificate, publicKey } = readObjectOf(value, at, ['keyDetails', 'x509Certificate', 'publicKey'])
  const name = readString(keyDetails, `${at}.keyDetails`)
  const details = keyDetailsOf(name)
  if (!details) throw malformed(`${at}.keyDetails: keys of kind ${quote(name)} are not supported`)
  if ((x509Certificate === undefined) === (publicKey === undefined))
    throw malformed(`${at}: want one of x509Certificate and publicKey, got ${publicKey === undefined ? 'neither' : 'both'}`)
  return publicKey === undefined
    ? { kind: 'certificate', der: readRawBytes(x509Certificate, `${at}.x509Certificate`), details }
    : { kind: 'key', spki: readRawBytes(publicKey, `${at}.publicKey`), details }
}

/** The verifier as Rekor v2 writes it. */
export function protoVerifierJson(verifier: DetailedVerifier) {
  return {
    keyDetails: verifier.details.name,
    ...(verifier.kind === 'key'
      ? { publicKey: { rawBytes: encodeBase64(verifier.spki) } }
      : { x509Certificate: { rawBytes: encodeBase64(verifier.der) } }),
  }
}

function readRawBytes(value: unknown, at: string): Uint8Array {
  return readBase64(readObjectOf(value, at, ['rawBytes'])['rawBytes'], `${at}.rawBytes`)
}

function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', problem)
}
