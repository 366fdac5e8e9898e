import { decodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import { type GoJson, serializeGoJson } from '../codec/go-json.ts'
import { type Json, parseJson, readAs, readObject, readObjectOf, readString } from '../codec/json.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { type OciDigest, parseOciDigest } from './oci-digest.ts'

/** `critical.type` of every payload cosign signs. */
export const simpleSigningType = 'cosign container image signature'

/** Layer media type of a payload in a `.sig` manifest. */
export const simpleSigningMediaType = 'application/vnd.dev.cosign.simplesigning.v1+json'

/** Layer annotation that holds the base64 signature over the layer's bytes. */
export const signatureAnnotation = 'dev.cosignproject.cosign/signature'

/**
 * The signature in a layer's annotations, base64 in one line; a line end after it is passed over, because cosign's `attach
 * signature` keeps that of the file it is given.
 *
 * @throws CountersignError `SIGNATURE_MALFORMED` where there is none, `BASE64_MALFORMED`
 */
export function readSignatureAnnotation(annotations: ReadonlyMap<string, string>): Uint8Array {
  const text = annotations.get(signatureAnnotation)
  if (!text) throw new CountersignError('SIGNATURE_MALFORMED', `layer: want annotation ${signatureAnnotation}, got none`)
  return decodeBase64(text.replace(/\r?\n$/, ''), `layer: annotation ${signatureAnnotation}`)
}

/** What a legacy signature says about an image. Untrusted until its signature is checked. Source: formats-and-flows §2.1. */
export type SimpleSigning = {
  readonly dockerReference: string // the repository the signer had in mind; never compared with where the image was found
  readonly manifestDigest: OciDigest
  readonly optional: ReadonlyMap<string, Json> // the signer's annotations; values are strings unless another tool wrote them
}

/** Bytes that a legacy signature covers, exactly as cosign writes them. */
export function encodeSimpleSigning(payload: SimpleSigning): Uint8Array {
  return encodeUtf8(serializeGoJson(simpleSigningJson(payload)))
}

/** The payload as the JSON that `verify` prints: `optional` is null when there are no annotations. */
export function simpleSigningJson(payload: SimpleSigning): GoJson {
  return {
    critical: {
      identity: { 'docker-reference': payload.dockerReference },
      image: { 'docker-manifest-digest': payload.manifestDigest },
      type: simpleSigningType,
    },
    optional: payload.optional.size === 0 ? null : payload.optional,
  }
}

/** Bytes of a payload at most: far above what any signer writes. */
export const payloadLimitBytes = 4 << 20

/**
 * Parses a payload. Members we do not know are refused inside `critical`, where they would be conditions we do not check.
 *
 * @throws CountersignError `PAYLOAD_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseSimpleSigning(bytes: Uint8Array): SimpleSigning {
  return readAs('PAYLOAD_MALFORMED', 'payload', () => {
    const payload = readObjectOf(parseJson(bytes, 'payload', { bytes: payloadLimitBytes }), 'payload', ['critical', 'optional'])
    const critical = readObjectOf(payload['critical'], 'critical', ['identity', 'image', 'type'])
    const identity = readObjectOf(critical['identity'], 'critical.identity', ['docker-reference'])
    const image = readObjectOf(critical['image'], 'critical.image', ['docker-manifest-digest'])
    const type = readString(critical['type'], 'critical.type')
    if (type !== simpleSigningType)
      throw new CountersignError('PAYLOAD_MALFORMED', `payload: critical.type: want ${quote(simpleSigningType)}, got ${quote(type)}`)
    const optional = payload['optional'] ?? null
    return {
      dockerReference: readString(identity['docker-reference'], 'critical.identity.docker-reference'),
      manifestDigest: readDigest(image['docker-manifest-digest'], 'critical.image.docker-manifest-digest'),
      optional: new Map(optional === null ? [] : Object.entries(readObject(optional, 'optional'))),
    }
  })
}

function readDigest(value: unknown, at: string): OciDigest {
  return parseOciDigest(readString(value, at), `payload: ${at}`, 'PAYLOAD_MALFORMED')
}
