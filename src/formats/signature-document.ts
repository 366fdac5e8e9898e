import { decodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import {
  type Json,
  type JsonObject,
  parseJson,
  readArray,
  readAs,
  readBase64,
  readObject,
  readObjectOf,
  readString,
} from '../codec/json.ts'
import { decodeUtf8, encodeUtf8, quote } from '../codec/text.ts'
import { type BlobBundle, looksLikeBlobBundle, parseBlobBundle } from './blob-bundle.ts'
import { type Bundle, bundleLimitBytes, looksLikeBundle, parseBundle } from './bundle.ts'
import { type DsseEnvelope, readDsseEnvelope } from './dsse.ts'
import { type LogBundle, readLogBundle } from './log/log-bundle.ts'
import { parseSimpleSigning, type SimpleSigning } from './simple-signing.ts'
import { readTimestampJson } from './timestamp/timestamp-json.ts'

/** A legacy image signature as a line of `download signature` has it. Decoded, not checked. Source: formats-and-flows §10. */
export type DownloadedSignature = {
  readonly signature: Uint8Array
  readonly payload: SimpleSigning
  readonly certificates: readonly Uint8Array[] // DER, the signer's first
  readonly logBundle: LogBundle | undefined
  readonly timestamp: Uint8Array | undefined // RFC 3161 response, DER
}

/** One signature in any of the forms it is kept in outside a registry. */
export type SignatureDocument = { readonly bytes: Uint8Array } & (
  | { readonly format: 'bundle'; readonly mediaType: string; readonly bundle: Bundle }
  | { readonly format: 'blob-bundle'; readonly bundle: BlobBundle }
  | { readonly format: 'dsse-envelope'; readonly envelope: DsseEnvelope }
  | { readonly format: 'image-signature'; readonly signature: DownloadedSignature }
)

const maxDocuments = 1_000
const maxChain = 10

/**
 * Reads a file of signatures: one JSON document, or one on each line as `download` prints them.
 *
 * @param what - begins messages that no format's own reader makes
 * @throws CountersignError `BUNDLE_MALFORMED` for JSON of no known form and for no JSON at all; what the form's reader
 *   throws; `LIMIT_EXCEEDED` above 1000 documents
 */
export function parseSignatureDocuments(bytes: Uint8Array, what: string): readonly [SignatureDocument, ...SignatureDocument[]] {
  const lines = splitLines(bytes, what)
  const [first, ...others] = lines
  if (!first) return [parseDocument(bytes, what)]
  return [parseDocument(first, `${what} line 1`), ...others.map((line, index) => parseDocument(line, `${what} line ${index + 2}`))]
}

/** Lines that each begin and end as an object does, where there are several: JSON that is laid out over lines has others too. */
function splitLines(bytes: Uint8Array, what: string): readonly Uint8Array[] {
  if (bytes.length > bundleLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${bundleLimitBytes} bytes, got ${bytes.length}`)
  const text = decodeUtf8(bytes, what, 'BUNDLE_MALFORMED')
  const lines: string[] = []
  for (let [at, end] = [0, 0]; at < text.length; at = end + 1) {
    end = text.indexOf('\n', at)
    if (end < 0) end = text.length
    const line = text.slice(at, end)
    if (line.trim() === '') continue
    if (!/^\{.*\}\s*$/.test(line)) return []
    lines.push(line)
    if (lines.length > maxDocuments)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxDocuments} documents, got more`)
  }
  return lines.length > 1 ? lines.map(encodeUtf8) : []
}

function parseDocument(bytes: Uint8Array, what: string): SignatureDocument {
  const json = readAs('BUNDLE_MALFORMED', what, () => parseJson(bytes, what, { bytes: bundleLimitBytes }))
  if (looksLikeBundle(json)) return { bytes, format: 'bundle', mediaType: mediaTypeOf(json), bundle: parseBundle(bytes) }
  if (looksLikeBlobBundle(json)) return { bytes, format: 'blob-bundle', bundle: parseBlobBundle(bytes) }
  const object = typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : {}
  if (object['payloadType'] !== undefined) return { bytes, format: 'dsse-envelope', envelope: readDsseEnvelope(json, 'envelope') }
  if (object['Base64Signature'] !== undefined)
    return { bytes, format: 'image-signature', signature: readAs('BUNDLE_MALFORMED', what, () => readDownloaded(object, what)) }
  throw new CountersignError(
    'BUNDLE_MALFORMED',
    `${what}: want a Sigstore bundle, a blob bundle of cosign 2, a DSSE envelope or a line of \`download signature\`, got ${outline(json)}`,
  )
}

function mediaTypeOf(json: Json): string {
  const { mediaType, media_type } = readObject(json, 'bundle')
  return readString(mediaType ?? media_type, 'bundle: mediaType')
}

function outline(json: Json): string {
  if (typeof json !== 'object' || json === null) return `JSON that is no object`
  const names = Object.keys(json)
  return names.length === 0 ? 'nothing' : `JSON with ${names.slice(0, 5).map(quote).join(', ')}`
}

const downloadedMembers = ['Base64Signature', 'Payload', 'Cert', 'Chain', 'Bundle', 'RFC3161Timestamp']

function readDownloaded(json: JsonObject, what: string): DownloadedSignature {
  const line = readObjectOf(json, what, downloadedMembers)
  const { Cert, Chain, Bundle, RFC3161Timestamp } = line
  const [cert, chain] = [Cert ?? null, Chain ?? null]
  return {
    signature: decodeBase64(readString(line['Base64Signature'], 'Base64Signature'), 'Base64Signature'),
    payload: parseSimpleSigning(readBase64(line['Payload'], 'Payload')),
    certificates: [
      ...(cert === null ? [] : [readCertificate(cert, 'Cert')]),
      ...(chain === null ? [] : readArray(chain, 'Chain', maxChain, readCertificate)),
    ],
    logBundle: (Bundle ?? null) === null ? undefined : readLogBundle(Bundle, 'Bundle'),
    timestamp: (RFC3161Timestamp ?? null) === null ? undefined : readTimestampJson(RFC3161Timestamp, 'RFC3161Timestamp'),
  }
}

/** Go writes a certificate as an object of all its parsed fields; `Raw` is what they were read from. */
function readCertificate(value: unknown, at: string): Uint8Array {
  return readBase64(readObject(value, at)['Raw'], `${at}.Raw`)
}
