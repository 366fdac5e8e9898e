import { encodeBase64, encodeWithBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import { serializeGoJson } from '../codec/go-json.ts'
import { type TextWithBase64, textWithBase64 } from '../codec/json/text-with-base64.ts'
import { parseJson, readAs, readBase64, readObjectOf } from '../codec/json.ts'
import { decodePem } from '../codec/pem.ts'
import { decodeUtf8, encodeUtf8, quote } from '../codec/text.ts'
import { type DsseEnvelope, readDsseEnvelope } from './dsse.ts'
import { type LogBundle, logBundleJson, readLogBundle } from './log/log-bundle.ts'

/** The bundle of `sign-blob` before protobuf: a bare signature with whoever made it. Decoded, not checked. Source: formats-and-flows §4. */
export type BlobBundle = {
  readonly signature: Uint8Array
  readonly signer:
    | { readonly kind: 'none' }
    | { readonly kind: 'public-key'; readonly pem: Uint8Array }
    | { readonly kind: 'certificate'; readonly der: Uint8Array }
  readonly logBundle: LogBundle | undefined // proved by the log's own step
}

const blobBundleLimit = { bytes: 128 << 20 } // the envelope in one of `attest-blob` may hold an SBOM

/** Whether JSON is meant as a legacy blob bundle. */
export function looksLikeBlobBundle(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'base64Signature' in json
}

/**
 * Parses a legacy blob bundle; unknown members are refused.
 *
 * @throws CountersignError `BUNDLE_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseBlobBundle(bytes: Uint8Array): BlobBundle {
  return readAs('BUNDLE_MALFORMED', 'bundle', () => {
    const bundle = readObjectOf(parseJson(bytes, 'bundle', blobBundleLimit), 'bundle', ['base64Signature', 'cert', 'rekorBundle'])
    return {
      signature: readBase64(bundle['base64Signature'], 'base64Signature'),
      signer: readSigner(bundle['cert']),
      logBundle: bundle['rekorBundle'] === undefined ? undefined : readLogBundle(bundle['rekorBundle'], 'rekorBundle'),
    }
  })
}

/**
 * The envelope that a bundle of `attest-blob` holds where one of `sign-blob` has its bare signature. Source: cosign 2.5 and 3.1.1, as run.
 *
 * @throws CountersignError `DSSE_MALFORMED` for text that begins like JSON and is no envelope, `LIMIT_EXCEEDED`; nothing is returned for what is no such text
 */
export function envelopeInside({ signature }: Pick<BlobBundle, 'signature'>): DsseEnvelope | undefined {
  if (signature[0] !== 0x7b) return undefined // every JSON object begins with a brace, and no DER signature does
  const what = 'base64Signature'
  return readAs('DSSE_MALFORMED', what, () => {
    try {
      return readDsseEnvelope(parseJson(signature, what, blobBundleLimit), what)
    } catch (error) {
      if (error instanceof CountersignError && error.code === 'UTF8_MALFORMED') return undefined // an RSA signature that happens to begin like one
      throw error
    }
  })
}

/**
 * The legacy bundle of a signature, byte for byte as cosign writes it.
 *
 * @param pem - of the key that made it, or of its certificate
 * @param logBundle - its log entry, where it was logged
 */
export function encodeBlobBundle(signature: Uint8Array, pem: string, logBundle?: LogBundle): Uint8Array {
  return encodeWithBase64(textWithoutSignature(pem, logBundle), signaturePlace, signature)
}

/** The same where a large envelope takes the place of the signature, piece by piece. */
export function blobBundleText(envelope: Uint8Array, pem: string, logBundle?: LogBundle): TextWithBase64 {
  return textWithBase64(textWithoutSignature(pem, logBundle), signaturePlace, envelope)
}

const signaturePlace = '"base64Signature":""'

function textWithoutSignature(pem: string, logBundle: LogBundle | undefined): string {
  return serializeGoJson({
    base64Signature: '',
    cert: encodeBase64(encodeUtf8(pem)),
    ...(logBundle && { rekorBundle: logBundleJson(logBundle) }),
  })
}

function readSigner(cert: unknown): BlobBundle['signer'] {
  if (cert === undefined || cert === '') return { kind: 'none' }
  const pem = readBase64(cert, 'cert')
  const [block] = decodePem(decodeUtf8(pem, 'bundle: cert'), 'bundle: cert')
  switch (block?.label) {
    case 'PUBLIC KEY':
      return { kind: 'public-key', pem }
    case 'CERTIFICATE':
      return { kind: 'certificate', der: block.bytes }
    default:
      throw new CountersignError(
        'BUNDLE_MALFORMED',
        `bundle: cert: want PEM PUBLIC KEY or CERTIFICATE, got ${quote(block?.label ?? 'no PEM')}`,
      )
  }
}
