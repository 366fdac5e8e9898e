import { encodeBase64, encodeWithBase64 } from '../codec/base64.ts'
import { bytesEqual, concatBytes, releaseBytes } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { serializeGoJson } from '../codec/go-json.ts'
import { decodeLongBase64 } from '../codec/json/long-base64.ts'
import { withoutLongString } from '../codec/json/long-string.ts'
import { type TextWithBase64, textWithBase64 } from '../codec/json/text-with-base64.ts'
import { parseJson, readArray, readAs, readBase64, readObjectOf, readString } from '../codec/json.ts'
import { encodeUtf8 } from '../codec/text.ts'

/** A DSSE envelope that carries exactly one signature, as every bundle and every cosign attestation does. Its `keyid` proves nothing and is not kept. */
export type DsseEnvelope = {
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** The bytes a DSSE signature covers: `DSSEv1 SP len(type) SP type SP len(body) SP body`. Source: DSSE protocol, "PAE". */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const prefix = prefixOf(payloadType, payload.length)
  const { buffer, byteOffset, length } = payload
  const start = byteOffset - prefix.length
  const isBehind = start >= 0 && bytesEqual(new Uint8Array(buffer, start, prefix.length), prefix) // by `withLongPayload`
  return isBehind ? new Uint8Array(buffer, start, prefix.length + length) : concatBytes(prefix, payload)
}

/** Bytes before a payload that `writePreAuthPrefix` may write to. */
export function preAuthRoom(payloadType: string): number {
  return prefixOf(payloadType, Number.MAX_SAFE_INTEGER).length
}

/**
 * Writes what a signature covers before a payload into the `preAuthRoom` bytes before it, which must be the caller's and free:
 * `preAuthEncoding` then has nothing to copy.
 */
export function writePreAuthPrefix(payloadType: string, { buffer, byteOffset, length }: Uint8Array): void {
  const prefix = prefixOf(payloadType, length)
  new Uint8Array(buffer, byteOffset - prefix.length).set(prefix)
}

/**
 * A payload where what a signature covers before it is before it, so that `preAuthEncoding` has nothing to copy: a copy of the given bytes, the
 * memory of which is given back.
 *
 * @param payload - nobody may look at it again
 */
export function behindPreAuthPrefix(payloadType: string, payload: Uint8Array): Uint8Array {
  const room = preAuthRoom(payloadType)
  const placed = new Uint8Array(room + payload.length).subarray(room)
  placed.set(payload)
  releaseBytes(payload)
  writePreAuthPrefix(payloadType, placed)
  return placed
}

function prefixOf(payloadType: string, length: number): Uint8Array {
  const type = encodeUtf8(payloadType)
  return concatBytes(encodeUtf8(`DSSEv1 ${type.length} `), type, encodeUtf8(` ${length} `))
}

/**
 * An envelope with the payload that was taken out of its JSON, decoded behind what the signature covers before it: `preAuthEncoding` then has
 * nothing to copy.
 *
 * @param payload - base64, as bytes
 * @param within - bytes that it is a part of, where nobody needs them any more: it is decoded in its own place
 * @throws CountersignError `DSSE_MALFORMED`
 */
export function withLongPayload(envelope: DsseEnvelope, payload: Uint8Array, at: string, within?: Uint8Array | undefined): DsseEnvelope {
  const { payloadType } = envelope
  const before = prefixOf(payloadType, payload.length).length // as long as that of the decoded payload, or one digit longer
  const decoded = decodeLongBase64(payload, `${at}.payload`, { before, code: 'DSSE_MALFORMED', within })
  writePreAuthPrefix(payloadType, decoded)
  return { ...envelope, payload: decoded }
}

/** JSON of an envelope at most: cosign's cap on attachments. Its members are a handful, whatever its payload is. */
const envelopeLimits = { bytes: 128 << 20, depth: 8, values: 1000 }

/**
 * Parses the JSON of an envelope, as a layer of the older layout holds it. `what` begins every message.
 *
 * @throws CountersignError `DSSE_MALFORMED`, `LIMIT_EXCEEDED`
 */
export function parseDsseEnvelope(json: Uint8Array, what: string): DsseEnvelope {
  return readAs('DSSE_MALFORMED', what, () => {
    const { rest, string } = withoutLongString(json, what, envelopeLimits, [['payload']])
    const envelope = readDsseEnvelope(parseJson(rest, what, envelopeLimits), what)
    return string ? withLongPayload(envelope, string, what) : envelope
  })
}

/** JSON of an envelope, byte for byte as cosign 2 uploads it and keeps it in a layer. Source: formats-and-flows §2.2. */
export function encodeDsseEnvelope(envelope: DsseEnvelope): Uint8Array {
  return encodeWithBase64(textWithoutPayload(envelope), '"payload":""', envelope.payload)
}

/** The same of an envelope whose payload is large, piece by piece. */
export function dsseEnvelopeText(envelope: DsseEnvelope): TextWithBase64 {
  return textWithBase64(textWithoutPayload(envelope), '"payload":""', envelope.payload)
}

function textWithoutPayload({ payloadType, signature }: DsseEnvelope): string {
  return serializeGoJson({ payloadType, payload: '', signatures: [{ keyid: '', sig: encodeBase64(signature) }] })
}

/**
 * Reads an envelope. `at` is its JSON path.
 *
 * @throws CountersignError `DSSE_MALFORMED`; an envelope with no signature, or with several, is one
 */
export function readDsseEnvelope(value: unknown, at: string): DsseEnvelope {
  return readAs('DSSE_MALFORMED', at, () => {
    const envelope = readObjectOf(value, at, ['payload', 'payloadType', 'signatures'])
    const signatures = readArray(envelope['signatures'], `${at}.signatures`, 16, (item, path) => {
      const signature = readObjectOf(item, path, ['sig', 'keyid'])
      readString(signature['keyid'] ?? '', `${path}.keyid`)
      return readBase64(signature['sig'], `${path}.sig`)
    })
    const [signature] = signatures
    if (!signature || signatures.length > 1)
      throw new CountersignError('DSSE_MALFORMED', `${at}.signatures: want exactly one signature, got ${signatures.length}`)
    return {
      payloadType: readString(envelope['payloadType'], `${at}.payloadType`),
      payload: readBase64(envelope['payload'], `${at}.payload`),
      signature,
    }
  })
}
