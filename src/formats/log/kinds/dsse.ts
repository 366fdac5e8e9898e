import { encodeBase64 } from '../../../codec/base64.ts'
import { type Json, readArray, readBase64, readObjectOf } from '../../../codec/json.ts'
import { type EntryDigest, hexDigestJson, protoDigestJson, readHexDigest, readProtoDigest } from './entry-digest.ts'
import {
  type DetailedVerifier,
  type EntryVerifier,
  pemVerifierJson,
  protoVerifierJson,
  readPemVerifier,
  readProtoVerifier,
} from './entry-verifier.ts'

/** A signature of an envelope and what it verifies with. */
export type EnvelopeSignature<V extends EntryVerifier = EntryVerifier> = { readonly signature: Uint8Array; readonly verifier: V }

/** A DSSE envelope: the digest of its payload, and all its signatures. */
export type Dsse = {
  readonly kind: 'dsse'
  readonly payload: EntryDigest
} & (
  | {
      readonly version: '0.0.1'
      readonly envelope: EntryDigest // of the JSON that was uploaded, which nobody keeps: other JSON of the same envelope has another
      readonly signatures: readonly EnvelopeSignature[]
    }
  | { readonly version: '0.0.2'; readonly signatures: readonly EnvelopeSignature<DetailedVerifier>[] }
)

/** Signatures that an envelope in a log may have: Rekor takes no more. */
export const maxEnvelopeSignatures = 10

/** Reads the `spec` of an entry of Rekor v1. @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED`, `LIMIT_EXCEEDED` @see services §3.3 */
export function readDsseV1(spec: Json, at: string): Dsse {
  const { envelopeHash, payloadHash, signatures } = readObjectOf(spec, at, ['envelopeHash', 'payloadHash', 'signatures'])
  return {
    kind: 'dsse',
    version: '0.0.1',
    envelope: readHexDigest(envelopeHash, `${at}.envelopeHash`),
    payload: readHexDigest(payloadHash, `${at}.payloadHash`),
    signatures: readArray(signatures, `${at}.signatures`, maxEnvelopeSignatures, (item, place) => {
      const { signature, verifier } = readObjectOf(item, place, ['signature', 'verifier'])
      return { signature: readBase64(signature, `${place}.signature`), verifier: readPemVerifier(verifier, `${place}.verifier`) }
    }),
  }
}

/** Reads the `spec` of an entry of Rekor v2. @throws CountersignError as above @see services §4.2 */
export function readDsseV2(spec: Json, at: string): Dsse {
  const place = `${at}.dsseV002`
  const { payloadHash, signatures } = readObjectOf(readObjectOf(spec, at, ['dsseV002'])['dsseV002'], place, ['payloadHash', 'signatures'])
  return {
    kind: 'dsse',
    version: '0.0.2',
    payload: readProtoDigest(payloadHash, `${place}.payloadHash`),
    signatures: readArray(signatures, `${place}.signatures`, maxEnvelopeSignatures, (item, itemPlace) => {
      const { content, verifier } = readObjectOf(item, itemPlace, ['content', 'verifier'])
      return { signature: readBase64(content, `${itemPlace}.content`), verifier: readProtoVerifier(verifier, `${itemPlace}.verifier`) }
    }),
  }
}

/** The `spec` that Rekor keeps of such an entry. */
export function dsseSpec(entry: Dsse): Json {
  if (entry.version === '0.0.1')
    return {
      envelopeHash: hexDigestJson(entry.envelope),
      payloadHash: hexDigestJson(entry.payload),
      signatures: entry.signatures.map(({ signature, verifier }) => ({
        signature: encodeBase64(signature),
        verifier: pemVerifierJson(verifier),
      })),
    }
  return {
    dsseV002: {
      payloadHash: protoDigestJson(entry.payload),
      signatures: entry.signatures.map(({ signature, verifier }) => ({
        content: encodeBase64(signature),
        verifier: protoVerifierJson(verifier),
      })),
    },
  }
}
