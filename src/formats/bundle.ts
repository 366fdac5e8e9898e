import { encodeBase64, encodeWithBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import { serializeProtoJson } from '../codec/go-json.ts'
import { withoutLongString } from '../codec/json/long-string.ts'
import { type TextWithBase64, textWithBase64 } from '../codec/json/text-with-base64.ts'
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
import { encodeUtf8, quote } from '../codec/text.ts'
import { protobufHashes, protobufNameOfHash } from '../crypto/algorithm.ts'
import { type HashName, hashLength } from '../crypto/digest.ts'
import { type DsseEnvelope, readDsseEnvelope, withLongPayload } from './dsse.ts'
import { type LogEntry, logEntryJson, readLogEntry } from './log/log-entry.ts'
import { parseProtoJson } from './proto-json.ts'

export type BundleVersion = '0.1' | '0.2' | '0.3'

/** What the evidence says about who signed. A hint proves nothing; it names the key to look for. */
export type BundleMaterial =
  | { readonly kind: 'public-key'; readonly hint: string }
  | { readonly kind: 'certificate'; readonly chain: readonly [Uint8Array, ...Uint8Array[]] } // DER, leaf first; only the leaf is ever read

export type MessageSignature = {
  readonly kind: 'message'
  readonly messageDigest: { readonly hash: HashName; readonly digest: Uint8Array } | undefined
  readonly signature: Uint8Array
}

/** A Sigstore bundle: one signature with all that is needed to check it. Decoded, not checked. Source: protobuf-specs `sigstore_bundle.proto`. */
export type Bundle = {
  readonly version: BundleVersion
  readonly material: BundleMaterial
  readonly logEntries: readonly LogEntry[]
  readonly timestamps: readonly Uint8Array[] // RFC 3161 responses, DER
  readonly content: MessageSignature | { readonly kind: 'dsse'; readonly envelope: DsseEnvelope }
}

/** The media type this project writes, for a bundle and for its layer and manifest in a registry. */
export const bundleMediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** Whether a media type is that of a bundle, of whatever version: `…bundle.v0.3+json`, `…bundle+json;version=0.1`. */
export function isBundleMediaType(mediaType: string): boolean {
  return /^application\/vnd\.dev\.sigstore\.bundle[.+]/.test(mediaType)
}

/** Annotation of a bundle's manifest that states the predicate type inside. Unsigned: it can only hide a bundle. */
export const predicateTypeAnnotation = 'dev.sigstore.bundle.predicateType'

const versionOfMediaType = new Map<string, BundleVersion>([
  [bundleMediaType, '0.3'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.3', '0.3'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.2', '0.2'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.1', '0.1'],
])

/** Bytes of a bundle at most: cosign's cap on attachments. */
export const bundleLimitBytes = 128 << 20

const bundleLimits = { bytes: bundleLimitBytes }
/** Where the payload of a bundle is, each name in both spellings. */
export const bundlePayloadPath: readonly (readonly string[])[] = [['dsseEnvelope', 'dsse_envelope'], ['payload']]

/** Bytes of a bundle at most that is a signature and no attestation, whose predicate may be an SBOM. */
export const signatureBundleLimitBytes = 16 << 20
const materialMembers = ['publicKey', 'x509CertificateChain', 'certificate', 'tlogEntries', 'timestampVerificationData']
const maxLogEntries = 32
const maxTimestamps = 32
const maxChain = 10

export type ParseBundleOptions = {
  /** Version 0.3 may carry a chain as well (`--allow-certificate-chain`). Only its leaf is ever read. */
  readonly allowsChain?: boolean
  /** Nobody needs the bytes afterwards, so that a long payload may be decoded in its own place. Whatever comes of it, they are spoilt. */
  readonly consumes?: boolean
}

/**
 * Parses a bundle of version 0.1 to 0.3, in proto3 JSON with lowerCamel or proto member names; unknown members are refused.
 *
 * @throws CountersignError `BUNDLE_MALFORMED`, `DSSE_MALFORMED` or `LIMIT_EXCEEDED`
 * @see formats-and-flows §4
 */
export function parseBundle(bytes: Uint8Array, options: ParseBundleOptions = {}): Bundle {
  return readAs('BUNDLE_MALFORMED', 'bundle', () => {
    const { rest, string } = withoutLongString(bytes, 'bundle', bundleLimits, bundlePayloadPath)
    const bundle = parseBundleJson(rest)
    const mediaType = readString(bundle['mediaType'], 'mediaType')
    const version = versionOfMediaType.get(mediaType)
    if (!version) throw malformed(`mediaType: want a bundle of version 0.1 to 0.3, got ${quote(mediaType)}`)
    const material = readObjectOf(bundle['verificationMaterial'], 'verificationMaterial', materialMembers)
    const logEntries = readArray(material['tlogEntries'] ?? [], 'verificationMaterial.tlogEntries', maxLogEntries, readLogEntry)
    checkProofs(version, logEntries)
    return {
      version,
      material: readMaterial(material, version !== '0.3' || options.allowsChain === true),
      logEntries,
      timestamps: readTimestamps(material['timestampVerificationData'], 'verificationMaterial.timestampVerificationData'),
      content: readContent(bundle, string && { payload: string, within: options.consumes ? bytes : undefined }),
    }
  })
}

/** What may be a bundle as JSON; a payload that takes megabytes is left out, and `""` in its place. */
export type BundleOutline = { readonly json: Json; readonly isWithoutPayload: boolean }

/**
 * Reads enough of what may be a bundle to tell formats apart, or to show it: all of it but a long payload.
 *
 * @param what - begins every message
 * @throws CountersignError `BUNDLE_MALFORMED` for what is no JSON, `LIMIT_EXCEEDED`
 */
export function parseBundleOutline(bytes: Uint8Array, what: string): BundleOutline {
  return readAs('BUNDLE_MALFORMED', what, () => {
    const { rest, string } = withoutLongString(bytes, what, bundleLimits, bundlePayloadPath)
    return { json: parseJson(rest, what, bundleLimits), isWithoutPayload: string !== undefined }
  })
}

/**
 * A bundle as JSON with lowerCamel member names, its outermost members known and nothing inside them read.
 *
 * @throws CountersignError `JSON_MALFORMED`, `BUNDLE_MALFORMED` for a member in two spellings, `LIMIT_EXCEEDED`
 */
export function parseBundleJson(bytes: Uint8Array): JsonObject {
  const json = parseProtoJson(bytes, 'bundle', bundleLimits)
  return readObjectOf(json, 'bundle', ['mediaType', 'verificationMaterial', 'messageSignature', 'dsseEnvelope'])
}

/** Whether bytes are meant as a bundle, so that a file in another format is not reported as a broken bundle. */
export function looksLikeBundle(json: unknown): boolean {
  return typeof json === 'object' && json !== null && ('mediaType' in json || 'media_type' in json)
}

/** A bundle as compact proto3 JSON, in the member order cosign writes. Of a certificate chain version 0.3 has the leaf alone. */
export function encodeBundle(bundle: Bundle): Uint8Array {
  const { content } = bundle
  if (content.kind === 'message')
    return encodeUtf8(serializeProtoJson({ ...membersOf(bundle), messageSignature: encodeMessageSignature(content) }))
  return encodeWithBase64(textWithoutPayload(bundle, content.envelope), payloadPlace, content.envelope.payload)
}

/** The same of an envelope whose payload is large, piece by piece. */
export function bundleText(bundle: Omit<Bundle, 'content'>, envelope: DsseEnvelope): TextWithBase64 {
  return textWithBase64(textWithoutPayload(bundle, envelope), payloadPlace, envelope.payload)
}

const payloadPlace = '"dsseEnvelope":{"payload":""'

function textWithoutPayload(bundle: Omit<Bundle, 'content'>, { payloadType, signature }: DsseEnvelope): string {
  const dsseEnvelope = { payload: '', payloadType, signatures: [{ sig: encodeBase64(signature) }] }
  return serializeProtoJson({ ...membersOf(bundle), dsseEnvelope })
}

function membersOf({ version, material, logEntries, timestamps }: Omit<Bundle, 'content'>) {
  return {
    mediaType: mediaTypeOf(version),
    verificationMaterial: {
      ...encodeMaterial(material, version),
      ...(logEntries.length > 0 && { tlogEntries: logEntries.map(logEntryJson) }),
      ...(timestamps.length > 0 && {
        timestampVerificationData: { rfc3161Timestamps: timestamps.map(der => ({ signedTimestamp: encodeBase64(der) })) },
      }),
    },
  }
}

/** A bundle of version 0.3 signed by a bare key, and nothing with it. */
export function encodeKeyBundle(hint: string, content: Bundle['content']): Uint8Array {
  return encodeBundle({ version: '0.3', material: { kind: 'public-key', hint }, logEntries: [], timestamps: [], content })
}

function mediaTypeOf(version: BundleVersion): string {
  return version === '0.3' ? bundleMediaType : `application/vnd.dev.sigstore.bundle+json;version=${version}`
}

function encodeMaterial(material: BundleMaterial, version: BundleVersion) {
  if (material.kind === 'public-key') return { publicKey: { hint: material.hint } }
  const rawBytes = (der: Uint8Array) => ({ rawBytes: encodeBase64(der) })
  return version === '0.3'
    ? { certificate: rawBytes(material.chain[0]) }
    : { x509CertificateChain: { certificates: material.chain.map(rawBytes) } }
}

function encodeMessageSignature({ messageDigest, signature }: MessageSignature) {
  const algorithm = messageDigest && protobufNameOfHash(messageDigest.hash)
  if (!algorithm) throw new TypeError('a message signature is written with its digest')
  return { messageDigest: { algorithm, digest: encodeBase64(messageDigest.digest) }, signature: encodeBase64(signature) }
}

function malformed(message: string): CountersignError {
  return new CountersignError('BUNDLE_MALFORMED', `bundle: ${message}`)
}

/** 0.1 stands on the log's promise, later versions on its proof; one entry that has it is enough. */
function checkProofs(version: BundleVersion, entries: readonly LogEntry[]): void {
  if (entries.length === 0) return
  if (version === '0.1' && !entries.some(entry => entry.inclusionPromise))
    throw malformed('verificationMaterial.tlogEntries: want an inclusion promise in a bundle of version 0.1, got none')
  if (version !== '0.1' && !entries.some(entry => entry.inclusionProof))
    throw malformed(`verificationMaterial.tlogEntries: want an inclusion proof in a bundle of version ${version}, got none`)
  if (version !== '0.1' && entries.some(({ inclusionProof }) => inclusionProof && inclusionProof.checkpoint === undefined))
    throw malformed(`verificationMaterial.tlogEntries: want a checkpoint in each inclusion proof of a bundle of version ${version}`)
}

function readMaterial(material: JsonObject, allowsChain: boolean): BundleMaterial {
  const kinds = ['publicKey', 'certificate', 'x509CertificateChain'].filter(name => material[name] !== undefined)
  if (kinds.length !== 1)
    throw malformed(
      `verificationMaterial: want one of publicKey, certificate and x509CertificateChain, got ${kinds.join(' and ') || 'none'}`,
    )
  const at = `verificationMaterial.${kinds[0]}`
  const value = material[kinds[0]!]
  if (kinds[0] === 'publicKey')
    return { kind: 'public-key', hint: readString(readObjectOf(value, at, ['hint'])['hint'] ?? '', `${at}.hint`) }
  if (kinds[0] === 'certificate') return { kind: 'certificate', chain: [readCertificate(value, at)] }
  if (!allowsChain) throw malformed(`${at}: a bundle of version 0.3 carries one certificate, not a chain`)
  const certificates = readObjectOf(value, at, ['certificates'])['certificates']
  const [leaf, ...issuers] = readArray(certificates, `${at}.certificates`, maxChain, readCertificate)
  if (!leaf) throw malformed(`${at}.certificates: want at least one, got none`)
  return { kind: 'certificate', chain: [leaf, ...issuers] }
}

function readCertificate(value: unknown, at: string): Uint8Array {
  return readBase64(readObjectOf(value, at, ['rawBytes'])['rawBytes'], `${at}.rawBytes`)
}

function readTimestamps(value: unknown, at: string): Uint8Array[] {
  if (value === undefined) return []
  const timestamps = readObjectOf(value, at, ['rfc3161Timestamps'])['rfc3161Timestamps']
  return readArray(timestamps ?? [], `${at}.rfc3161Timestamps`, maxTimestamps, (item, path) =>
    readBase64(readObjectOf(item, path, ['signedTimestamp'])['signedTimestamp'], `${path}.signedTimestamp`),
  )
}

/** @param taken - the payload in base64, where it was taken out of the envelope, and the bytes that it may be decoded in */
function readContent(
  bundle: JsonObject,
  taken: { readonly payload: Uint8Array; readonly within: Uint8Array | undefined } | undefined,
): Bundle['content'] {
  const { messageSignature, dsseEnvelope } = bundle
  if ((messageSignature === undefined) === (dsseEnvelope === undefined))
    throw malformed(`want one of messageSignature and dsseEnvelope, got ${dsseEnvelope === undefined ? 'neither' : 'both'}`)
  if (dsseEnvelope !== undefined) {
    const envelope = readDsseEnvelope(dsseEnvelope, 'dsseEnvelope')
    return { kind: 'dsse', envelope: taken ? withLongPayload(envelope, taken.payload, 'dsseEnvelope', taken.within) : envelope }
  }
  const message = readObjectOf(messageSignature, 'messageSignature', ['messageDigest', 'signature'])
  return {
    kind: 'message',
    messageDigest: readMessageDigest(message['messageDigest'], 'messageSignature.messageDigest'),
    signature: readBase64(message['signature'], 'messageSignature.signature'),
  }
}

/** cosign 3.1.1 writes `{}` for Ed25519 keys: no digest is declared then, and the signature alone binds the artifact. */
function readMessageDigest(value: unknown, at: string): MessageSignature['messageDigest'] {
  if (value === undefined || Object.keys(readObject(value, at)).length === 0) return undefined
  const { algorithm, digest } = readObjectOf(value, at, ['algorithm', 'digest'])
  const name = readString(algorithm, `${at}.algorithm`)
  const hash = protobufHashes.get(name)
  if (!hash) throw malformed(`${at}.algorithm: want one of ${[...protobufHashes.keys()].join(', ')}, got ${quote(name)}`)
  const bytes = readBase64(digest, `${at}.digest`)
  if (bytes.length !== hashLength(hash)) throw malformed(`${at}.digest: want ${hashLength(hash)} bytes, got ${bytes.length}`)
  return { hash, digest: bytes }
}
